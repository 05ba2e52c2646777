"""`kill -9` of workers under load loses no record; ten times in tests/drills/test_nace_kills.py."""

from __future__ import annotations

from pathlib import Path

import psutil

from tests.nace.serving.killing import check_records, kill_a_worker, load_on
from tests.nace.serving.running import RunningService


def test_killed_workers_lose_no_record(small_model: Path, tmp_path: Path) -> None:
    with RunningService(tmp_path / "service", workers=2) as service:
        service.publish(small_model)
        service.start()
        first = service.process.pid
        with load_on(service) as load:
            for turn in range(2):
                load.more()
                kill_a_worker(service, turn)
            load.more()
        assert service.process.pid == first and psutil.pid_exists(first)
        service.stop()
        assert load.answered and not load.refused
        check_records(service, load, tmp_path / "bucket")
