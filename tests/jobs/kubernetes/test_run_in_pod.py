"""The runner as a pod starts it: a mounted Secret, a notebook in a real store, a real kernel.

Tier: process. It proves what the container does with its files, not that a kubelet mounts them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from nacelle.jobs.kubernetes.secret import make_secret
from nacelle.jobs.kubernetes.storing import Storing, notebook_address
from nacelle.jobs.kubernetes.telling import LONGEST_MESSAGE, PROGRESS, termination_message
from nacelle.jobs.order import Order, Result, Stage
from nacelle.jobs.parts import Progress, Sentence
from nacelle.jobs.pipelines.bundle import Bundle
from nacelle.jobs.pipelines.records import ItemRecord, PipelineRecord
from nacelle.jobs.run import MISTAKEN
from nacelle.jobs.run_in_pod import FAILED, STOPPED, SUCCEEDED
from tests.jobs import samples
from tests.jobs.kubernetes.clusters import decoded
from tests.jobs.kubernetes.sweeps import BEST, CHOOSING, TRY
from tests.jobs.pipelines.pipelines import Pipelines, bundle
from tests.jobs.running.runs import BUCKET, TOKEN, Place
from tests.storage.conftest import exchange, s3_client
from tests.support.waiting import wait_for

# Many kernels, or many starts: too long for each change.
pytestmark = pytest.mark.drill

UID = "12345678-9abc-def0-1234-56789abcdef0"
JOB_OBJECT = {
    "kind": "CronJob",
    "metadata": {"name": "nacelle-x", "namespace": "jobs", "uid": UID},
}
MAIN = (
    "import os, sys; from pathlib import Path; from nacelle.jobs.run_in_pod import main;"
    " code = main(*map(Path, sys.argv[1:])); sys.stdout.flush(); os._exit(code)"
)


@dataclass
class Pod:
    """The files of a pod, and its process."""

    place: Place
    folder: Path
    order: Order

    def mount(self, token: str = TOKEN) -> None:
        """What the kubelet does with the Secret."""
        made = make_secret(self.order.run.job, JOB_OBJECT, token, [self.order])
        for name, text in decoded(made).items():
            (self.folder / "secret" / name).write_text(text)

    def start(self, **environment: str) -> subprocess.Popen[bytes]:
        paths = [str(self.folder / name) for name in ("secret", "work", "message")]
        known = {"NACELLE_JOB_VERSION": self.order.snapshot.version}
        return subprocess.Popen(
            [sys.executable, "-c", MAIN, *paths],
            env=os.environ | known | environment,
            stdout=(self.folder / "output").open("wb"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def result(self) -> Result:
        return Result.model_validate_json((self.folder / "message").read_bytes())

    def output(self) -> bytes:
        return (self.folder / "output").read_bytes()

    def objects(self) -> Mapping[str, int]:
        keys = exchange(self.place.store.url, self.place.issuer.token("user:ada"))
        found = s3_client(self.place.store.url, keys).list_objects_v2(Bucket=BUCKET)
        return {one["Key"]: one["Size"] for one in found["Contents"]}


@pytest.fixture
def pod(place: Place, tmp_path: Path) -> Pod:
    return make_pod(place, tmp_path, "print('hello')", "1 + 1")


def make_pod(place: Place, tmp_path: Path, *cells: str, **changes: Any) -> Pod:
    folder = place.order(*cells, **{"run": samples.run()} | changes)
    for name in ("secret", "work"):
        (tmp_path / name).mkdir()
    return Pod(place, tmp_path, folder.read_order())


def make_pod_of(place: Place, tmp_path: Path, made: Bundle, stage: Stage) -> Pod:
    """A pod of a step of a pipeline."""
    folder = Pipelines(place).order(made)
    for name in ("secret", "work"):
        (tmp_path / name).mkdir()
    order = folder.read_order()
    run = samples.run(version=order.run.version)
    return Pod(place, tmp_path, order.model_copy(update={"stage": stage, "run": run}))


def read(pod: Pod, address: str) -> bytes:
    keys = exchange(pod.place.store.url, pod.place.issuer.token("user:ada"))
    client = s3_client(pod.place.store.url, keys)
    key = address.partition(f"{BUCKET}/")[2]
    return bytes(client.get_object(Bucket=BUCKET, Key=key)["Body"].read())


async def put(pod: Pod) -> None:
    await Storing().put_notebook(pod.order, TOKEN, pod.order.notebook_file)


async def test_a_run_fetches_its_notebook_and_says_how_it_ended(pod: Pod) -> None:
    await put(pod)
    pod.mount()
    assert pod.start().wait(240) == SUCCEEDED, pod.output()
    result = pod.result()
    assert result.state == "succeeded"
    assert b"hello\n" in pod.output()
    told = [line for line in pod.output().splitlines() if line.startswith(PROGRESS)]
    assert Progress.model_validate_json(told[-1][1:]) == Progress(cell=2, of=2)
    assert result.notebook == f"{pod.order.target}/notebook.ipynb"
    assert TOKEN.encode() not in pod.output()


async def test_a_tick_has_the_id_and_the_time_that_the_cluster_gives_it(
    place: Place, tmp_path: Path
) -> None:
    ticks = samples.run(id=samples.ID, job=samples.ID, scheduled=datetime(1970, 1, 1, tzinfo=UTC))
    cell = "import os; print('run', os.environ['NACELLE_RUN_ID'])"
    pod = make_pod(place, tmp_path, cell, run=ticks)
    await put(pod)
    pod.mount()
    minutes = int(datetime(2026, 3, 2, 5, tzinfo=UTC).timestamp()) // 60
    labels = {
        "NACELLE_KUBERNETES_JOB": f"nacelle-{samples.ID}-{minutes}",
        "NACELLE_KUBERNETES_UID": UID,
    }
    assert pod.start(**labels).wait(240) == SUCCEEDED, pod.output()
    id = UID.replace("-", "")
    assert f"run {id}".encode() in pod.output()
    notebook = pod.result().notebook
    assert notebook
    assert notebook.endswith(f"/20260302T050000Z-{id[:8]}/notebook.ipynb")


async def test_an_index_runs_its_combination(place: Place, tmp_path: Path) -> None:
    made = bundle(CHOOSING, **{"try": TRY, "best": BEST})
    pod = make_pod_of(place, tmp_path, made, Stage(step="try", numbers=(1, 3)))
    await put(pod)
    pod.mount()
    assert pod.start(JOB_COMPLETION_INDEX="1").wait(240) == SUCCEEDED, pod.output()
    address = f"{pod.order.target}/steps/try-3"
    assert pod.result().notebook == f"{address}/notebook.ipynb"
    item = ItemRecord.model_validate_json(read(pod, f"{address}/item.json"))
    assert (item.name, item.matrix, item.state) == ("try-3", {"rate": 0.3}, "succeeded")
    assert item.outputs == {"score": 0.3}
    assert b"Step try-3 (rate=0.3)" in pod.output()


async def test_a_later_step_takes_what_lies_beside_the_results(
    place: Place, tmp_path: Path
) -> None:
    made = bundle(CHOOSING, **{"try": TRY, "best": ["scores = []", "print('best', max(scores))"]})
    pod = make_pod_of(place, tmp_path, made, Stage(step="best", goes_on=True))
    items = tuple(
        ItemRecord(step="try", number=one, state="succeeded", outputs={"score": one})
        for one in (1, 2, 3)
    )
    record = PipelineRecord(
        run=pod.order.run.id, version=pod.order.run.version, values={"rates": [1, 2, 3]},
        scheduled=samples.NOON, started=samples.NOON, shared="", items=items,
    )  # fmt: skip
    (tmp_path / "pipeline.json").write_text(record.model_dump_json())
    await put(pod)
    await Storing().give(pod.order, TOKEN, [(tmp_path / "pipeline.json", "pipeline.json")])
    pod.mount()
    assert pod.start().wait(240) == SUCCEEDED, pod.output()
    assert b"best 3\n" in pod.output()
    assert pod.result().notebook == f"{pod.order.target}/steps/best/notebook.ipynb"


async def test_an_index_that_fails_says_so(place: Place, tmp_path: Path) -> None:
    made = bundle(
        CHOOSING,
        **{"try": [TRY[0], "import nacelle\nnacelle.output('score', 1 / 0)"], "best": BEST},
    )
    pod = make_pod_of(place, tmp_path, made, Stage(step="try", numbers=(2,)))
    await put(pod)
    pod.mount()
    assert pod.start(JOB_COMPLETION_INDEX="0").wait(240) == FAILED
    assert pod.result().exit.code == "exception"
    item = ItemRecord.model_validate_json(read(pod, f"{pod.order.target}/steps/try-2/item.json"))
    assert item.exit and "ZeroDivisionError" in item.exit.said.en


@pytest.mark.parametrize("index", ["", "2", "-1", "x"])
def test_an_index_that_the_order_does_not_have_runs_nothing(
    place: Place, tmp_path: Path, index: str
) -> None:
    made = bundle(CHOOSING, **{"try": TRY, "best": BEST})
    pod = make_pod_of(place, tmp_path, made, Stage(step="try", numbers=(1, 3)))
    pod.mount()
    assert pod.start(JOB_COMPLETION_INDEX=index).wait(60) == MISTAKEN
    assert not (pod.folder / "message").exists()


async def test_a_notebook_that_is_not_what_was_promoted_is_not_run(pod: Pod) -> None:
    await put(pod)
    keys = exchange(pod.place.store.url, pod.place.issuer.token("user:ada"))
    key = notebook_address(pod.order).partition(f"{BUCKET}/")[2]
    client = s3_client(pod.place.store.url, keys)
    client.put_object(Bucket=BUCKET, Key=key, Body=samples.content("print('forged')"))
    pod.mount()
    assert pod.start().wait(240) == FAILED
    assert pod.result().exit.code == "notebook"
    assert b"forged" not in pod.output()


async def test_a_token_that_the_broker_refuses_ends_the_run_in_words(pod: Pod) -> None:
    pod.mount(token="replayed-after-its-job-was-deleted")
    pod.place.broker.answer = (403, {"message": "this token is not known"})
    try:
        assert pod.start().wait(240) == FAILED
    finally:
        pod.place.broker.answer = None
    assert pod.result().exit.code == "keys-refused"
    assert "this token is not known" in pod.result().exit.said.en
    assert b"replayed" not in pod.output()


async def test_a_pod_that_is_deleted_says_that_it_was_stopped(place: Place, tmp_path: Path) -> None:
    pod = make_pod(place, tmp_path, "print('now')\nimport time\ntime.sleep(600)")
    await put(pod)
    pod.mount()
    process = pod.start()
    wait_for(lambda: b"now" in pod.output(), what="the cell")
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == STOPPED
    assert pod.result().state == "cancelled"


def test_without_an_order_of_its_version_nothing_runs(pod: Pod) -> None:
    pod.mount()
    assert pod.start(NACELLE_JOB_VERSION="f" * 64).wait(60) == MISTAKEN
    assert not (pod.folder / "message").exists()


def test_a_message_is_no_longer_than_kubernetes_keeps(pod: Pod) -> None:
    long = Sentence(en="é" * 3000, fr="é" * 3000)
    exit = {"code": "exception", "said": long}
    made = Result(state="failed", exit=exit, ended=datetime.now(UTC))  # type: ignore[arg-type]
    message = termination_message(made)
    assert len(message.encode()) <= LONGEST_MESSAGE
    assert Result.model_validate_json(message).state == "failed"
