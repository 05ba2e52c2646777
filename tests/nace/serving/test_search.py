"""Codes found by words of their titles and notes."""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise

import pytest

from nacelle.nace.serving.search import Search
from nacelle.nace.text import TextSettings
from tests.nace.data import nomenclature

NACE = nomenclature("nace_rev2")


@cache
def search() -> Search:
    return Search(NACE, TextSettings())


def codes(query: str, most: int = 10) -> list[str]:
    return [code for code, _ in search().find(query, most)]


def test_titles_come_before_notes() -> None:
    found = search().find("hairdressing", 5)
    assert found[0][0] == "9602"
    # Camels have no title of their own: notes say where they belong.
    assert "0144" in codes("camels")


def test_rare_words_weigh_more() -> None:
    assert codes("manufacture of cement")[0] in ("2351", "235")
    assert codes("cement manufacture")[:3] == codes("manufacture of cement")[:3]


@pytest.mark.parametrize("unknown", ["xyzzyx", "xyzzyx qwertzu", "???", "Łódź"])
def test_unknown_words_take_nothing_away(unknown: str) -> None:
    assert codes(f"{unknown} cement") == codes("cement")
    assert codes(unknown) == []


def plurals() -> list[tuple[str, str]]:
    """Words of English titles that stand there in the plural with -s, and their singular."""
    titles = " ".join(NACE.title(code, "en") for code in NACE).lower()
    return sorted({(one[:-1], one) for one in re.findall(r"\b[a-z]{4,}[^sui\W]s\b", titles)})


def test_a_plural_does_not_change_the_ranking() -> None:
    pairs = plurals()
    assert len(pairs) > 150
    different = [one for one, many in pairs if codes(one) != codes(many)]
    # Some are other words in another of the languages.
    assert len(different) <= 0.03 * len(pairs), different


def test_the_last_word_may_be_half_typed() -> None:
    for length in range(4, len("hairdressing") + 1):
        assert "9602" in codes("hairdressing"[:length], 20)
    assert "9602" not in codes("hairdr cement", 50)


def test_a_word_that_is_whole_counts_more_than_one_that_is_begun() -> None:
    scores = dict(search().find("bread", 20))
    begun = dict(search().find("brea", 20))
    assert scores["1071"] > begun["1071"] > 0


def test_a_code_is_found_in_any_spelling() -> None:
    for query in ("01.11", "0111", " 01.11 "):
        assert search().find(query, 3)[0] == ("0111", float("inf"))


def test_upper_levels_come_before_lower_ones_that_fit_as_well() -> None:
    found = search().find("fishing", 20)
    for (one, high), (other, low) in pairwise(found):
        assert high > low or NACE.level(one) <= NACE.level(other)


@pytest.mark.parametrize("query", ["", " ", "\0", "a" * 5_000, "\U0001f35e", "e\u0301", "%", "()["])
def test_odd_queries_find_what_they_find(query: str) -> None:
    assert isinstance(codes(query), list)


def test_french_and_english_words_find_the_same_code() -> None:
    assert "1071" in codes("boulangerie", 5) or "1071" in codes("pain", 5)
    assert "1071" in codes("bread", 5)
