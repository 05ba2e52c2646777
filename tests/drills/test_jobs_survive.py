"""Schedules, runs and logs are there after `down` and `up`; a run needs no server of its owner."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.journeys.jobs import jobs_of, write_notebook
from tests.support.installation import Installation
from tests.support.waiting import wait_for

pytestmark = pytest.mark.drill


def test_down_and_up(installation: Installation, tmp_path: Path) -> None:
    waiting = write_notebook(
        tmp_path / "long.ipynb", "print('begun')", "import time; time.sleep(600)"
    )
    with jobs_of(installation, "alice") as jobs:
        done = jobs.create(
            write_notebook(tmp_path / "figures.ipynb", "print('figures')"),
            schedule="0 6 1 * *",
            zone="Europe/Paris",
        )
        assert done.run is not None
        assert jobs.wait(done.run.id, patience=240).state == "succeeded"
        before = jobs.job(done.job.id)
        long = jobs.create(waiting, schedule="0 7 * * *")
        assert long.run is not None
        run = long.run.id
        wait_for(lambda: "begun" in jobs.log(run)[0], 120, "the cell to run")
        # The job lets no two run at once: these wait for the first.
        behind = [jobs.run(long.job.id).id for _ in range(2)]
    installation.down()
    installation.up()
    with jobs_of(installation, "alice") as jobs:
        after = jobs.job(done.job.id)
        assert (after.state, after.next, after.proved) == ("armed", before.next, before.proved)
        assert "figures" in jobs.log(done.run.id)[0]
        assert b"figures" in jobs.output(done.run.id)
        # What ran when the platform stopped is said to have been lost, with what it had printed.
        ended = jobs.wait(run, patience=60)
        assert ended.state == "failed" and ended.exit is not None
        assert ended.exit.code == "lost-machine"
        assert "begun" in jobs.log(run)[0]
        # What waited was not launched while the platform stopped: it waits, or has its turn now.
        wait_for(lambda: jobs.get_run(behind[0]).started, 120, "the turn of the next")
        assert [jobs.get_run(id).state for id in behind] == ["running", "pending"]
        assert jobs.wait(jobs.run(done.job.id).id, patience=240).state == "succeeded"
    # Nobody of these had a server.
    sessions = installation.layout.logs / "sessions"
    assert not sessions.exists() or not list(sessions.iterdir())
