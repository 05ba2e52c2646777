"""The commands and programs of the guide run, in its order, on a few real rows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from tests.nace.data import DATA
from tests.nace.running import QUICK

GUIDE = Path(__file__).parents[2] / "notebooks" / "pipelines" / "nace" / "README.md"
TEXT = GUIDE.read_text(encoding="utf-8")
# Bakeries and restaurants.
BRANCHES = ("C", "10", "107", "I", "56")


def blocks(language: str) -> Iterator[tuple[int, str]]:
    """Where each block marked for testing begins, and its content."""
    for found in re.finditer(rf"^```{language} test\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL):
        yield found.start(), found[1]


def program(language: str, content: str) -> list[str]:
    if language == "python":
        return [sys.executable, "-c", content]
    # What is tried are the commands, not the model.
    quick = content.replace("nacelle nace train", " ".join(("nacelle nace train", *QUICK)))
    return ["bash", "-euo", "pipefail", "-c", quick]


PROGRAMS = [
    pytest.param(program(language, content), id=f"{language}-{content.split()[2]}-{start}")
    for start, language, content in sorted(
        (start, language, content)
        for language in ("sh", "python")
        for start, content in blocks(language)
    )
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files under the names that the guide uses, cut down to a few classes."""
    made = tmp_path_factory.mktemp("guide")
    for name in ("nace_rev2.csv", "nace_rev2_notes.csv"):
        table = pd.read_csv(DATA / name, dtype=str, keep_default_na=False)
        kept = table["code"].isin(BRANCHES) | table["code"].str.match(r"(?:107|56)\d")
        table[kept].to_csv(made / name, index=False)
    rows = pd.read_parquet(DATA / "activities_train.parquet")
    rows = rows[rows["code"].str.match(r"(?:107|56)\d")]
    test = rows.sample(frac=0.3, random_state=1)
    rows.drop(test.index).to_parquet(made / "activities_train.parquet")
    test.to_parquet(made / "test.parquet")
    # Nearly all of these are known by heart, so that even a small model proves something.
    rows[["text", "code"]].to_csv(made / "gold.csv", index=False)
    (made / "texts.txt").write_text("bakery\nrestaurants\n", encoding="utf-8")
    rules = "\n".join(line for line in rule_example().splitlines() if ",4932," not in line)
    (made / "my_rules.csv").write_text(rules.replace("5520", "5610"), encoding="utf-8")
    return made


def rule_example() -> str:
    found = re.search(r"^```csv\n(pattern.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


@pytest.mark.parametrize("words", PROGRAMS)
def test_a_program_of_the_guide_runs(words: list[str], folder: Path) -> None:
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
    }
    answer = subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "Traceback" not in answer.stderr
    assert answer.stdout or "Written" in answer.stderr


def test_the_examples_of_files_can_be_read(tmp_path: Path) -> None:
    from nacelle.nace.nomenclature import load_nomenclature
    from nacelle.nace.rulefile import read_rule_file
    from nacelle.nace.text import Preprocessor
    from tests.nace.data import nomenclature

    found = re.search(r"^```csv\n(code.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    assert found
    (tmp_path / "isco_08.csv").write_text(found[1], encoding="utf-8")
    assert load_nomenclature(tmp_path / "isco_08.csv").leaves() == ("2511", "2512")
    (tmp_path / "my_rules.csv").write_text(rule_example(), encoding="utf-8")
    read = read_rule_file(tmp_path / "my_rules.csv", nomenclature("nace_rev2"), Preprocessor())
    assert {rule.kind for rule in read.rules} == {"exact", "contains", "regex"}


def test_the_example_of_a_grid_names_settings() -> None:
    import json

    from nacelle.nace.fits import TrainSettings
    from nacelle.nace.grid import combinations

    found = re.search(r"^```json\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    assert found
    assert len(combinations(TrainSettings(), json.loads(found[1]))) == 4
