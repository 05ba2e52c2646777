"""Misspelt copies: as many errors as asked for, of the kinds that hands make, always the same."""

from __future__ import annotations

import pandas as pd
import pytest

from nacelle.nace.errors import NaceError
from nacelle.nace.typos import with_typos
from tests.nace.data import DATA


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return pd.read_parquet(DATA / "activities_train.parquet")["text"].tolist()


def edits(a: str, b: str) -> int:
    """Insertions, deletions, replacements and swaps of neighbours between two words."""
    table = [
        [max(i, j) if not min(i, j) else 0 for j in range(len(b) + 1)] for i in range(len(a) + 1)
    ]
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            cost = a[i - 1] != b[j - 1]
            steps = [table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + cost]
            if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                steps.append(table[i - 2][j - 2] + 1)
            table[i][j] = min(steps)
    return table[-1][-1]


def test_the_same_seed_gives_the_same_copies(texts: list[str]) -> None:
    assert with_typos(texts, 0.05, 1) == with_typos(texts, 0.05, 1)
    assert with_typos(texts, 0.05, 1) != with_typos(texts, 0.05, 2)


@pytest.mark.parametrize("rate", [0.02, 0.05, 0.10])
def test_the_share_of_wrong_characters_is_the_rate(texts: list[str], rate: float) -> None:
    some = texts[::40]
    copies = with_typos(some, rate, 0)
    found = sum(edits(a, b) for a, b in zip(some, copies, strict=True)) / sum(map(len, some))
    # Errors that lie side by side can be undone by fewer steps than were made.
    assert 0.88 * rate < found < 1.1 * rate


def test_no_rate_changes_nothing(texts: list[str]) -> None:
    assert with_typos(texts[:100], 0, 3) == texts[:100]
    assert with_typos([], 0.5, 3) == []


def test_texts_keep_their_places_and_none_becomes_empty() -> None:
    odd = ["", "a", "Ωμέγα 🙂", "É", "\ud800", " ", "line\nbreak"] * 50
    copies = with_typos(odd, 1.0, 4)
    assert len(copies) == len(odd)
    assert all(bool(copy) == bool(text) for text, copy in zip(odd, copies, strict=True))


def test_replacements_lie_beside_the_key_and_keep_case() -> None:
    typed = set("".join(with_typos(["G"] * 2000, 1.0, 5)))
    assert typed == set("GFHTYVB")
    assert set("".join(with_typos(["é"] * 2000, 1.0, 5))) == set("éwrsd")


def test_every_kind_of_error_is_made() -> None:
    copies = set(with_typos(["ab"] * 5000, 0.3, 6))
    swapped, dropped, doubled, replaced, added = "ba", "b", "aab", "sb", "asb"
    assert copies >= {"ab", swapped, dropped, doubled, replaced, added}


def test_letters_never_become_digits(texts: list[str]) -> None:
    worded = [text for text in texts if not any(sign.isdigit() for sign in text)][:5000]
    assert not any(sign.isdigit() for copy in with_typos(worded, 0.2, 7) for sign in copy)


def test_a_rate_that_is_no_share_is_refused() -> None:
    with pytest.raises(NaceError, match="rate of typing errors: 10 is not a share"):
        with_typos(["a"], 10, 0)
