"""Real labelled texts in parts: to learn from, and texts of other words to be scored on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nacelle.nace.folds import some_rows, word_keys
from nacelle.nace.labelled import Labelled, read_labelled
from nacelle.nace.nomenclature import Nomenclature, load_nomenclature
from nacelle.nace.official import official_rows
from nacelle.nace.pipeline import hold_out, write_labelled

DATA = Path(__file__).parents[2] / "shared" / "data"
# One source apart is another domain: headings of products instead of lines of an index.
OTHER_DOMAIN = "cpa21_titles"
PARTS, SEED = 10, 1


@dataclass(frozen=True)
class Task:
    """Files of labelled rows and the nomenclature that they are coded in."""

    data: Path
    nomenclature: Path
    notes: Path | None

    def load(self) -> Nomenclature:
        """The nomenclature with its notes."""
        return load_nomenclature(self.nomenclature, notes=self.notes)

    def options(self) -> list[str]:
        """The nomenclature as options of `nacelle nace train`."""
        notes = ["--notes", str(self.notes)] if self.notes else []
        return ["--nomenclature", str(self.nomenclature), *notes]


NACE = Task(DATA / "activities_train.parquet", DATA / "nace_rev2.csv", DATA / "nace_rev2_notes.csv")
NAF = Task(DATA / "activities_naf2025_train.parquet", DATA / "naf_2025.csv", None)


def split(task: Task, folder: Path) -> int:
    """Write train.parquet and test.parquet of a task into a folder; the number of test rows."""
    nomenclature = task.load()
    rows = read_labelled(task.data, nomenclature)
    return _write(folder, nomenclature, *hold_out(rows, nomenclature, parts=PARTS, seed=SEED))


def split_domain(task: Task, folder: Path) -> int:
    """The same with one source as the test rows, less those whose words are learnt anyway."""
    nomenclature = task.load()
    rows = read_labelled(task.data, nomenclature)
    other = np.array([source == OTHER_DOMAIN for source in rows.sources])
    learn = some_rows(rows, np.flatnonzero(~other))
    official = official_rows(nomenclature)
    known = set(word_keys(learn.texts, learn.languages))
    known |= set(word_keys([row.text for row in official], [row.language for row in official]))
    new = np.array([key not in known for key in word_keys(rows.texts, rows.languages)])
    return _write(folder, nomenclature, learn, some_rows(rows, np.flatnonzero(other & new)))


def _write(folder: Path, nomenclature: Nomenclature, learn: Labelled, test: Labelled) -> int:
    folder.mkdir()
    write_labelled(str(folder / "train.parquet"), learn, nomenclature)
    write_labelled(str(folder / "test.parquet"), test, nomenclature)
    return len(test)
