"""Folds of cross-validation: texts of the same words are always on the same side."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt

from nacelle.nace.drops import DropReport
from nacelle.nace.errors import NaceError
from nacelle.nace.labelled import Labelled
from nacelle.nace.rules import lookup_key
from nacelle.nace.text import Preprocessor, TextSettings

Integers = npt.NDArray[np.intp]
# The fold of rows that are always learnt from.
NEVER_TESTED = -1


def word_keys(
    texts: Sequence[str], languages: Sequence[str], settings: TextSettings | None = None
) -> list[str]:
    """The different stems of each text, sorted: the same for texts that a model cannot tell apart.

    A text without stems is its own key.
    """
    preprocessor = Preprocessor(settings)
    stemmed = preprocessor.stem(preprocessor.clean(texts), languages)
    return [lookup_key(stem) or text for stem, text in zip(stemmed, texts, strict=True)]


def make_folds(
    keys: Sequence[str], codes: Sequence[str], folds: int, *, seed: int, known: Collection[str] = ()
) -> Integers:
    """The fold, from 0, in which each of n rows is tested; shape (n,).

    Rows of one key are in one fold. The keys of each code are dealt out one after the other, in
    random order, so that every fold has its share of every code. Keys that are `known` without the
    rows (official titles) say nothing when tested: they are `NEVER_TESTED`. Raises NaceError where
    there are fewer keys than folds.
    """
    if folds < 2:
        raise NaceError(f"{folds} folds: cross-validation needs at least 2.")
    names, position, first = _distinct(keys)
    open_keys = np.flatnonzero(~np.isin(names, list(known)))
    if len(open_keys) < folds:
        raise NaceError(
            f"{len(open_keys)} texts of different words for {folds} folds: there are too few rows"
            " to cross-validate. Give more rows, or ask for fewer folds."
        )
    owners = np.array(codes)[first[open_keys]]
    shuffled = np.random.default_rng(seed).permutation(len(open_keys))
    order = shuffled[np.argsort(owners[shuffled], kind="stable")]
    fold_of_key = np.full(len(names), NEVER_TESTED, np.intp)
    fold_of_key[open_keys[order]] = np.arange(len(order)) % folds
    found: Integers = fold_of_key[position]
    return found


def _distinct(keys: Sequence[str]) -> tuple[npt.NDArray[np.str_], Integers, Integers]:
    """The distinct keys, for each row the position of its key, for each key its first row."""
    names, first, position = np.unique(np.array(keys), return_index=True, return_inverse=True)
    return names, position, first


def some_rows(rows: Labelled, chosen: Integers) -> Labelled:
    """Some of the rows, in the order given."""
    positions = chosen.tolist()

    def pick(values: Sequence[str]) -> list[str]:
        return [values[one] for one in positions]

    return Labelled(
        pick(rows.texts),
        pick(rows.codes),
        pick(rows.languages),
        pick(rows.sources),
        {name: pick(values) for name, values in rows.side.items()},
        DropReport(read=len(positions), kept=len(positions)),
    )
