"""The page where people try the classifier with one text: /hub/classify."""

from __future__ import annotations

import json
import shlex
from typing import Any

from tornado import web

from nacelle.hub.nace_pages import NacePage
from nacelle.hub.service_page import ServiceRefused
from nacelle.language import Said
from nacelle.prefixes import NACE_PREFIX

HOW_MANY = (1, 3, 5, 10)
# Codes of ISO 639-1, in the order of the list; the first leaves it to the classifier.
LANGUAGES = {
    "": Said("Guessed from the text", "Devinée d'après le texte"),
    "en": Said("English", "Anglais"),
    "fr": Said("French", "Français"),
    "de": Said("German", "Allemand"),
    "it": Said("Italian", "Italien"),
}
STAGES = {
    "code": Said("The text names a code.", "Le texte nomme un code."),
    "rule": Said("A rule for such texts.", "Une règle pour de tels textes."),
    "look-up": Said(
        "The text is known word for word from coded examples.",
        "Le texte est connu mot pour mot d'exemples codés.",
    ),
    "model": Said(
        "The model, from the words and their parts.",
        "Le modèle, d'après les mots et leurs parties.",
    ),
    "rejected": Said("The text cannot be coded:", "Le texte ne peut pas être codé :"),
}


class TryItHandler(NacePage):
    """/hub/classify"""

    @web.authenticated
    async def get(self) -> None:
        await self._page("", 5, "")

    @web.authenticated
    async def post(self) -> None:
        """Ask for the codes of the text. The answer is this page: texts belong in no address."""
        text = self.get_body_argument("text", "", strip=False)
        top, language = self._choice("top", HOW_MANY, 5), self._choice("language", LANGUAGES, "")
        try:
            body = {"text": text, "top": top, "language": language}
            answer = await self.ask("POST", "/v1/classify", body)
            prediction = answer["predictions"][0]
        except ServiceRefused as refused:
            self.set_status(refused.status)
            await self._page(text, top, language, problem=refused.said, detail=refused.detail)
            return
        await self._page(text, top, language, prediction=prediction)

    def _choice(self, field: str, allowed: Any, otherwise: Any) -> Any:
        given = self.get_body_argument(field, str(otherwise))
        return next((one for one in allowed if str(one) == given), otherwise)

    async def _page(self, text: str, top: int, language: str, **names: Any) -> None:
        await self.show(
            "classify.html",
            text=text,
            top=top,
            chosen=language,
            how_many=HOW_MANY,
            languages=LANGUAGES,
            stages=STAGES,
            kept=self.platform.nace.records.text == "keep",
            longest=self.platform.nace.limits.text_length,
            command_line=curl(self.platform.url, text, top, language),
            **names,
        )


def curl(url: str, text: str, top: int, language: str) -> str:
    """The same question for a shell, with a key from its environment."""
    body: dict[str, Any] = {"text": text or "boulangerie", "top": top}
    if language:
        body["language"] = language
    written = shlex.quote(json.dumps(body, ensure_ascii=False))
    return (
        f"curl {url.rstrip('/')}{NACE_PREFIX}/v1/classify \\\n"
        '  -H "Authorization: Bearer $NACELLE_API_KEY" \\\n'
        f"  -H 'Content-Type: application/json' \\\n  -d {written}"
    )
