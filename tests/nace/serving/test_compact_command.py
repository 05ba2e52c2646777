"""`nacelle nace compact`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from nacelle.layout import Layout
from nacelle.secrets import ensure_secrets
from nacelle.settings import load_settings
from tests.nace.running import invoke, invoke_json, run
from tests.support.waiting import free_base

from .recording import identities, make_record, make_spool


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    file = tmp_path / "settings.yaml"
    file.write_text(json.dumps({"port": free_base(), "data_dir": "data"}))
    return file


@pytest.fixture
def spool(settings: Path) -> Path:
    return Layout(load_settings(settings)).folder("nace") / "records"


def test_records_of_the_installation_go_to_a_folder(
    settings: Path, spool: Path, tmp_path: Path
) -> None:
    make_spool(spool, "one", [make_record("a"), make_record("b")], b"torn")
    found = invoke("compact", "--settings", settings, "--target", tmp_path / "out")
    assert "1 files: 2 records in" in found.stdout
    assert "1 damaged lines are in" in found.stdout
    assert len(identities(tmp_path / "out")) == 2


def test_json_has_every_count(settings: Path, spool: Path, tmp_path: Path) -> None:
    make_spool(spool, "one", [make_record("a")])
    target = tmp_path / "out"
    found = invoke_json("compact", "--settings", settings, "--target", target)
    assert found.pop("bytes") > 1000
    assert found == {
        "files": 1, "records": 1, "damaged": 0, "removed_partitions": 0, "target": str(target),
        "problem": None,
    }  # fmt: skip


def test_the_settings_that_run_count(settings: Path, spool: Path, tmp_path: Path) -> None:
    """`nacelle up --port` writes what it was given where the other parts read it."""
    layout = Layout(load_settings(settings))
    layout.run.mkdir(parents=True)
    days = {"nace": {"records": {"keep_days": 1}}}
    frozen = {"port": layout.port("proxy"), "data_dir": str(layout.data), **days}
    (layout.run / "settings.json").write_text(json.dumps(frozen))
    name = f"20250101T000000Z-{0:016x}"
    make_spool(spool, name, [make_record(time="2025-01-01T00:00:00Z")])
    target = tmp_path / "out"
    invoke("compact", "--settings", settings, "--target", target)
    os.utime(target / "records" / "date=2025-01-01" / f"{name}.parquet", (0, 0))
    found = invoke_json("compact", "--settings", settings, "--target", target)
    assert found["removed_partitions"] == 1


def test_a_store_that_is_away_leaves_the_records(
    settings: Path, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_spool(spool, "one", [make_record()])
    before = path.read_bytes()
    closed = f"http://127.0.0.1:{free_base()}"
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", closed)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "any")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    monkeypatch.setenv("AWS_ENDPOINT_URL", closed)
    found = invoke("compact", "--settings", settings, code=1)
    assert f"The records stay in {spool}: s3://projet-nace/nace cannot be used" in found.stderr
    assert path.read_bytes() == before
    assert invoke_json("compact", "--settings", settings, code=1)["problem"]


def test_a_key_service_that_is_away_leaves_the_records(settings: Path, spool: Path) -> None:
    ensure_secrets(Layout(load_settings(settings)))
    path = make_spool(spool, "one", [make_record()])
    # In a process of its own: the command takes the AWS names of a shell out of its environment.
    found = run("compact", "--settings", settings, AWS_ACCESS_KEY_ID="of a shell")
    assert found.returncode == 1
    assert f"The records stay in {spool}: s3://projet-nace/nace cannot be used" in found.stderr
    assert "Traceback" not in found.stderr
    assert path.exists()


def test_a_platform_that_never_started_has_no_keys(settings: Path) -> None:
    assert "start the platform once" in invoke("compact", "--settings", settings, code=2).stderr


def test_wrong_settings_are_said(tmp_path: Path) -> None:
    found = invoke("compact", "--settings", tmp_path / "none.yaml", code=2)
    assert "cannot be read" in found.stderr
