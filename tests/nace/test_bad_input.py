"""Whatever people hand in: a sentence and exit code 2, or a counted drop; never a traceback."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nacelle.nace.labelled import NO_TEXT, TOO_LONG, UNREADABLE
from tests.nace.data import DATA, ISCO
from tests.nace.running import QUICK, run, write_jobs

JUNK = bytes(range(256)) * 40


@pytest.fixture(scope="module")
def nomenclature(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("nomenclature") / "isco_08.csv"
    path.write_text(ISCO, encoding="utf-8")
    return path


def refused(*arguments: object, powerless: bool = False, **environment: str) -> str:
    """What is said of something that cannot be used."""
    done = run(*arguments, powerless=powerless, **environment)
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    return done.stderr


def trained(
    rows: Path | bytes | str, nomenclature: Path, folder: Path, *more: object
) -> tuple[object, ...]:
    """The arguments of a training on rows, which are written to a file where they are none."""
    if not isinstance(rows, Path):
        path = folder / "rows.csv"
        path.write_bytes(rows if isinstance(rows, bytes) else rows.encode())
        rows = path
    given = ("--data", rows, "--nomenclature", nomenclature, "--output", folder / "model")
    return ("train", *given, *QUICK, *more)


def test_rows_that_cannot_be_used_are_counted(nomenclature: Path, tmp_path: Path) -> None:
    path = write_jobs(tmp_path / "jobs.csv")
    long = b"x" * 5_000_000
    with path.open("ab") as file:
        file.write(b"java developer,9999\n,2512\nnan,2512\n" + long + b",2512\n")
        file.write(b"\0\1\2\3\4,2512\npirate,\nvaluable,25\nbroken,2512,more\n")
        file.write(b"senior army officer,0110\n")
    done = run(*trained(path, nomenclature, tmp_path, "--json"))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["dropped"]
    assert found["read"] - found["kept"] == 9 == sum(found["dropped"].values())
    assert found["dropped"][NO_TEXT] == 2
    assert found["dropped"][TOO_LONG] == 1
    assert found["dropped"][UNREADABLE] == 1
    assert found["dropped"]["code unknown to ISCO 08"] == 1
    assert "9 left out" not in done.stderr
    assert "1 left out: code unknown to ISCO 08" in done.stderr


def test_ten_rows_are_learnt_and_said_to_be_few(nomenclature: Path, tmp_path: Path) -> None:
    rows = [
        f"{word} {job},{code}"
        for word in ("old", "new", "good", "bad", "big")
        for job, code in (("officer", "0110"), ("programmer", "2512"))
    ]
    done = run(*trained("\n".join(["text,code", *rows]), nomenclature, tmp_path))
    assert done.returncode == 0, done.stderr
    assert "10 rows read, 10 kept" in done.stdout
    assert "too few rows" in done.stdout


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("description,code\nbaker,2511\n", "has no column 'text'; its columns are: description"),
        ("text,label\nbaker,2511\n", "has no column 'code'"),
        ("text,code\nbaker,9998\nsmith,9999\n", "coded in another version or nomenclature"),
        ("text,code\nbaker,2511\nsmith,2511\n", "needs at least two codes"),
        ("text,code\n,2511\nnan,2512\n", "No row is left to use"),
        ("text,code\n", "No row was found"),
        ("", "is empty"),
        (JUNK, "is no CSV file"),
        ("text,code\nbaker,2511\n".encode("utf-16"), "UTF-16"),
        (b"PAR1" + JUNK, "is no readable Parquet file"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_rows_of_which_nothing_can_be_learnt(
    nomenclature: Path, tmp_path: Path, rows: str | bytes, said: str
) -> None:
    assert said in refused(*trained(rows, nomenclature, tmp_path))
    assert not (tmp_path / "model").exists()


def test_codes_that_were_numbers(nomenclature: Path, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pd.DataFrame({"text": ["officer", "analyst"], "code": [110, 2511]}).to_parquet(path)
    assert "store the codes as text" in refused(*trained(path, nomenclature, tmp_path))


def test_rows_of_another_version_are_told_by_name(tmp_path: Path) -> None:
    rows = pq.read_table(DATA / "activities_naf2025_train.parquet").to_pandas().head(300)
    rows["code"] = rows["code"].str[:4]
    rows.to_parquet(tmp_path / "rows.parquet")
    given = trained(tmp_path / "rows.parquet", DATA / "nace_rev2.csv", tmp_path)
    told = refused(*given, "--other-version", DATA / "nace_rev21.csv")
    assert "NACE Rev. 2.1" in told


def test_mixed_versions_are_counted_and_warned_of(tmp_path: Path) -> None:
    old = pq.read_table(DATA / "activities_train.parquet").to_pandas()[["text", "code"]]
    new = pq.read_table(DATA / "activities_naf2025_train.parquet").to_pandas()[["text", "code"]]
    pd.concat([old.head(300), new.head(100)]).to_parquet(tmp_path / "rows.parquet")
    quick = ("--json", "--set", "rows.official=false", "--set", "apart=0")
    given = trained(tmp_path / "rows.parquet", DATA / "nace_rev2.csv", tmp_path, *quick)
    done = run(*given)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["dropped"]
    assert any("another version" in reason for reason in found["dropped"])
    assert "If the file mixes versions" in found["warnings"][0]
    assert found["warnings"][0] in done.stderr


@pytest.mark.parametrize("option", ["--data", "--nomenclature", "--notes", "--rules", "--grid"])
@pytest.mark.parametrize("kind", ["missing", "folder", "binary"])
def test_files_that_are_none(nomenclature: Path, tmp_path: Path, option: str, kind: str) -> None:
    rows = write_jobs(tmp_path / "jobs.csv")
    path = tmp_path / "given.csv"
    if kind == "folder":
        path.mkdir()
    if kind == "binary":
        path.write_bytes(b"\0\0" + JUNK)
    told = refused(*trained(rows, nomenclature, tmp_path, option, path))
    assert "given.csv" in told


def test_a_misspelt_file_name_is_corrected(nomenclature: Path, tmp_path: Path) -> None:
    write_jobs(tmp_path / "jobs.csv")
    told = refused(*trained(tmp_path / "job.csv", nomenclature, tmp_path))
    assert f"Did you mean {tmp_path / 'jobs.csv'}?" in told


@pytest.mark.parametrize(
    ("csv", "said"),
    [
        ("code,parent,level\n1,,1\n", "title"),
        ("code,parent,level,title_en\n1,,1,a\n1,,1,b\n", "line 3, column code"),
        ("code,parent,level,title_en\n1,,1,a\n11,2,2,b\n", "line 3, column parent"),
    ],
)
def test_a_nomenclature_that_does_not_hold_together(tmp_path: Path, csv: str, said: str) -> None:
    rows = write_jobs(tmp_path / "jobs.csv")
    (tmp_path / "bad.csv").write_text(csv)
    assert said in refused(*trained(rows, tmp_path / "bad.csv", tmp_path))


def test_files_that_one_may_not_read_or_write(nomenclature: Path, tmp_path: Path) -> None:
    rows = write_jobs(tmp_path / "jobs.csv")
    given = trained(rows, nomenclature, tmp_path)
    rows.chmod(0)
    assert f"{rows} cannot be read: Permission denied" in refused(*given, powerless=True)
    tmp_path.chmod(0o555)
    told = refused(*given, powerless=True)
    assert f"{tmp_path / 'model'} cannot be made: you may not write in {tmp_path}" in told
    tmp_path.chmod(0o755)


def test_a_model_that_one_may_not_read(isco_model: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(isco_model, tmp_path / "model"))
    (folder / "fasttext.bin").chmod(0)
    told = refused("predict", folder, "--text", "x", powerless=True)
    assert f"{folder / 'fasttext.bin'}: Permission denied" in told


def test_an_output_that_cannot_be_a_folder(nomenclature: Path, tmp_path: Path) -> None:
    rows = write_jobs(tmp_path / "jobs.csv")
    given = ("train", "--data", rows, "--nomenclature", nomenclature, *QUICK, "--output")
    assert "is a file; name a folder" in refused(*given, rows)
    assert f"{rows} is a file" in refused(*given, rows / "below")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere", "holds no model"),
        ("models:nace@champion", "a model is a folder, or an address of MLflow"),
        ("https://example.org/model", "a model is a folder, or an address of MLflow"),
        ("s3://bucket/model", "a model is a folder, or an address of MLflow"),
    ],
)
def test_a_model_that_is_none(tmp_path: Path, name: str, said: str) -> None:
    place = str(tmp_path / name) if name == "nowhere" else name
    assert said in refused("predict", place, "--text", "x")


def test_a_folder_without_a_model(tmp_path: Path, small_rows: Path) -> None:
    for command in (("evaluate",), ("predict",), ("threshold",)):
        assert "holds no model" in refused(*command, tmp_path, small_rows)
    assert "holds no model" in refused("predict", small_rows, "--text", "x")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def remove(path: Path) -> None:
    path.unlink()


def replace(path: Path) -> None:
    path.write_text("[]")


@pytest.mark.parametrize("damage", [cut, empty, remove, replace])
@pytest.mark.parametrize(
    "name", ["model.json", "nomenclature.json", "rules.json", "fasttext.bin", "network.npz"]
)
def test_a_damaged_model(
    isco_model: Path, tmp_path: Path, name: str, damage: Callable[[Path], None]
) -> None:
    folder = Path(shutil.copytree(isco_model, tmp_path / "model"))
    damage(folder / name)
    told = refused("predict", folder, "--text", "x")
    assert str(folder) in told
    assert name in told


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("text,code\n", "No row was found"),
        ("text,code\nbaker,9999\n", "coded in another version"),
        ("text,code\nbaker,\n", "No row is left to use"),
        ("text\nbaker\n", "has no column 'code'"),
        ("", "is empty"),
        (JUNK, "is no CSV file"),
    ],
    ids=lambda value: str(value)[:30],
)
@pytest.mark.parametrize("command", ["evaluate", "threshold"])
def test_gold_of_which_nothing_can_be_said(
    isco_model: Path, tmp_path: Path, command: str, rows: str | bytes, said: str
) -> None:
    path = tmp_path / "gold.csv"
    path.write_bytes(rows if isinstance(rows, bytes) else rows.encode())
    assert said in refused(command, isco_model, path)


def test_gold_that_the_model_rejects_altogether(isco_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "gold.csv"
    path.write_text("text,code\n,2511\nidem,2512\n")
    done = run("evaluate", isco_model, path, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["rows"], found["rejected"], found["top5"], found["ece"]) == (2, 2, 0, 0)
    assert "no gold text with an answer" in refused("threshold", isco_model, path)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("rows.csv", "libelle\nx\n", "has no column 'text'; its columns are: libelle"),
        ("rows.csv", "text,code\nx\n", "line 2: 1 values for 2 columns"),
        ("rows.csv", 'text,code\n"x,1\ny,2\n', "not a CSV row"),
        ("rows.csv", "text,text\nx,y\n", "the column 'text' twice"),
        ("rows.csv", "", "is empty"),
        ("rows.csv", JUNK, "is no CSV file"),
        ("rows.csv", "text,code\nx,1\n".encode("utf-16"), "is no CSV file"),
        ("rows.parquet", JUNK, "is no readable Parquet file"),
        ("rows.csv", b"PAR1" + JUNK, "is no readable Parquet file"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_rows_that_cannot_be_coded(
    isco_model: Path, tmp_path: Path, name: str, content: str | bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    told = refused("predict", isco_model, tmp_path / name, "--output", tmp_path / "out.csv")
    assert said in told
    assert {path.name for path in tmp_path.iterdir()} == {name}


def test_columns_that_are_no_texts(isco_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    for values, kind in (([1, 2], "int64"), ([["a"], ["b"]], "list<")):
        pq.write_table(pa.table({"text": values}), path)
        assert f"holds {kind}" in refused("predict", isco_model, path)


def test_a_parquet_file_that_was_cut_short(isco_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"text": ["army officer"] * 10_000}), path)
    cut(path)
    assert "is no readable Parquet file" in refused("predict", isco_model, path)


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("out.xlsx", "must end in one of .parquet, .csv, .jsonl"),
        ("", "is a folder; name a file in it"),
        ("rows.csv/out.csv", "rows.csv is a file"),
    ],
)
def test_an_output_that_cannot_be_written(
    isco_model: Path, tmp_path: Path, output: str, said: str
) -> None:
    (tmp_path / "rows.csv").write_text("text\nx\n")
    given = ("predict", isco_model, tmp_path / "rows.csv", "--output", f"{tmp_path}/{output}")
    assert said in refused(*given)


@pytest.mark.parametrize("name", ["nowhere.csv", "folder"])
def test_texts_that_are_not_there(isco_model: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    assert name in refused("predict", isco_model, tmp_path / name)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("rows.csv", "--text", "x"),
        ("--text", "x", "--threshold", "0.5", "--threshold-file", "t.json"),
        ("--text", "x", "--threshold", "2"),
        ("--text", "x", "--threshold", "nan"),
        ("--text", "x", "--k", "0"),
        ("--text", "x", "--threshold-file", "nowhere.json"),
    ],
)
def test_options_that_do_not_fit(isco_model: Path, arguments: tuple[str, ...]) -> None:
    refused("predict", isco_model, *arguments)
