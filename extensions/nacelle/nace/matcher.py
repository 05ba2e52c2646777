"""Finds the first rule of a file that fits each of many texts."""

from __future__ import annotations

from collections.abc import Sequence

from nacelle.nace.rulefile import Rule, RuleFile
from nacelle.nace.text import fold, shorten


class Matcher:
    """Holds the rules by kind so that a text meets only those that may fit it."""

    def __init__(self, file: RuleFile) -> None:
        self._rules = file.rules
        self._none = len(file.rules)
        self._exact: dict[str, int] = {}
        self._contains: dict[str, list[tuple[int, str]]] = {}
        self._regex: list[tuple[int, Rule]] = []
        for number, rule in enumerate(file.rules):
            if rule.kind == "exact":
                self._exact.setdefault(rule.key, number)
            elif rule.kind == "contains":
                first = rule.key.split()[0]
                self._contains.setdefault(first, []).append((number, f" {rule.key} "))
            else:
                self._regex.append((number, rule))

    def match(self, texts: Sequence[str], cleaned: Sequence[str]) -> list[Rule | None]:
        """The first rule in the file's order that fits each text, None where none does."""
        numbers = [self._by_words(text) for text in cleaned]
        if self._regex and texts:
            self._by_regex(texts, numbers)
        return [self._rules[number] if number < self._none else None for number in numbers]

    def _by_words(self, cleaned: str) -> int:
        best = self._exact.get(cleaned, self._none)
        for word in self._contains.keys() & cleaned.split():
            padded = f" {cleaned} "
            for number, key in self._contains[word]:
                if number < best and key in padded:
                    best = number
        return best

    def _by_regex(self, texts: Sequence[str], numbers: list[int]) -> None:
        # Late: it takes a quarter of a second and most rule files have no expression.
        import pyarrow as pa
        import pyarrow.compute as pc

        # Arrow takes no lone surrogates.
        plain = [" ".join(fold(shorten(text)).split()) for text in texts]
        array = pa.array([one.encode("utf-8", "ignore").decode() for one in plain])
        for number, rule in self._regex:
            fits = pc.match_substring_regex(array, rule.key, ignore_case=True)
            for row in fits.to_numpy(zero_copy_only=False).nonzero()[0].tolist():
                numbers[row] = min(numbers[row], number)
