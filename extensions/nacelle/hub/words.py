"""The two languages of the hub's pages. A text is its own key, as with gettext: English in the
templates, French in `nacelle.hub.french`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, cast

from nacelle.hub.french import ENGLISH, FRENCH, NOTES, VARYING
from nacelle.language import InBoth, Language


def translate(text: str | InBoth, language: Language, **values: Any) -> str:
    """`text` in `language`, `{name}` in it filled from `values`; unknown texts stay as they are."""
    if hasattr(text, "fr"):
        both = cast(InBoth, text)
        found = both.fr if language == "fr" else both.en
    else:
        found = _known(str(text), language)
    return found.format(**values) if values else found


def translate_note(note: str, language: Language) -> str:
    """The note on a token or an application in `language`, when the hub wrote it; else as it is."""
    return _fitting(NOTES, note, language) or note


def _known(text: str, language: Language) -> str:
    varying = _fitting(VARYING, text, language)
    return varying or (FRENCH if language == "fr" else ENGLISH).get(text, text)


def _fitting(forms: Sequence[tuple[str, str, str]], text: str, language: Language) -> str | None:
    for pattern, english, french in forms:
        if match := re.fullmatch(pattern, text):
            return (french if language == "fr" else english).format(*match.groups())
    return None
