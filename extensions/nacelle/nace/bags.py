"""Bags of features: sums of the rows of a matrix at the positions that stand in a text."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt
from scipy import sparse

Floats = npt.NDArray[np.float32]

# A sparse matrix takes longer to make than this many rows to add.
_FEW = 12


def ones(rows: Sequence[Collection[int]], width: int) -> sparse.csr_matrix:
    """A one at each position of each row, shape (n, width)."""
    positions: list[int] = []
    ends = [0]
    for row in rows:
        positions += row
        ends.append(len(positions))
    found = np.array(positions, np.int32)
    values = np.ones(len(positions), np.float32)
    return sparse.csr_matrix((values, found, ends), shape=(len(rows), width))


def sums(rows: Sequence[Collection[int]], matrix: Floats) -> Floats:
    """The sum of the matrix' rows (F, d) at the positions of each of n rows, shape (n, d)."""
    if len(rows) > _FEW:
        return np.asarray(ones(rows, len(matrix)) @ matrix, dtype=np.float32)
    found = np.empty((len(rows), matrix.shape[1]), np.float32)
    for number, row in enumerate(rows):
        found[number] = matrix.take([*row], axis=0).sum(axis=0) if row else 0
    return found
