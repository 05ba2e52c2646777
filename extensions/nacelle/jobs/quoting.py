"""Values as code of the notebook's language, so that a value stays a value.

papermill's own translators leave `$` in texts for Julia, where it runs what follows, and write
accents as bytes (\\xe9) that R and Julia read as broken texts. These take their place.
"""

from __future__ import annotations

import math
from typing import Any

from papermill.translators import (
    JuliaTranslator,
    PythonTranslator,
    RTranslator,
    papermill_translators,
)

_SHORT = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


class Python(PythonTranslator):  # type: ignore[misc]
    """Python's own writing of its values."""

    @classmethod
    def translate_escaped_str(cls, str_val: Any) -> str:
        return repr(str(str_val))


class R(RTranslator):  # type: ignore[misc]
    """R: texts in \\u escapes, lists as vectors."""

    @classmethod
    def translate_escaped_str(cls, str_val: Any) -> str:
        return _quoted(str(str_val))

    @classmethod
    def translate_float(cls, val: float) -> str:
        return repr(val) if math.isfinite(val) else "NA_real_"

    @classmethod
    def translate_list(cls, val: list[Any]) -> str:
        return f"c({', '.join(cls.translate(one) for one in val)})"


class Julia(JuliaTranslator):  # type: ignore[misc]
    """Julia: `$` is written as a sign of the text."""

    @classmethod
    def translate_escaped_str(cls, str_val: Any) -> str:
        return _quoted(str(str_val), {"$": "\\$"})


def use_safe_quoting() -> None:
    """Make papermill write values with these. Call it before a run."""
    for language, translator in (("python", Python), ("R", R), ("julia", Julia)):
        papermill_translators.register(language, translator)


def _quoted(text: str, more: dict[str, str] | None = None) -> str:
    short = _SHORT | (more or {})
    return '"' + "".join(short.get(sign) or _written(sign) for sign in text) + '"'


def _written(sign: str) -> str:
    if " " <= sign <= "~":
        return sign
    number = ord(sign)
    # Always of full length: a digit of the text may follow.
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
