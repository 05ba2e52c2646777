"""Misspell texts as hands on a keyboard do: for training copies and for tests of robustness."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from nacelle.nace.errors import NaceError

# x of the first key and y, in key widths, of each row of a QWERTY keyboard. The digits stand apart,
# so that no letter becomes a digit: preprocessing drops digits, which would be another error.
_ROWS = (
    ("1234567890", 0.0, -2.0),
    ("qwertyuiop", 0.5, 0.0),
    ("asdfghjkl", 0.75, 1.0),
    ("zxcvbnm", 1.25, 2.0),
)
_REACH = 1.3
_BESIDE_BLANK = "cvbnm"
# Latin letters end here (U+024F); others have no neighbours below and are dropped or doubled.
_TABLE = 0x250
_SWAP, _DROP, _DOUBLE, _REPLACE, _INSERT = range(5)

_Codes = npt.NDArray[np.uint32]
_Flags = npt.NDArray[np.bool_]


def with_typos(texts: Sequence[str], rate: float, seed: int) -> list[str]:
    """Copies of `texts` in which each character is mistyped with probability `rate`.

    A mistyped character is, with equal chances, swapped with the next one, dropped, doubled,
    replaced by a neighbour on a QWERTY keyboard, or followed by one. Case is kept, an accented
    letter has the neighbours of its plain letter, blanks are mistyped too (words join or break).
    Where an error would change nothing (a blank doubled, a letter swapped with its like) or cannot
    be made (no key, no next character), another is made instead. No text becomes empty.

    The same texts, rate and seed give the same copies. Raises NaceError for a rate outside [0, 1].
    """
    if not 0 <= rate <= 1:
        raise NaceError(f"rate of typing errors: {rate} is not a share; give one from 0 to 1.")
    joined = "".join(texts)
    if not joined or rate == 0:
        return list(texts)
    random = np.random.default_rng(seed)
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    lengths = np.fromiter(map(len, texts), dtype=np.intp, count=len(texts))
    owner = np.repeat(np.arange(len(lengths)), lengths)
    hit = random.random(len(codes)) < rate
    kinds = random.integers(0, 5, size=len(codes)).astype(np.int8)
    neighbour, typable = _neighbours(codes, random)
    kinds = _possible(codes, owner, hit, kinds, typable)
    return _typed(codes, owner, lengths, np.where(hit, kinds, -1), neighbour)


def _possible(
    codes: _Codes,
    owner: npt.NDArray[np.intp],
    hit: _Flags,
    kinds: npt.NDArray[np.int8],
    keys: _Flags,
) -> npt.NDArray[np.int8]:
    """The kinds of error, those that cannot be made or seen replaced by ones that can."""
    blank = codes == ord(" ")
    can_swap = np.zeros(len(codes), dtype=bool)
    # Two errors on the same pair of characters would undo each other.
    can_swap[:-1] = (owner[:-1] == owner[1:]) & (codes[:-1] != codes[1:]) & ~hit[1:]
    kinds = np.where((kinds == _SWAP) & ~can_swap, _REPLACE, kinds)
    kinds = np.where((kinds == _REPLACE) & ~keys, _DROP, kinds)
    kinds = np.where((kinds == _INSERT) & ~keys, _DOUBLE, kinds)
    return np.where((kinds == _DOUBLE) & blank, _DROP, kinds).astype(np.int8)


def _typed(
    codes: _Codes,
    owner: npt.NDArray[np.intp],
    lengths: npt.NDArray[np.intp],
    kinds: npt.NDArray[np.int8],
    neighbour: _Codes,
) -> list[str]:
    """What is typed: each character leaves none, one or two; shape of the work (characters, 2)."""
    first = np.where(kinds == _REPLACE, neighbour, codes)
    swapped = np.flatnonzero(kinds == _SWAP)
    first[swapped], first[swapped + 1] = codes[swapped + 1], codes[swapped]
    second = np.where(kinds == _INSERT, neighbour, codes)
    kept = np.stack([kinds != _DROP, (kinds == _DOUBLE) | (kinds == _INSERT)], axis=1)
    left = np.bincount(owner, weights=kept.sum(axis=1), minlength=len(lengths))
    gone = (left == 0) & (lengths > 0)
    kept[gone[owner], 0] = True
    ends = np.cumsum(np.where(gone, lengths, left)).astype(np.intp).tolist()
    typed = np.stack([first, second], axis=1)[kept].astype("<u4").tobytes()
    text = typed.decode("utf-32-le", "surrogatepass")
    return [text[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]


def _neighbours(codes: _Codes, random: np.random.Generator) -> tuple[_Codes, _Flags]:
    """One random neighbour of each character (0 where it has none), and whether it has any."""
    table, counts = _keyboard()
    inside = np.where(codes < _TABLE, codes, 0)
    count = counts[inside]
    chosen = (random.random(len(codes)) * count).astype(np.intp)
    return table[inside, chosen], count > 0


@cache
def _keyboard() -> tuple[_Codes, npt.NDArray[np.intp]]:
    """Neighbours by code point, shape (_TABLE, most neighbours), and how many each has."""
    places = {
        key: (start + column, height)
        for keys, start, height in _ROWS
        for column, key in enumerate(keys)
    }
    near = {
        key: [k for k, (u, v) in places.items() if k != key and np.hypot(u - x, v - y) < _REACH]
        for key, (x, y) in places.items()
    }
    near[" "] = list(_BESIDE_BLANK)
    table = np.zeros((_TABLE, max(map(len, near.values()))), dtype=np.uint32)
    counts = np.zeros(_TABLE, dtype=np.intp)
    for code in range(1, _TABLE):
        plain = unicodedata.normalize("NFD", chr(code))[0]
        keys = near.get(plain.lower(), [])
        counts[code] = len(keys)
        table[code, : len(keys)] = [ord(k.upper() if plain.isupper() else k) for k in keys]
    return table, counts
