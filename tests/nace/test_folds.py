"""Folds of cross-validation: no leak between them, and every code in each."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from nacelle.nace.errors import NaceError
from nacelle.nace.folds import NEVER_TESTED, make_folds, some_rows, word_keys
from tests.nace.scoring import labelled


def test_texts_of_the_same_words_are_tested_together() -> None:
    texts = ["sale of bread", "Bread, sales", "bread sale bread", "wheat", "growing wheat"] * 4
    texts += [f"thing {chr(97 + i)}x" for i in range(20)]
    keys = word_keys(texts, ["en"] * len(texts))
    folds = make_folds(keys, ["1"] * len(texts), 4, seed=3)
    assert len({keys[0], keys[1], keys[2]}) == 1 and keys[3] != keys[4]
    by_key: dict[str, set[int]] = {}
    for key, fold in zip(keys, folds.tolist(), strict=True):
        by_key.setdefault(key, set()).add(fold)
    assert all(len(found) == 1 for found in by_key.values())
    assert set(folds.tolist()) == {0, 1, 2, 3}


def test_every_fold_has_its_share_of_every_code() -> None:
    codes = ["a"] * 200 + ["b"] * 20 + ["c"] * 4
    folds = make_folds([f"key {i}" for i in range(len(codes))], codes, 4, seed=1)
    for code, size in Counter(codes).items():
        found = np.bincount(folds[np.array(codes) == code], minlength=4)
        assert found.max() - found.min() <= 1 and found.sum() == size


def test_folds_come_from_the_seed() -> None:
    keys, codes = [f"key {i}" for i in range(60)], ["a", "b"] * 30
    first = make_folds(keys, codes, 3, seed=1)
    assert np.array_equal(first, make_folds(keys, codes, 3, seed=1))
    assert not np.array_equal(first, make_folds(keys, codes, 3, seed=2))


def test_what_is_known_without_the_rows_is_never_tested() -> None:
    keys = [f"key {i}" for i in range(10)]
    folds = make_folds(keys, ["a"] * 10, 2, seed=1, known={"key 3", "key 4", "elsewhere"})
    assert [i for i, fold in enumerate(folds.tolist()) if fold == NEVER_TESTED] == [3, 4]


@pytest.mark.parametrize(("rows", "folds", "words"), [(9, 10, "too few"), (9, 1, "at least 2")])
def test_folds_that_cannot_be_made_are_told(rows: int, folds: int, words: str) -> None:
    with pytest.raises(NaceError, match=words):
        make_folds([f"key {i}" for i in range(rows)], ["a"] * rows, folds, seed=1)


def test_some_rows_keep_their_columns_together() -> None:
    found = some_rows(labelled(10), np.array([4, 2]))
    assert found.texts == [labelled(10).texts[4], labelled(10).texts[2]]
    assert found.codes == [labelled(10).codes[4], labelled(10).codes[2]]
