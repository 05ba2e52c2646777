"""The one type of a record."""

from __future__ import annotations

import json
import subprocess
import sys

import msgspec
import pytest

from nacelle.nace.prediction import Prediction
from nacelle.nace.records import PredictionRecord

from .recording import make_record


def test_a_record_survives_json_and_is_flat() -> None:
    record = make_record(position=3, automatic=None, threshold=None, top=())
    written = msgspec.json.encode(record)
    assert msgspec.json.decode(written, type=PredictionRecord) == record
    assert set(json.loads(written)) == {
        *Prediction.__struct_fields__, "position", "caller", "language", "side",
    }  # fmt: skip


def test_a_bare_prediction_is_a_record_of_one_text() -> None:
    fields = msgspec.structs.asdict(make_record())
    bare = {name: fields[name] for name in Prediction.__struct_fields__}
    record = msgspec.json.decode(msgspec.json.encode(bare), type=PredictionRecord)
    assert (record.position, record.caller, record.language, record.side) == (0, "", "", {})


@pytest.mark.parametrize("position", [-1, 2**31, "0", None, 0.5])
def test_a_position_is_a_small_number(position: object) -> None:
    written = msgspec.json.encode({**msgspec.structs.asdict(make_record()), "position": position})
    with pytest.raises(msgspec.ValidationError, match="position"):
        msgspec.json.decode(written, type=PredictionRecord)


def test_a_worker_that_records_loads_no_heavy_library() -> None:
    code = """
import sys, nacelle.nace.serving.recorder
heavy = {"mlflow", "pandas", "pyarrow", "sklearn", "matplotlib", "s3fs", "boto3", "jupyterhub"}
print(sorted(heavy & set(sys.modules)))
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
