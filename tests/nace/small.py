"""A small classifier, trained in seconds."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nacelle.nace.fasttext_view import FastTextSettings
from nacelle.nace.fits import TrainSettings
from nacelle.nace.labelled import read_labelled
from nacelle.nace.network import NetworkSettings
from nacelle.nace.nomenclature import load_nomenclature
from nacelle.nace.prepare import RowSettings
from nacelle.nace.train import train
from tests.nace.data import DATA

# Trades that share few words, so that even a small model tells them apart.
CLASSES = ("0111", "1071", "1413", "4711", "4941", "5610", "6201", "8621")
SMALL = TrainSettings(
    rows=RowSettings(official=False),
    fasttext=FastTextSettings(bucket=2000, dsub=0),
    bag=NetworkSettings(dimension=16, epochs=6, rate=0.2),
    network=NetworkSettings(dimension=16, hidden=16, epochs=6),
)


def write_small_rows(path: Path) -> Path:
    """The labelled rows of eight classes of NACE Rev. 2, as Parquet."""
    rows = pq.read_table(DATA / "activities_train.parquet")
    pq.write_table(rows.filter(pc.is_in(rows["code"], pa.array(CLASSES))), path)
    return path


def train_small_model(rows: Path, folder: Path) -> Path:
    """The folder of a small classifier of NACE Rev. 2 that knows eight classes well."""
    # Without the notes, which are most of what there is to learn.
    nace = load_nomenclature(DATA / "nace_rev2.csv")
    train(read_labelled(rows, nace), nace, SMALL, name="small").save(folder)
    return folder
