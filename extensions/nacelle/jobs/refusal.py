"""The error for a value that a person gave and that cannot be used."""

from __future__ import annotations

from nacelle.language import Said


class Refused(ValueError):
    """A value cannot be used; `said` tells why and what to do, `field` where it stands.

    A ValueError, so that pydantic collects it: it is then found under `ctx.error` of a problem.
    """

    def __init__(self, field: str, en: str, fr: str) -> None:
        super().__init__(en)
        self.field = field
        self.said = Said(en, fr)
