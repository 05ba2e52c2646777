"""What a door says when it refuses or fails: a sentence for programs, a page for browsers."""

from __future__ import annotations

import html
import json
from http import HTTPStatus

from tornado.httputil import HTTPServerRequest
from tornado.web import HTTPError

from nacelle.language import Language, Said, choose_language

_CODES = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "ENDPOINT_NOT_FOUND",
    502: "TEMPORARILY_UNAVAILABLE",
    503: "TEMPORARILY_UNAVAILABLE",
}
_BACK = Said("Back to the home page", "Retour à l'accueil")
_REQUEST = Said("Request", "Requête")


class Refusal(HTTPError):
    """An error whose sentence is meant for the person asking."""

    def __init__(self, status: int, sentence: Said, detail: str = "") -> None:
        super().__init__(status)
        self.sentence = sentence
        # What the application said, in its own words.
        self.detail = detail


def wants_page(request: HTTPServerRequest) -> bool:
    """Whether somebody opens this address in a browser."""
    return request.method in ("GET", "HEAD") and "text/html" in request.headers.get("Accept", "")


def reader_language(request: HTTPServerRequest, forced: str) -> Language:
    """The language of whoever asks; `forced` as in the settings."""
    return choose_language(request.headers.get("Accept-Language"), forced)


def refusal_of(name: str, status: int, body: bytes) -> Refusal:
    """A refusal or error that the application `name` answered as JSON, for a page."""
    if status == HTTPStatus.NOT_FOUND:
        said = Said("There is nothing here.", "Il n'y a rien ici.")
    elif status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        said = Said(
            "This is not offered on this platform, or not yours to see.",
            "Ceci n'est pas proposé sur cette plateforme, ou ne vous est pas ouvert.",
        )
    elif status < HTTPStatus.INTERNAL_SERVER_ERROR:
        said = Said("This cannot be done as asked.", "Ceci n'est pas possible tel que demandé.")
    else:
        said = Said(f"{name} failed at this; try again.", f"{name} a échoué ; réessayez.")
    try:
        detail = str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        detail = ""
    return Refusal(status, said, detail)


def sentence_of(error: BaseException | None, status: int, request_id: str) -> Said:
    """What to tell about any error."""
    if isinstance(error, Refusal):
        return error.sentence
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return Said(
            "The hub does not answer; try again shortly",
            "Le hub ne répond pas ; réessayez dans un instant",
        )
    if isinstance(error, HTTPError) and status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return Said(
            error.log_message or HTTPStatus(status).phrase,
            "Ceci n'a pas abouti ; revenez à l'accueil et recommencez",
        )
    return Said(
        f"Something went wrong here; tell your administrator the request id {request_id}",
        "Quelque chose s'est mal passé ; donnez le numéro de requête"
        f" {request_id} à un administrateur",
    )


def make_json(status: int, message: str, request_id: str) -> str:
    """An error as MLflow's clients read it."""
    code = _CODES.get(status, "INTERNAL_ERROR")
    return json.dumps({"error_code": code, "message": message, "request_id": request_id})


def make_page(
    name: str, said: Said, detail: str, request_id: str, home: str, language: Language
) -> str:
    """An error as people read it. `home` is the address of the hub's home page."""
    spoken = html.escape(said.in_language(language))
    own_words = f"<p lang=en><small>{html.escape(detail)}</small></p>" if detail else ""
    return (
        f"<!doctype html><html lang={language}><meta charset=utf-8>"
        '<meta name=viewport content="width=device-width">'
        f"<title>{html.escape(name)}</title>"
        "<style>body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:4rem auto;"
        "padding:0 1rem;color-scheme:light dark}</style>"
        f"<h1>{html.escape(name)}</h1><p>{spoken}</p>{own_words}"
        f'<p><a href="{html.escape(home)}">{_BACK.in_language(language)}</a></p>'
        f"<p><small>{_REQUEST.in_language(language)} {request_id}</small></p></html>"
    )
