"""A notice that did not arrive."""

from __future__ import annotations

from nacelle.language import Said


class Undelivered(Exception):
    """`said` ends the sentence "… could not be told:"; `for_good`: trying again cannot help."""

    def __init__(self, said: Said, for_good: bool = False) -> None:
        super().__init__(said)
        self.said = said
        self.for_good = for_good
