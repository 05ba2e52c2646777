"""What the hub's two pages of the classifier share: they ask its API for whoever is logged in."""

from __future__ import annotations

from typing import Any

import httpx
from jupyterhub.handlers import BaseHandler

from nacelle.credentials.identity import PROOF_HEADER, Person, sign_proof
from nacelle.language import Language, Said, choose_language
from nacelle.layout import Layout
from nacelle.prefixes import NACE_PREFIX
from nacelle.secrets import read_secret
from nacelle.settings import Settings

_SERVICE = "nace"
_TIMEOUT = httpx.Timeout(35, connect=3)

_AWAY = Said(
    "The classifier does not answer: it is starting or stopped. Try again in a moment.",
    "Le classifieur ne répond pas : il démarre ou il est arrêté. Réessayez dans un instant.",
)
# What the classifier says in English, for readers of both languages.
_REFUSALS = {
    "name-in-use": Said(
        "You have a key of this name. Choose another name, or revoke that key first.",
        "Vous avez déjà une clé de ce nom. Choisissez un autre nom, ou révoquez d'abord cette clé.",
    ),
    "too-many-keys": Said(
        "You have as many keys as one person may have. Revoke one first.",
        "Vous avez autant de clés qu'une personne peut en avoir. Révoquez-en une d'abord.",
    ),
    "no-such-key": Said("There is no such key.", "Cette clé n'existe pas."),
    "too-many-requests": Said(
        "That was too much at once. Try again in a few seconds.",
        "C'est trop à la fois. Réessayez dans quelques secondes.",
    ),
    "quota-used": Said(
        "You have used all texts of this day. The count starts again at midnight (UTC).",
        "Vous avez utilisé tous les textes de ce jour. Le compte repart à minuit (UTC).",
    ),
    "text-too-long": Said(
        "This text is too long. Send the part that says what is done.",
        "Ce texte est trop long. Envoyez la partie qui dit ce qui est fait.",
    ),
    "no-model": Said(
        "There is no model yet: somebody has to register one in MLflow and give it the alias.",
        "Il n'y a pas encore de modèle : il faut en enregistrer un dans MLflow et lui donner"
        " l'alias.",
    ),
    "overloaded": Said(
        "The classifier has too much to do. Try again in a few seconds.",
        "Le classifieur a trop à faire. Réessayez dans quelques secondes.",
    ),
}


class NaceRefused(Exception):
    """The classifier refused or did not answer: `said` is for the reader, `detail` its own words
    where they are not known to us."""

    def __init__(self, status: int, said: Said, detail: str = "") -> None:
        super().__init__(said.en)
        self.status = status
        self.said = said
        self.detail = detail


class NacePage(BaseHandler):  # type: ignore[misc]
    """A page that shows what the classifier's API answers."""

    def initialize(self, platform: Settings) -> None:
        # `settings` is Tornado's name for something else.
        self.platform = platform

    @property
    def language(self) -> Language:
        accepted = self.request.headers.get("Accept-Language")
        return choose_language(accepted, self.platform.hub.language)

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """What the API answers to the person who is logged in. Raises NaceRefused."""
        layout = Layout(self.platform)
        user = self.current_user
        person = Person(user.name, admin=bool(user.admin))
        proof = sign_proof(person, _SERVICE, read_secret(layout, "nace.secret"))
        headers = {PROOF_HEADER: proof, "Accept-Language": self.language}
        try:
            async with httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False) as client:
                answer = await client.request(
                    method,
                    f"{layout.address(_SERVICE)}{NACE_PREFIX}{path}",
                    headers=headers,
                    json=body,
                )
            read = answer.json() if answer.content else None
        except (httpx.HTTPError, ValueError) as error:
            self.log.warning("the classifier did not answer: %s", type(error).__name__)
            raise NaceRefused(503, _AWAY) from None
        if answer.is_success:
            return read
        raise _refused(answer.status_code, read)

    def number(self, value: float) -> str:
        """A number as readers of this language group its digits."""
        text = f"{value:,.10g}"
        return text.replace(",", "\u202f").replace(".", ",") if self.language == "fr" else text

    def percent(self, share: float) -> str:
        """A share in [0, 1] in per cent, one decimal."""
        text = f"{100 * share:.1f}"
        return text.replace(".", ",") + "\u00a0%" if self.language == "fr" else f"{text}%"

    async def show(self, template: str, **names: Any) -> None:
        """Answer with a page. What it shows is one person's, so nothing keeps it."""
        self.set_header("Cache-Control", "no-store")
        names = {"number": self.number, "percent": self.percent, **names}
        self.finish(await self.render_template(template, **names))


def _refused(status: int, body: Any) -> NaceRefused:
    problem = body if isinstance(body, dict) else {}
    kind = str(problem.get("type", "")).rpartition(":")[2]
    if kind in _REFUSALS:
        return NaceRefused(status, _REFUSALS[kind])
    if status >= 500:
        return NaceRefused(503, _AWAY, str(problem.get("detail", "")))
    said = Said("The classifier refused this.", "Le classifieur a refusé cela.")
    return NaceRefused(status, said, str(problem.get("detail", "")))
