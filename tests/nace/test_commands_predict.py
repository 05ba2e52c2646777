"""`nacelle nace predict`: any file in, the same rows with their codes out."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nacelle.nace.classifier import Classifier
from nacelle.nace.command_rows import BATCH
from nacelle.nace.text import TextSettings
from nacelle.nace.threshold import choose_threshold
from nacelle.nace.threshold_file import ThresholdFile
from tests.nace.running import NACELLE, invoke, invoke_json

TEXTS = ("bakery", "road haulage", "idem", "", "0111")


@pytest.fixture(scope="module")
def classifier(small_model: Path) -> Classifier:
    return Classifier.load(small_model)


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text(
        'id;text;code;note\n007;bakery;1071;"a; b"\n008;road haulage;4941;\n009;idem;;x\n'
        "010;;0111;y\n011;0111;0111;z\n",
        encoding="utf-8",
    )
    return path


def read_csv(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def test_a_csv_keeps_its_columns_and_its_order(
    small_model: Path, rows: Path, tmp_path: Path, classifier: Classifier
) -> None:
    out = tmp_path / "new" / "out.csv"
    told = invoke("predict", small_model, rows, "--output", out, "--k", 3)
    found = read_csv(out)
    assert list(found.columns[:4]) == ["id", "text", "input_code", "note"]
    assert found["id"].tolist() == ["007", "008", "009", "010", "011"]
    assert found["note"].tolist() == ["a; b", "", "x", "y", "z"]
    expected = classifier.predict(list(TEXTS), k=3)
    assert found["code"].tolist() == [one.top[0].code if one.top else "" for one in expected]
    assert found["title"].tolist() == [one.top[0].title if one.top else "" for one in expected]
    assert found["code_3"].tolist() == [one.top[2].code if one.top else "" for one in expected]
    assert "code_4" not in found
    assert found["stage"].tolist() == [one.stage for one in expected]
    assert found["detail"].tolist() == [one.detail for one in expected]
    assert found["index"].astype(float).tolist() == pytest.approx(
        [one.index for one in expected], abs=1e-5
    )
    assert set(found["version"]) == {"Rev. 2"}
    assert set(found["model_version"]) == {classifier.version}
    assert set(found["automatic"]) == {""}
    assert "5 rows" in told.stderr
    assert not told.stdout
    assert [path.name for path in out.parent.iterdir()] == ["out.csv"]


def test_a_parquet_file_keeps_its_types_over_many_batches(
    small_model: Path, tmp_path: Path
) -> None:
    number = 2 * BATCH + 7
    texts = [("bakery", "road haulage", None)[i % 3] for i in range(number)]
    table = pa.table({"n": range(number), "text": texts, "tags": [["a", "b"]] * number})
    pq.write_table(table, tmp_path / "in.parquet")
    out = tmp_path / "out.parquet"
    invoke("predict", small_model, tmp_path / "in.parquet", "--output", out, "--threshold", 0.5)
    found = pq.read_table(out)
    assert found.select(["n", "text", "tags"]).equals(table)
    assert found["automatic"].type == pa.bool_()
    stages = found["stage"].to_pylist()
    assert {one for one, text in zip(stages, texts, strict=True) if text is None} == {"rejected"}
    assert found["probability"][2].as_py() == 0
    assert found["automatic"][2].as_py() is False


def test_json_lines_have_all_candidates(small_model: Path, rows: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    invoke("predict", small_model, rows, "--output", out, "--k", 2)
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [one["id"] for one in lines] == ["007", "008", "009", "010", "011"]
    assert [len(one["top"]) for one in lines] == [2, 2, 0, 0, 2]
    assert lines[0]["top"][0]["code"] == lines[0]["code"] == "1071"
    assert lines[0]["automatic"] is None
    printed = invoke("predict", small_model, rows, "--json", "--k", 2).stdout
    assert printed == out.read_text(encoding="utf-8")


def test_what_is_written_can_be_told_as_json(small_model: Path, rows: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    told = invoke_json("predict", small_model, rows, "--output", out, "--threshold", 0.3)
    assert told["rows"] == 5
    assert told["stages"]["rejected"] == 2
    assert told["automatic"] == (read_csv(out)["automatic"] == "true").sum()


@pytest.mark.parametrize(
    "given", ["bakery\nroad haulage\n", "text\nbakery\nroad haulage\n", "n,text\n1,bakery\n2,x\n"]
)
def test_standard_input_is_texts_or_csv(small_model: Path, given: str) -> None:
    lines = invoke("predict", small_model, "-", "--json", stdin=given).stdout.splitlines()
    assert len(lines) == 2
    assert json.loads(lines[0])["text"] == "bakery"
    assert json.loads(lines[0])["code"] == "1071"


def test_each_line_of_a_text_file_is_a_row(small_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_bytes(b"bakery, and more\r\n\r\ncaf\xe9\n")
    found = invoke("predict", small_model, path)
    lines = found.stdout.splitlines()
    assert lines[1].startswith('"bakery, and more",1071')
    assert "it is empty" in lines[2]
    assert "not UTF-8" in lines[3]
    assert "1 texts are not UTF-8" in found.stderr


def test_a_typed_text_is_shown_as_a_small_table(small_model: Path) -> None:
    shown = invoke("predict", small_model, "--text", "bakery", "--threshold", 0.1).stdout
    first, second, *_, last = shown.splitlines()
    assert first == "bakery"
    assert second.split()[0] == "1071"
    assert "automatic (threshold 0.10)" in last
    assert "not coded: it says nothing" in invoke("predict", small_model, "--text", "idem").stdout


def test_titles_are_in_the_language_asked_for(small_model: Path) -> None:
    found = invoke_json("predict", small_model, "--text", "bakery", "--titles", "fr")
    assert found["title"] == "Fabrication de pain et de pâtisserie fraîche"
    assert found["top"][0]["title"] == found["title"]
    asked = ("predict", small_model, "--text", "bakery", "--titles", "xx")
    assert "has titles in en, fr, de, it" in invoke(*asked, code=2).stderr


def test_k_may_be_one_or_more_than_there_are_codes(
    small_model: Path, classifier: Classifier
) -> None:
    one = invoke_json("predict", small_model, "--text", "bakery", "--k", 1)
    many = invoke_json("predict", small_model, "--text", "bakery", "--k", 9999)
    assert len(one["top"]) == 1
    assert len(many["top"]) == len(classifier.classes)
    assert one["index"] == pytest.approx(many["index"])


def test_a_proved_threshold_holds_for_its_model_alone(
    small_model: Path, tmp_path: Path, classifier: Classifier
) -> None:
    result = choose_threshold([0.9] * 200, [True] * 200, 0.9, 0.05)
    path = tmp_path / "threshold.json"
    ThresholdFile(classifier.version, "NACE", "gold", "now", result).save(path)
    asked = ("predict", small_model, "--text", "bakery", "--threshold-file", path)
    assert invoke_json(*asked)["threshold"] == result.threshold
    ThresholdFile("another", "NACE", "gold", "now", result).save(path)
    assert "proved for the model another" in invoke(*asked, code=2).stderr


def test_five_megabytes_in_a_cell_are_coded_by_their_start(
    small_model: Path, tmp_path: Path
) -> None:
    path = tmp_path / "long.csv"
    path.write_text('text\n"' + "bakery " * 750_000 + '"\nbakery\n', encoding="utf-8")
    lines = invoke("predict", small_model, path, "--json").stdout.splitlines()
    assert [json.loads(line)["code"] for line in lines] == ["1071", "1071"]


@pytest.mark.parametrize(
    ("given", "stages"),
    [
        (b"bakery " * 20_000 + b"\nbakery\n", ["model", "model"]),
        (b"bakery\rtaxi of all\r", ["model", "model"]),
        (b'"bakery\nbakery\n', ["model", "model"]),
        (b"\xff\x00\x81\r\x9f\xfe", ["rejected", "rejected"]),
        (b"", []),
    ],
    ids=["long", "carriage returns", "quote", "junk", "nothing"],
)
def test_whatever_comes_on_standard_input(
    small_model: Path, given: bytes, stages: list[str]
) -> None:
    lines = invoke("predict", small_model, "-", "--json", stdin=given).stdout.splitlines()
    assert [json.loads(line)["stage"] for line in lines] == stages


def test_bytes_of_a_parquet_file_are_texts(small_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"text": ["boulangerie à Brest".encode(), b"\xff\xfe"]}), path)
    first, second = invoke("predict", small_model, path, "--json").stdout.splitlines()
    assert json.loads(first)["text"] == "boulangerie à Brest"
    assert (json.loads(second)["text"], json.loads(second)["stage"]) == ("\ufffd" * 2, "rejected")
    assert "boulangerie à Brest," in invoke("predict", small_model, path).stdout


@pytest.fixture(scope="module")
def beside(classifier: Classifier, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small model, as if it had learnt from a column beside the text."""
    made = Classifier(
        classifier.nomenclature, classifier.classes, TextSettings(side=("form",)),
        classifier.rules, classifier.views, trust=0.5, name="side", card={},
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("beside")
    made.save(folder)
    return folder


def test_what_stands_beside_a_text_is_read_as_in_training(beside: Path, tmp_path: Path) -> None:
    """Numbers with gaps are stored as floats: 5499.0 is 5499 in a file of texts."""
    texts = ["a trade of ours"] * 3
    numbers = tmp_path / "numbers.parquet"
    pq.write_table(pa.table({"text": texts, "form": [5499.0, None, float("nan")]}), numbers)
    words = tmp_path / "words.csv"
    words.write_text("text,form\n" + "".join(f"{texts[0]},{one}\n" for one in ("5499", "", "")))
    found = [
        [
            json.loads(line)["top"]
            for line in invoke("predict", beside, path, "--json").stdout.splitlines()
        ]
        for path in (numbers, words)
    ]
    assert found[0] == found[1]
    assert found[0][0] != found[0][1] == found[0][2]


def test_the_text_is_not_beside_itself(beside: Path, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("form\nx\n")
    asked = ("predict", beside, path, "--text-column", "form")
    assert "'form' is named twice" in invoke(*asked, code=2).stderr


def test_an_interruption_leaves_no_half_of_a_file(small_model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    with subprocess.Popen(
        [NACELLE, "nace", "predict", small_model, "-", "--output", out],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as running:
        assert running.stdin and running.stderr
        running.stdin.write(b"bakery\n")
        running.stdin.flush()
        end = time.monotonic() + 60
        while not list(tmp_path.iterdir()) and time.monotonic() < end:
            time.sleep(0.05)
        running.terminate()
        assert running.wait(30) == 143
        assert b"Nothing was written to the output file." in running.stderr.read()
    assert not list(tmp_path.iterdir())


def test_predicting_stays_light(small_model: Path) -> None:
    """What takes seconds to load is not loaded; the platform is not even looked at."""
    script = (
        "import sys\nfrom nacelle.cli import main\n"
        f"main(['nace', 'predict', {str(small_model)!r}, '--text', 'bakery', '--json'],"
        " standalone_mode=False)\n"
        "print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True
    )
    loaded = set(done.stdout.splitlines()[-1].split())
    heavy = {"mlflow", "sklearn", "matplotlib", "pandas", "pyarrow", "jinja2", "rich"}
    assert not loaded & heavy
    assert not [one for one in loaded if one.startswith(("nacelle.hub", "nacelle.local"))]


def test_other_commands_load_nothing_of_the_classifier() -> None:
    script = (
        "import sys\nfrom nacelle.cli import main\nmain(['-h'], standalone_mode=False)\n"
        "print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True
    )
    assert "nace " in done.stdout
    assert "nacelle.nace" not in done.stdout.splitlines()[-1]
