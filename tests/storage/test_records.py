"""The classifier's records in the real store: written by compaction, read by DuckDB in one glob."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from nacelle.credentials.keys import Keys
from nacelle.credentials.provider import start_provider
from nacelle.credentials.service import service_storage
from nacelle.nace.serving.compact import NotCompacted, compact
from nacelle.secrets import ensure_secrets, read_secret
from nacelle.storage.clients import connect
from tests.nace.running import invoke_json
from tests.nace.serving.recording import (
    COMPACTING,
    NEXT_DAY,
    identities,
    make_record,
    make_spool,
    read,
    run_child,
)

from .conftest import Platform


def project_keys(platform: Platform) -> Keys:
    access, secret, token = platform.keys("user:ada", projects=["nace"]).values()
    now = datetime.now(UTC)
    return Keys(access, secret, token, issued=now, expires=now + timedelta(hours=1))


@pytest.fixture
def environment(platform: Platform, ada: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """As in the service: an endpoint for keys that renew, and no key by name."""
    names = start_provider(lambda: project_keys(platform)) | {
        "AWS_ENDPOINT_URL": platform.store.url,
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    for name, value in names.items():
        monkeypatch.setenv(name, value)
    return names


@pytest.fixture
def target(request: pytest.FixtureRequest, ada: Any) -> Iterator[str]:
    prefix = f"nace-{abs(hash(request.node.name))}"
    yield f"s3://projet-nace/{prefix}"
    for page in ada.get_paginator("list_objects_v2").paginate(Bucket="projet-nace", Prefix=prefix):
        for entry in page.get("Contents", ()):
            ada.delete_object(Bucket="projet-nace", Key=entry["Key"])


# As a recorder names its files.
FILES = {file: f"20261120T100000Z-{n:016x}" for n, file in enumerate(("one", "two"))}


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    folder = tmp_path / "spool"
    for file, name in FILES.items():
        days = (make_record(file).time, NEXT_DAY)
        records = [make_record(file, n, time=days[n % 2]) for n in range(20)]
        make_spool(folder, name, records, b"torn")
    return folder


EXPECTED = Counter((file, n) for file in ("one", "two") for n in range(20))


def keys_below(ada: Any, target: str) -> list[str]:
    prefix = target.removeprefix("s3://projet-nace/") + "/"
    found = ada.list_objects_v2(Bucket="projet-nace", Prefix=prefix).get("Contents", ())
    return [entry["Key"].removeprefix(prefix) for entry in found]


def test_duckdb_reads_one_glob(
    environment: dict[str, str], ada: Any, target: str, spool: Path
) -> None:
    done = compact(spool, target, now=datetime.now(UTC), keep_days=0)
    assert (done.files, done.records, done.damaged) == (2, 40, 2)
    assert keys_below(ada, target) == [
        f"quarantine/{FILES['one']}.jsonl",
        f"quarantine/{FILES['two']}.jsonl",
        f"records/date=2026-11-20/{FILES['one']}.parquet",
        f"records/date=2026-11-20/{FILES['two']}.parquet",
        f"records/date=2026-11-21/{FILES['one']}.parquet",
        f"records/date=2026-11-21/{FILES['two']}.parquet",
    ]
    with connect(environ=environment) as con:
        assert identities(target, con) == EXPECTED
        days = read(target, "date, top[1].code, side['surface'], epoch(time) > 0", con)
    assert Counter((str(day), *others) for day, *others in days) == Counter(
        {("2026-11-20", "0111", "12", True): 20, ("2026-11-21", "0111", "12", True): 20}
    )


@pytest.mark.parametrize(
    "point",
    [
        *(f"nacelle.nace.serving.target Bucket put after {call}" for call in range(1, 7)),
        "pathlib Path unlink before 2",
    ],
)
def test_a_compaction_that_is_killed_is_run_again(
    environment: dict[str, str], target: str, spool: Path, point: str
) -> None:
    child = run_child(COMPACTING, spool, target, 0, point)
    _, problems = child.communicate(timeout=120)
    assert child.returncode == -signal.SIGKILL, problems
    done = compact(spool, target, now=datetime.now(UTC), keep_days=0)
    assert done.files >= 1 and not list(spool.iterdir())
    with connect(environ=environment) as con:
        assert identities(target, con) == EXPECTED


def test_two_at_once(environment: dict[str, str], target: str, spool: Path) -> None:
    children = [run_child(COMPACTING, spool, target, 0, "") for _ in range(2)]
    done = []
    for child in children:
        out, problems = child.communicate(timeout=120)
        assert child.returncode == 0, problems
        done.append(json.loads(out))
    assert sum(one["records"] for one in done) == 40
    with connect(environ=environment) as con:
        assert identities(target, con) == EXPECTED


def test_old_partitions_are_removed_by_the_store_s_own_clock(
    environment: dict[str, str], ada: Any, target: str, spool: Path
) -> None:
    now = datetime.now(UTC)
    written = compact(spool, target, now=now, keep_days=1)
    assert (written.records, written.removed_partitions) == (40, 0)
    later = compact(spool, target, now=now + timedelta(days=400), keep_days=30)
    assert later.removed_partitions == 2
    assert keys_below(ada, target) == []


def test_a_bucket_of_others_is_refused_and_the_records_stay(
    environment: dict[str, str], bob: Any, spool: Path
) -> None:
    with pytest.raises(NotCompacted, match="s3://user-bob/nace cannot be used"):
        compact(spool, "s3://user-bob/nace", now=datetime.now(UTC), keep_days=0)
    assert len(list(spool.iterdir())) == 2


def test_a_bucket_that_is_not_there_is_said(environment: dict[str, str], spool: Path) -> None:
    with pytest.raises(NotCompacted, match="s3://nobody/nace cannot be used"):
        compact(spool, "s3://nobody/nace", now=datetime.now(UTC), keep_days=0)
    assert len(list(spool.iterdir())) == 2


def test_the_command_writes_to_the_project_s_bucket_with_the_service_s_keys(
    platform: Platform, ada: Any, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = platform.store.layout
    ensure_secrets(layout)
    shutil.move(spool, layout.folder("nace") / "records")
    asked = []

    def broker(url: str, token: str) -> Keys:
        asked.append((url, token))
        return project_keys(platform)

    monkeypatch.setattr("nacelle.credentials.service.fetch_keys", broker)
    for name in (*service_storage(layout, "nace"), "AWS_ACCESS_KEY_ID"):
        # Said and unsaid, so that what the command sets is taken back after the test.
        monkeypatch.setenv(name, "of a shell")
    monkeypatch.delenv("AWS_CONTAINER_CREDENTIALS_FULL_URI")
    found = invoke_json("compact", "--settings", platform.store.settings_file)
    assert (found["records"], found["target"]) == (40, "s3://projet-nace/nace")
    assert asked == [(layout.broker_url, read_secret(layout, "service.nace.token"))]
    assert len(keys_below(ada, "s3://projet-nace/nace")) == 6
    assert os.environ["AWS_ENDPOINT_URL"] == platform.store.url
