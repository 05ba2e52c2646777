"""Promote, see it run, open its output, make it fail, read why, mend it, run it again."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import psutil
import pytest

from nacelle.jobs.client import JobsClient, JobsError
from nacelle.jobs.order import RunFolder
from nacelle.prefixes import JOBS_PREFIX
from tests.journeys.jobs import jobs_of, token_of, write_notebook
from tests.support.installation import NACELLE, Installation, plain_environment
from tests.support.person import Person
from tests.support.waiting import wait_for

MONTHLY = {"schedule": "0 6 1 * *", "zone": "Europe/Paris"}
# Reads and writes the owner's bucket, and tracks a run of MLflow, with nothing but its own keys.
WORK = """
import boto3, mlflow
boto3.client("s3").put_object(Bucket="user-alice", Key="jobs-test/figures", Body=str(year).encode())
mlflow.set_experiment("figures")
with mlflow.start_run():
    mlflow.log_metric("year", year)
print("year", year)
"""


@pytest.fixture(scope="module")
def alices(platform: Installation) -> Iterator[JobsClient]:
    with jobs_of(platform, "alice") as client:
        yield client


@pytest.fixture(scope="module")
def bobs(platform: Installation) -> Iterator[JobsClient]:
    with jobs_of(platform, "bob") as client:
        yield client


def test_promoted_run_failed_mended_and_run_again(
    alices: JobsClient, alice: Person, tmp_path: Path
) -> None:
    file = write_notebook(tmp_path / "figures.ipynb", WORK, "assert year < 2030, 'too late'")
    made = alices.create(file, name="Figures", parameters={"year": 2029}, **MONTHLY)
    assert made.run is not None
    run = alices.wait(made.run.id, patience=240)
    assert run.state == "succeeded", alices.log(run.id)[0]
    job = alices.job("Figures")
    assert job.state == "armed" and job.next[0].astimezone(ZoneInfo("Europe/Paris")).hour == 6
    assert "year 2029" in alices.log(run.id)[0]
    # The output is in the owner's bucket: the notebook, its page and the log.
    assert run.notebook is not None and run.notebook.startswith("s3://user-alice/jobs/figures-")
    kernel = alice.server().kernel()
    address = run.notebook.rpartition("/")[0].removeprefix("s3://")
    listed = kernel.run(f"import s3fs; print(s3fs.S3FileSystem().ls({address!r}))")
    assert all(name in listed for name in ("log", "notebook.html", "notebook.ipynb"))
    kernel.close()
    assert json.loads(alices.output(run.id))["metadata"]["papermill"]["parameters"] == {
        "year": 2029
    }

    # Another year makes it fail; the reason is a sentence, and the cell is named.
    failed = alices.wait(alices.run("Figures", {"year": 2031}).id, patience=240)
    assert failed.state == "failed" and failed.exit is not None
    assert failed.exit.cell == 3 and "AssertionError: too late" in failed.exit.said.en
    assert alices.job("Figures").state == "armed"

    # Mended: the notebook that follows takes the place of the first, and proves itself.
    mended = alices.bring(write_notebook(file, WORK, "assert year < 2040"))
    changed = alices.change(
        "Figures", notebook={"sha256": mended.sha256, "path": mended.path}, first="run"
    )
    assert changed.job.state == "draft" and changed.run is not None
    assert alices.wait(changed.run.id, patience=240).state == "succeeded"
    assert alices.job("Figures").state == "armed"
    alices.delete("Figures")


def test_the_same_by_commands(platform: Installation, tmp_path: Path) -> None:
    file = write_notebook(tmp_path / "by hand.ipynb", "print('by hand', year)")
    with platform.person("alice") as person:
        environment = plain_environment(
            NACELLE_JOBS_URL=platform.url + JOBS_PREFIX, NACELLE_TOKEN=token_of(person)
        )

    def nacelle(*words: str, code: int = 0) -> str:
        done = subprocess.run(
            [str(NACELLE), "jobs", *words],
            env=environment,
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    said = nacelle("create", str(file), "--schedule", "30 7 * * 1-5", "--wait")
    assert "from Monday to Friday" in said and "by hand 2026" in said
    assert "armed" in nacelle("list")
    nacelle("run", "by hand", "--parameter", "year=2027", "--wait")
    assert "year" in nacelle("run", "by hand", "--parameter", "yaer=1", code=2)
    runs = json.loads(nacelle("runs", "by hand", "--json"))
    assert [one["cause"] for one in runs] == ["manual", "first"]
    page = tmp_path / "out.html"
    nacelle("output", runs[0]["id"], "--to", str(page))
    assert "by hand 2027" in page.read_text(encoding="utf-8")
    assert "apiVersion: batch/v1" in nacelle("show", "by hand", "--manifest")
    # What it says to be the same makes the same.
    same = nacelle("show", "by hand", "--command")
    assert "--schedule '30 7 * * 1-5'" in same
    nacelle("suspend", "by hand")
    assert "No job" not in nacelle("delete", "by hand", "--yes")
    assert "no job of yours" in nacelle("show", "by hand", code=1).lower()


@pytest.mark.drill
def test_a_run_is_stopped_and_leaves_nothing(
    platform: Installation, alices: JobsClient, tmp_path: Path
) -> None:
    waiting = "import os, time\nprint('process', os.getpid(), flush=True)\ntime.sleep(600)"
    made = alices.create(write_notebook(tmp_path / "long.ipynb", waiting), first="run")
    assert made.run is not None
    run = made.run.id
    wait_for(lambda: "process" in alices.log(run)[0], 120, "the cell to run")
    (line,) = [one for one in alices.log(run)[0].splitlines() if one.startswith("process")]
    kernel = psutil.Process(int(line.split()[1]))
    alices.cancel(run)
    ended = alices.wait(run, patience=120)
    assert ended.state == "cancelled" and ended.exit is not None
    assert ended.exit.said.en == "alice cancelled the run."
    wait_for(lambda: not kernel.is_running(), 30, "the end of the kernel")
    folder = RunFolder(platform.layout.folder("jobs") / "runs" / run)
    assert not folder.work.exists() and not folder.runtime.exists()
    alices.delete(made.job.id)


@pytest.mark.drill
def test_runs_outlive_the_engine(
    platform: Installation, alices: JobsClient, tmp_path: Path
) -> None:
    flag = tmp_path / "go"
    code = f"import pathlib, time\nwhile not pathlib.Path({str(flag)!r}).exists(): time.sleep(.1)"
    made = alices.create(write_notebook(tmp_path / "waits.ipynb", "print('here')", code))
    assert made.run is not None
    run = made.run.id
    wait_for(lambda: "here" in alices.log(run)[0], 120, "the cell to run")
    platform.kill("jobs-engine")
    platform.kill("jobs")
    flag.touch()
    wait_for(platform.is_healthy, 120, "all parts")
    assert alices.wait(run, patience=120).state == "succeeded"
    assert alices.job(made.job.id).state == "armed"
    alices.delete(made.job.id)


def test_no_token_is_left_and_none_is_seen(
    platform: Installation, alices: JobsClient, tmp_path: Path
) -> None:
    code = "import os\nprint('token', os.environ['MLFLOW_TRACKING_TOKEN'][:6], flush=True)"
    keep = "import time\ntime.sleep(3)"
    made = alices.create(write_notebook(tmp_path / "token.ipynb", code, keep))
    assert made.run is not None
    run = alices.wait(made.run.id, patience=240)
    (line,) = [one for one in alices.log(run.id)[0].splitlines() if one.startswith("token")]
    start = line.split()[1]
    folder = platform.layout.folder("jobs")
    order = RunFolder(folder / "runs" / run.id).order.read_text(encoding="utf-8")
    logs = platform.log("jobs-engine") + platform.log("jobs") + order
    assert start not in logs
    with platform.person("alice") as person:

        def is_revoked() -> bool:
            tokens = person.call("GET", "users/alice/tokens").json()["api_tokens"]
            return not [one for one in tokens if run.id in one["note"]]

        wait_for(is_revoked, 30, "the end of the run's token")
    alices.delete(made.job.id)


def test_what_a_run_s_token_may_do(
    platform: Installation, alices: JobsClient, tmp_path: Path
) -> None:
    """Keys, MLflow and the classifier: no server, no other token, no job of its own."""
    code = (
        "import os, httpx\n"
        "token = {'Authorization': 'token ' + os.environ['MLFLOW_TRACKING_TOKEN']}\n"
        "def ask(method, path):\n"
        f"    return httpx.request(method, '{platform.url}' + path, headers=token).status_code\n"
        "print('said', ask('POST', '/hub/api/users/alice/server'),"
        " ask('POST', '/hub/api/users/alice/tokens'), ask('GET', '/hub/api/users'),"
        f" ask('GET', '{JOBS_PREFIX}/v1/jobs'))"
    )
    made = alices.create(write_notebook(tmp_path / "rights.ipynb", code))
    assert made.run is not None
    run = alices.wait(made.run.id, patience=240)
    assert "said 403 403 403 403" in alices.log(run.id)[0]
    alices.delete(made.job.id)


def test_others_reach_nothing_of_it(
    platform: Installation, alices: JobsClient, bobs: JobsClient, tmp_path: Path
) -> None:
    made = alices.create(write_notebook(tmp_path / "mine.ipynb", "print('mine')"))
    assert made.run is not None
    job, run = made.job.id, alices.wait(made.run.id, patience=240).id
    for ask in (
        lambda: bobs.job(job),
        lambda: bobs.run(job),
        lambda: bobs.change(job, name="his"),
        lambda: bobs.delete(job),
        lambda: bobs.get_run(run),
        lambda: bobs.log(run),
        lambda: bobs.output(run),
        lambda: bobs.again(run),
        lambda: bobs.cancel(run),
        lambda: bobs.runs(job),
    ):
        with pytest.raises(JobsError) as refused:
            ask()
        assert refused.value.status == 404
    assert job not in {one.id for one in bobs.jobs()}
    # The service trusts no name that a caller writes down, and no token of another kind.
    forged = {"X-Nacelle-Identity": "alice", "X-Forwarded-User": "alice"}
    url = f"{platform.url}{JOBS_PREFIX}/v1/jobs/{job}"
    assert httpx.get(url, headers=forged, trust_env=False).status_code == 401
    alices.delete(job)
