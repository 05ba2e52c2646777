"""A tick from its CronJob to the output notebook on the service's side, and a sweep from its
Indexed Job to what the next step made of it, with real runners.

Tier: emulator and process. The API speaks real HTTP; the store, the kernel and the runner are real.
The test plays the kubelet: it mounts the Secret, starts the container and passes on what it says.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import nbformat
import pytest_asyncio

from nacelle.jobs.engine.outside import Token
from nacelle.jobs.kubernetes.storing import Storing
from nacelle.jobs.order import RunFolder
from nacelle.settings import Settings, User
from nacelle.settings.cluster import ClusterSettings
from tests.jobs.engines import FakeHub
from tests.jobs.kubernetes.clusters import Scene, decoded, scene_in
from tests.jobs.kubernetes.sweeps import CHOOSING, pipeline_job, record_of
from tests.jobs.kubernetes.test_run_in_pod import MAIN
from tests.jobs.running.runs import TOKEN, Place
from tests.support.kubernetes.emulator import CRON_JOBS, JOBS, PODS, SECRETS, Object


class OneToken(FakeHub):
    """The broker's stub knows one token."""

    async def mint(self, owner: str, run_id: str, seconds: int) -> Token:
        made = await super().mint(owner, run_id, seconds)
        return Token(made.id, TOKEN)


@pytest_asyncio.fixture
async def real(place: Place, tmp_path: Path) -> AsyncIterator[Scene]:
    """A scene whose store of objects is real."""
    cluster = ClusterSettings(hub_url=place.broker.url, store_url=place.store.url)
    async with scene_in(tmp_path) as made:
        users = (User(name="ada"),)
        made.settings = Settings(users=users, cluster=cluster)
        made.hub, made.storing = OneToken(), Storing()
        yield made


async def kubelet(scene: Scene, pod: Object) -> None:
    """Mount, start, pass on what is written, tell the end."""
    name = pod["metadata"]["name"]
    folder = scene.folder / name
    for part in ("secret", "work"):
        (folder / part).mkdir(parents=True)
    volumes = {one["name"]: one for one in pod["spec"]["volumes"]}
    for file, text in scene.secret(volumes["order"]["secret"]["secretName"]).items():
        (folder / "secret" / file).write_text(text)
    paths = [str(folder / part) for part in ("secret", "work", "message")]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", MAIN, *paths),
        env=os.environ | variables(pod),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    await scene.starts(pod)
    assert process.stdout
    while piece := await process.stdout.read(4096):
        await scene.cluster.writes(name, piece)
    code = await process.wait()
    await scene.ends(pod, (folder / "message").read_text(), code)


def variables(pod: Object) -> dict[str, str]:
    """The environment of the container, with what the pod's labels fill in."""
    found = {}
    for one in pod["spec"]["containers"][0]["env"]:
        if "value" in one:
            found[one["name"]] = one["value"]
        else:
            path = one["valueFrom"]["fieldRef"]["fieldPath"]
            found[one["name"]] = pod["metadata"]["labels"][path.split("'")[1]]
    if index := pod["metadata"]["labels"].get("batch.kubernetes.io/job-completion-index"):
        found["JOB_COMPLETION_INDEX"] = index
    return found


async def test_a_tick_leads_to_an_output_notebook(real: Scene) -> None:
    job = real.add()
    async with real.running():
        await real.applied(job)
        made = await real.tick(job)
        pod = await real.pod(made)
        await kubelet(real, pod)
        await real.job_ends(made, "Complete")
        run = await real.ended(made["metadata"]["uid"].replace("-", ""))
        folder = RunFolder(real.folder / "runs" / run.id)
        await real.until(folder.html.exists, "the results")
    assert run.exit
    assert (run.state, run.exit.code) == ("succeeded", "succeeded"), real.log(run.id)
    assert run.progress
    assert (run.progress.cell, run.progress.of) == (1, 1)
    assert b"Run " in real.log(run.id)
    output = nbformat.read(folder.notebook, as_version=4)
    assert output.cells[0].outputs[0]["data"]["text/plain"] == "2"
    assert run.notebook
    assert run.notebook.endswith(f"/20260302T060000Z-{run.id[:8]}/notebook.ipynb")


async def test_no_token_stands_in_what_others_can_read(real: Scene) -> None:
    """Not in CronJobs, Jobs, pods, logs, nor in what the engine keeps on its disk."""
    job = real.add()
    async with real.running():
        await real.applied(job)
        run = real.ask(job)
        await real.launched(run)
    read = {kind: real.cluster.held[kind] for kind in (CRON_JOBS, JOBS, PODS)}
    assert TOKEN not in json.dumps(read)
    assert base64.b64encode(TOKEN.encode()).decode() not in json.dumps(read)
    assert all(decoded(one)["token"] == TOKEN for one in real.cluster.find(SECRETS))
    kept = [file for file in real.folder.rglob("*") if file.is_file()]
    assert kept
    assert not [file for file in kept if TOKEN.encode() in file.read_bytes()]


async def test_a_sweep_leads_to_a_choice(real: Scene) -> None:
    run = real.ask(pipeline_job(real, CHOOSING.replace("[0.1, 0.2, 0.3]", "[0.1, 0.2]")))
    async with real.running():
        made = await real.launched(run)
        pods = [await real.pod(made, index) for index in range(2)]
        await asyncio.gather(*(kubelet(real, pod) for pod in pods))
        await real.job_ends(made, "Complete")
        second = await real.launched(run, 1)
        await kubelet(real, await real.pod(second))
        await real.job_ends(second, "Complete")
        ended = await real.ended(run.id)
    assert ended.exit
    assert ended.state == "succeeded", (ended.exit.said.en, real.log(run.id))
    record = record_of(real, run)
    assert [one.outputs for one in record.items] == [{"score": 0.1}, {"score": 0.2}, {}]
    folder = RunFolder(real.folder / "runs" / run.id)
    output = nbformat.read(folder.path / "steps" / "best" / "notebook.ipynb", as_version=4)
    assert output.cells[-1].outputs[0]["data"]["text/plain"] == "0.2"
    assert (folder.path / "steps" / "try-2" / "notebook.html").exists()
    assert "Cell 2 of 2" in (folder.path / "steps" / "try-1" / "log").read_text()
    table = nbformat.read(folder.notebook, as_version=4).cells[0].source
    assert "try-2 (rate=0.2)" in table
    assert ended.progress
    assert (ended.progress.step, ended.progress.steps) == (3, 3)
    assert ended.notebook and ended.html and ended.log
