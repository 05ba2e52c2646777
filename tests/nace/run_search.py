"""A search in a process of its own, to be interrupted: `python -m tests.nace.run_search FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

from nacelle.nace.search import search
from tests.nace.scoring import Settings, labelled, score

FOLDS, WORKERS = 2, 2
SIZES = [1, 2, 3, 4]
FITS = len(SIZES) * FOLDS
# Those of the sizes 1 and 2; the others wait for the gate.
QUICK_FITS = 2 * FOLDS


def main(folder: Path) -> None:
    """Fits of the sizes above 2 end once the file beside the folder, `.gate`, is there."""
    calls, gate = folder.with_suffix(".calls"), folder.with_suffix(".gate")
    settings = Settings(calls=str(calls), gate=str(gate))
    search(
        labelled(),
        settings,
        {"size": SIZES},
        score,
        folder=folder,
        folds=FOLDS,
        workers=WORKERS,
        track=True,
        progress=lambda share, what: None,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
