"""What the hub's page templates use: words in the reader's language, our static files, headers."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
from jinja2.utils import htmlsafe_json_dumps
from jupyterhub.handlers.static import (
    CacheControlStaticFilesHandler,
)
from jupyterhub.utils import url_path_join
from markupsafe import Markup

from nacelle.hub.french import SCRIPTS
from nacelle.hub.words import translate, translate_note
from nacelle.language import InBoth, Language, choose_language
from nacelle.settings import Settings

# Pages load nothing from elsewhere and run no script written into them. JupyterHub's own
# administration page sets style attributes.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline';"
        " object-src 'none'; base-uri 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


def landing(handler: Any) -> str:
    """Where a login without a wish of its own leads: one's session's page, or choosing one."""
    user = handler.current_user
    if user is None:
        return ""
    spawner = user.spawner
    page = "home" if spawner.active or spawner.failure else "spawn"
    return str(url_path_join(handler.hub.base_url, page))


def template_vars(settings: Settings) -> dict[str, Any]:
    """Names that every template has beside JupyterHub's own."""
    words = _words(settings)
    return {
        "platform": settings.title,
        "address": settings.url,
        "has_passwords": settings.hub.authenticator == "nacelle",
        # JupyterHub calls what can be called with the user; these are to be called by templates.
        "t": lambda user: words,
        "noted": lambda user: _noted(settings),
        "language": lambda user: _language(settings),
        "words_for_scripts": lambda user: _script_words(settings),
        "heading_of": lambda user: heading_of,
        "advice_of": lambda user: advice_of,
    }


def _words(settings: Settings) -> Callable[..., str]:
    language = _language(settings)

    @jinja2.pass_context
    def t(context: jinja2.runtime.Context, text: str | InBoth, **values: Any) -> str:
        return translate(text, language(context), **values)

    return t


def _noted(settings: Settings) -> Callable[..., str]:
    language = _language(settings)

    @jinja2.pass_context
    def noted(context: jinja2.runtime.Context, note: str) -> str:
        return translate_note(note, language(context))

    return noted


def _language(settings: Settings) -> Callable[[jinja2.runtime.Context], Language]:
    @jinja2.pass_context
    def language(context: jinja2.runtime.Context) -> Language:
        # Templates are not given the request; `static_url` is a method of the handler that has it.
        handler = getattr(context.get("static_url"), "__self__", None)
        accepted = handler.request.headers.get("Accept-Language") if handler else None
        return choose_language(accepted, settings.hub.language)

    return language


def _script_words(settings: Settings) -> Callable[..., Markup]:
    language = _language(settings)

    @jinja2.pass_context
    def words_for_scripts(context: jinja2.runtime.Context) -> Markup:
        return htmlsafe_json_dumps(SCRIPTS if language(context) == "fr" else {})

    return words_for_scripts


def heading_of(status: int) -> str:
    """What an error means to the reader."""
    if status in (401, 403):
        return "You may not see this"
    if status == 404:
        return "There is nothing here"
    if status in (502, 503, 504):
        return "This does not answer"
    return "Something went wrong" if status >= 500 else "This cannot be done as asked"


def advice_of(status: int) -> str:
    """What the reader can do about an error."""
    if status in (401, 403):
        return (
            "It belongs to somebody else, or your login has ended. Log in again, or ask whoever"
            " sent you here."
        )
    if status == 404:
        return "The address may be mistyped, or what it led to is gone or not yours to see."
    if status in (502, 503, 504):
        return "This part of the platform is starting or stopped. Try again in a moment."
    if status >= 500:
        return "Try again. If it happens again, tell an administrator the time and this address."
    return "Go back, change what the message names, and try again."


def static_handler(folder: Path) -> type[Any]:
    """JupyterHub's handler of /hub/static/, with our files under /hub/static/nacelle/."""
    root = os.path.abspath(folder)  # noqa: PTH100 (tornado compares text)

    class StaticFiles(CacheControlStaticFilesHandler):  # type: ignore[misc]
        @classmethod
        def get_absolute_path(cls, hub_root: str, path: str) -> str:
            if path.startswith("nacelle/"):
                return os.path.abspath(Path(root) / path.removeprefix("nacelle/"))  # noqa: PTH100
            found: str = super().get_absolute_path(hub_root, path)
            return found

        def validate_absolute_path(self, hub_root: str, absolute_path: str) -> str | None:
            ours = absolute_path == root or absolute_path.startswith(root + os.sep)
            allowed = root if ours else hub_root
            valid: str | None = super().validate_absolute_path(allowed, absolute_path)
            return valid

    return StaticFiles
