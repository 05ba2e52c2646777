"""A small model, trained once for all tests that need one."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from nacelle.nace.fasttext_view import FastTextSettings
from nacelle.nace.fits import TrainSettings
from nacelle.nace.labelled import read_labelled
from nacelle.nace.network import NetworkSettings
from nacelle.nace.nomenclature import load_nomenclature
from nacelle.nace.prepare import RowSettings
from nacelle.nace.train import train
from tests.nace.data import DATA, ISCO
from tests.nace.running import QUICK, invoke, write_jobs

# Trades that share few words, so that even a small model tells them apart.
CLASSES = ("0111", "1071", "1413", "4711", "4941", "5610", "6201", "8621")
SMALL = TrainSettings(
    rows=RowSettings(official=False),
    fasttext=FastTextSettings(bucket=2000, dsub=0),
    bag=NetworkSettings(dimension=16, epochs=6, rate=0.2),
    network=NetworkSettings(dimension=16, hidden=16, epochs=6),
)


@pytest.fixture(scope="session")
def small_rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The labelled rows of eight classes of NACE Rev. 2, as Parquet."""
    rows = pq.read_table(DATA / "activities_train.parquet")
    path = tmp_path_factory.mktemp("rows") / "small.parquet"
    pq.write_table(rows.filter(pc.is_in(rows["code"], pa.array(CLASSES))), path)
    return path


@pytest.fixture(scope="session")
def small_model(small_rows: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small classifier of NACE Rev. 2 that knows eight classes well."""
    # Without the notes, which are most of what there is to learn.
    nace = load_nomenclature(DATA / "nace_rev2.csv")
    classifier = train(read_labelled(small_rows, nace), nace, SMALL, name="small")
    folder = tmp_path_factory.mktemp("models") / "small"
    classifier.save(folder)
    return folder


@pytest.fixture(scope="session")
def isco_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny classifier of another nomenclature, made by the command."""
    folder = tmp_path_factory.mktemp("isco")
    (folder / "isco_08.csv").write_text(ISCO, encoding="utf-8")
    rows = write_jobs(folder / "jobs.csv")
    given = ("--data", rows, "--nomenclature", folder / "isco_08.csv", "--name", "isco")
    invoke("train", *given, "--output", folder / "model", *QUICK)
    return folder / "model"
