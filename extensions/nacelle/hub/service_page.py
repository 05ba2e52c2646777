"""What the hub's pages of a service share: they ask its API for whoever is logged in."""

from __future__ import annotations

from typing import Any

import httpx
from jupyterhub.handlers import BaseHandler

from nacelle.credentials.identity import PROOF_HEADER, Person, sign_proof
from nacelle.language import Language, Said, choose_language
from nacelle.layout import Layout
from nacelle.secrets import read_secret
from nacelle.settings import Settings

_TIMEOUT = httpx.Timeout(35, connect=3)


class ServiceRefused(Exception):
    """A service refused or did not answer: `said` is for the reader, `detail` its own words
    where they are not known to us, `body` all that it answered."""

    def __init__(self, status: int, said: Said, detail: str = "", body: Any = None) -> None:
        super().__init__(said.en)
        self.status = status
        self.said = said
        self.detail = detail
        self.body = body


class ServicePage(BaseHandler):  # type: ignore[misc]
    """A page that shows what the API of `service`, at `prefix`, answers.

    `secret` is the name of the secret that the hub signs its proofs for it with; `away` is said
    when it does not answer.
    """

    service: str
    prefix: str
    secret: str
    away: Said

    def initialize(self, platform: Settings) -> None:
        # `settings` is Tornado's name for something else.
        self.platform = platform

    @property
    def language(self) -> Language:
        accepted = self.request.headers.get("Accept-Language")
        return choose_language(accepted, self.platform.hub.language)

    def refused(self, status: int, body: Any) -> ServiceRefused:
        """The refusal that a service's answer is."""
        raise NotImplementedError

    async def answer(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """The API's answer to the person who is logged in. Raises ServiceRefused."""
        layout = Layout(self.platform)
        user = self.current_user
        person = Person(user.name, tuple(group.name for group in user.groups), bool(user.admin))
        proof = sign_proof(person, self.service, read_secret(layout, self.secret))
        headers = {PROOF_HEADER: proof, "Accept-Language": self.language}
        try:
            async with httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False) as client:
                answer = await client.request(
                    method,
                    f"{layout.seen_by_hub(self.service)}{self.prefix}{path}",
                    headers=headers,
                    json=body,
                )
            if answer.is_success:
                return answer
            read = answer.json() if answer.content else None
        except (httpx.HTTPError, ValueError) as error:
            self.log.warning("%s did not answer: %s", self.service, type(error).__name__)
            raise ServiceRefused(503, self.away) from None
        raise self.refused(answer.status_code, read)

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """What the API answers, from JSON. Raises ServiceRefused."""
        answer = await self.answer(method, path, body)
        try:
            return answer.json() if answer.content else None
        except ValueError:
            raise ServiceRefused(503, self.away) from None

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
