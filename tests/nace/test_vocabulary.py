"""The features of a text."""

from __future__ import annotations

import numpy as np
import pytest

from nacelle.nace.vocabulary import Vocabulary, VocabularySettings, build_vocabulary

CLEANED = ["growing of maize", "maize growing", "wholesale of hats"]
STEMMED = ["grow maiz", "maiz grow", "wholesal hat"]
SETTINGS = VocabularySettings(shortest=3, longest=3)


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return build_vocabulary(CLEANED, STEMMED, SETTINGS)


def named(vocabulary: Vocabulary, cleaned: str, stemmed: str) -> set[str]:
    row = vocabulary.features([cleaned], [stemmed])
    return {vocabulary.names[position] for position in row.indices}


def test_stems_pairs_and_pieces_stand_in_a_row(vocabulary: Vocabulary) -> None:
    found = named(vocabulary, "maize", "maiz grow")
    assert found == {"maiz", "grow", "grow & maiz", "#^ma", "#mai", "#aiz", "#ize", "#ze$"}


def test_order_does_not_matter(vocabulary: Vocabulary) -> None:
    first, second = vocabulary.features(CLEANED[:2], STEMMED[:2]).toarray()
    both = [vocabulary.names.index(name) for name in ("grow", "maiz", "grow & maiz")]
    assert (first[both] > 0).all()
    assert (second[both] > 0).all()


def test_pairs_and_pieces_must_be_seen_twice(vocabulary: Vocabulary) -> None:
    assert "hat & wholesal" not in vocabulary.names
    assert "#hat" not in vocabulary.names
    assert "hat" in vocabulary.names


def test_each_row_is_one_long_and_has_nothing_twice(vocabulary: Vocabulary) -> None:
    rows = vocabulary.features([*CLEANED, "maize maize"], [*STEMMED, "maiz maiz"])
    assert np.allclose(np.asarray(rows.multiply(rows).sum(axis=1)).ravel(), 1)
    assert all(len(set(row.indices)) == row.nnz for row in rows)


def test_unknown_words_and_no_words_give_empty_rows(vocabulary: Vocabulary) -> None:
    rows = vocabulary.features(["xylophone", ""], ["xylophon", ""])
    assert rows.nnz == 0
    assert rows.shape == (2, len(vocabulary))


def test_a_vocabulary_is_its_names(vocabulary: Vocabulary) -> None:
    again = Vocabulary(SETTINGS, vocabulary.names)
    assert (again.features(CLEANED, STEMMED) != vocabulary.features(CLEANED, STEMMED)).nnz == 0
