"""Ten times `kill -9` of the classifier's workers under load: no record is lost, none is doubled,
and all is well again each time without a hand."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.nace.serving.killing import check_records, kill_a_worker, load_on
from tests.nace.serving.running import RunningService
from tests.nace.small import train_small_model, write_small_rows

pytestmark = pytest.mark.drill
KILLS = 10


@pytest.fixture
def service(tmp_path: Path) -> Iterator[RunningService]:
    model = train_small_model(write_small_rows(tmp_path / "rows.parquet"), tmp_path / "model")
    # Small files, so that workers are killed while they change from one to the next as well.
    records = {"rotate_bytes": 200_000}
    with RunningService(tmp_path / "service", workers=2, records=records) as made:
        made.publish(model)
        made.start()
        yield made


def test_ten_killed_workers_lose_no_record(service: RunningService, tmp_path: Path) -> None:
    with load_on(service) as load:
        for turn in range(KILLS):
            load.more()
            before, started = len(load.answered), time.monotonic()
            kill_a_worker(service, turn)
            took = time.monotonic() - started
            print(f"kill {turn + 1}: {before:,} texts so far, another worker after {took:.1f} s")
        load.more()
    service.stop()
    print(f"{len(load.answered):,} texts answered, {load.lost} requests lost with their worker")
    assert load.lost >= KILLS and not load.refused
    check_records(service, load, tmp_path / "bucket")
