"""A small model, trained once for all tests that need one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.nace.data import ISCO
from tests.nace.running import QUICK, invoke, write_jobs
from tests.nace.small import train_small_model, write_small_rows


@pytest.fixture(scope="session")
def small_rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_rows(tmp_path_factory.mktemp("rows") / "small.parquet")


@pytest.fixture(scope="session")
def small_model(small_rows: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_small_model(small_rows, tmp_path_factory.mktemp("models") / "small")


@pytest.fixture(scope="session")
def isco_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny classifier of another nomenclature, made by the command."""
    folder = tmp_path_factory.mktemp("isco")
    (folder / "isco_08.csv").write_text(ISCO, encoding="utf-8")
    rows = write_jobs(folder / "jobs.csv")
    given = ("--data", rows, "--nomenclature", folder / "isco_08.csv", "--name", "isco")
    invoke("train", *given, "--output", folder / "model", *QUICK)
    return folder / "model"
