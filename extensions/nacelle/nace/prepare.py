"""From labelled rows to what the views learn from: cleaned, completed, without repeats."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from nacelle.nace.bags import Floats
from nacelle.nace.errors import NaceError
from nacelle.nace.labelled import Labelled
from nacelle.nace.network import Integers
from nacelle.nace.nomenclature import Nomenclature
from nacelle.nace.official import official_rows
from nacelle.nace.rules import lookup_key
from nacelle.nace.text import Preprocessor, TextSettings
from nacelle.nace.typos import with_typos


class RowSettings(msgspec.Struct, frozen=True):
    """Which rows are learnt from.

    `official` adds the nomenclature's titles and notes. `misspelt` is the share of rows that get a
    misspelt copy, with `typos` of its characters wrong. `balance` weighs rows by the frequency of
    their class to the power of minus this: 0 leaves them alike, 1 makes classes alike.
    """

    official: bool = True
    misspelt: Annotated[float, Meta(ge=0, le=1)] = 0.0
    typos: Annotated[float, Meta(ge=0, le=0.5)] = 0.05
    balance: Annotated[float, Meta(ge=0, le=2)] = 0.0


@dataclass(frozen=True)
class Prepared:
    """n rows: cleaned texts, stems with side tokens, keys, and the class as a position.

    A key is the same for texts of the same words, whatever stands beside them.
    """

    classes: tuple[str, ...]
    cleaned: list[str]
    stemmed: list[str]
    keys: list[str]
    targets: Integers

    def __len__(self) -> int:
        return len(self.cleaned)

    def rows(self, chosen: Sequence[int] | Integers) -> Prepared:
        """Some of the rows, in the order given."""
        return Prepared(
            self.classes,
            [self.cleaned[i] for i in chosen],
            [self.stemmed[i] for i in chosen],
            [self.keys[i] for i in chosen],
            self.targets[np.asarray(chosen, np.intp)],
        )


def prepare(
    rows: Labelled, nomenclature: Nomenclature, level: int, text: TextSettings, official: bool
) -> tuple[Prepared, dict[str, int]]:
    """Labelled rows and official ones, each set of words and what is beside it once a code.

    And counts of what came. Every class has a row: one that nobody labelled has at least its title.
    Raises NaceError where no labelled row has a word.
    """
    classes = nomenclature.codes(level)
    preprocessor = Preprocessor(text)
    given = _prepared(
        classes, preprocessor, rows.texts, rows.codes, rows.languages,
        preprocessor.side_tokens(rows.side) if text.side else None,
    )  # fmt: skip
    seen = {code for code, key in zip(rows.codes, given.keys, strict=True) if key}
    added = [row for row in official_rows(nomenclature, level) if official or row.code not in seen]
    more = _prepared(
        classes, preprocessor,
        [row.text for row in added], [row.code for row in added], [row.language for row in added],
        None,
    )  # fmt: skip
    both = _joined(given, more)
    kept = _once(both)
    labelled = sum(position < len(given) for position in kept)
    if given and not labelled:
        raise NaceError(
            f"None of the {len(given):,} labelled rows has a word: their texts are numbers and"
            " signs. Name the column of the descriptions."
        )
    wordless = both.keys.count("")
    counts = {
        "labelled": len(given),
        "labelled used": labelled,
        "official used": len(kept) - labelled,
        "repeats left out": len(both) - len(kept) - wordless,
        "without a word left out": wordless,
    }
    return both.rows(kept), counts


def _prepared(
    classes: tuple[str, ...],
    preprocessor: Preprocessor,
    texts: Sequence[str],
    codes: Sequence[str],
    languages: Sequence[str],
    side: Sequence[str] | None,
) -> Prepared:
    column = {code: position for position, code in enumerate(classes)}
    cleaned = preprocessor.clean(texts)
    stems = preprocessor.stem(cleaned, languages)
    tokens = side or [""] * len(stems)
    stemmed = [stem + token for stem, token in zip(stems, tokens, strict=True)]
    targets = np.array([column[code] for code in codes], np.intp)
    return Prepared(classes, cleaned, stemmed, [lookup_key(one) for one in stems], targets)


def _joined(first: Prepared, second: Prepared) -> Prepared:
    return Prepared(
        first.classes,
        first.cleaned + second.cleaned,
        first.stemmed + second.stemmed,
        first.keys + second.keys,
        np.concatenate([first.targets, second.targets]),
    )


def _once(rows: Prepared) -> list[int]:
    """Positions of the first row of each set of words, side tokens and class.

    Rows without a word are left out: whatever stands beside it, such a text is never coded.
    """
    first: dict[tuple[str, int], int] = {}
    for position, target in enumerate(rows.targets.tolist()):
        if rows.keys[position]:
            first.setdefault((lookup_key(rows.stemmed[position]), target), position)
    return list(first.values())


def with_misspelt(rows: Prepared, settings: RowSettings, text: TextSettings, seed: int) -> Prepared:
    """The rows and, after them, misspelt copies of a share of them drawn at random."""
    if not settings.misspelt:
        return rows
    drawn = np.random.default_rng(seed).random(len(rows)) < settings.misspelt
    source = rows.rows(np.flatnonzero(drawn))
    preprocessor = Preprocessor(text)
    cleaned = preprocessor.clean(with_typos(source.cleaned, settings.typos, seed))
    stems = preprocessor.stem(cleaned)
    side = [_side_of(stemmed) for stemmed in source.stemmed]
    stemmed = [stem + token for stem, token in zip(stems, side, strict=True)]
    return _joined(rows, Prepared(rows.classes, cleaned, stemmed, source.keys, source.targets))


def _side_of(stemmed: str) -> str:
    return "".join(f" {token}" for token in stemmed.split() if ":" in token)


def split_apart(rows: Prepared, share: float, seed: int) -> tuple[Integers, Integers]:
    """Positions to learn from and to judge by: texts of the same words stay on one side.

    A class that would lose its last row keeps it.
    """
    keys = sorted(set(rows.keys))
    drawn = np.random.default_rng(seed).random(len(keys)) < share
    held = {key for key, chosen in zip(keys, drawn, strict=True) if chosen}
    by_class: dict[int, set[str]] = defaultdict(set)
    for key, target in zip(rows.keys, rows.targets.tolist(), strict=True):
        by_class[target].add(key)
    for found in by_class.values():
        if found <= held:
            held.discard(min(found))
    apart = np.array([key in held for key in rows.keys], bool)
    return np.flatnonzero(~apart), np.flatnonzero(apart)


def importance(targets: Integers, balance: float) -> Floats:
    """Weight of each row, mean 1: frequency of its class to the power of minus `balance`."""
    counts = Counter(targets.tolist())
    raw = np.array([counts[target] ** -balance for target in targets.tolist()], np.float64)
    weights: Floats = (raw / raw.mean()).astype(np.float32)
    return weights


def agreement(keys: Sequence[str], codes: Sequence[str]) -> float:
    """How often texts of the same words had the same code: the share of look-ups that are right.

    Each text that has others with its words is looked up among them (where these agree); one right
    and one wrong are added, so that few texts do not give certainty (Laplace's rule).
    """
    by_key: dict[str, Counter[str]] = defaultdict(Counter)
    for key, code in zip(keys, codes, strict=True):
        by_key[key][code] += 1
    right = tried = 0
    for counts in by_key.values():
        for code, count in counts.items():
            others = {other: n - (other == code) for other, n in counts.items()}
            left = [other for other, n in others.items() if n]
            if len(left) == 1:
                tried += count
                right += count * (left[0] == code)
    return (right + 1) / (tried + 2)
