"""Runs whose steps are Jobs, on an emulated cluster: a sweep of three, and then a choice."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from nacelle.jobs.exits import explain
from nacelle.jobs.job import Job, Notebook, Run
from nacelle.jobs.order import RunFolder
from nacelle.jobs.pipelines.bundle import write_bundle
from nacelle.jobs.pipelines.records import ItemRecord, PipelineRecord, read_record
from tests.jobs.kubernetes.clusters import Scene, result
from tests.jobs.pipelines.pipelines import bundle
from tests.support.kubernetes.emulator import JOBS, Object, stamp

ALONE = """
    name: sweep
    parameters:
      rates: [0.1, 0.2, 0.3]
    steps:
      - name: try
        notebook: try.ipynb
        matrix: {rate: "${parameters.rates}"}
        parameters: {rate: "${matrix.rate}"}
"""
CHOOSING = f"""{ALONE.rstrip()}
      - name: best
        notebook: best.ipynb
        parameters: {{scores: "${{steps.try.outputs.score}}"}}
"""
TRY = ["rate = 0.0", 'import nacelle\nnacelle.output("score", rate)']
BEST = ["scores = []", "max(scores)"]


def pipeline_job(scene: Scene, text: str = ALONE, **changes: Any) -> Job:
    """A job of ada's that runs a pipeline."""
    notebooks = {"try": TRY, **({"best": BEST} if "best.ipynb" in text else {})}
    content = write_bundle(bundle(text, **notebooks))
    scene.store.keep_notebook("ada", content)
    notebook = Notebook(sha256=sha256(content).hexdigest(), path="work/sweep.yaml")
    return scene.add(**{"schedule": None, "notebook": notebook} | changes)


async def begins(scene: Scene, job: Object, *indexes: int, attempt: int = 1) -> list[Object]:
    """Pods of some indexes, which run."""
    pods = [await scene.pod(job, index, attempt) for index in indexes]
    for pod in pods:
        await scene.starts(pod)
    return pods


async def gives(scene: Scene, pod: Object, name: str, **outputs: Any) -> None:
    """A pod ends well, and its item gave something."""
    step, _, number = name.rpartition("-")
    made = ItemRecord(
        step=step or name,
        number=int(number) if step else None,
        state="succeeded",
        outputs=outputs,
        ended=datetime.now(UTC),
    )
    scene.shelf.left[f"/steps/{name}/item.json"] = made.model_dump_json()
    scene.shelf.left[f"/steps/{name}/notebook.ipynb"] = f"notebook of {name}"
    await scene.ends(pod, result())


async def fails(scene: Scene, pod: Object, message: str = "no") -> None:
    """A pod whose notebook stopped with an error."""
    told = {"cell": 2, "error": "ValueError", "message": message}
    await scene.ends(pod, result("failed", "exception", **told), code=1)


async def is_disrupted(scene: Scene, pod: Object) -> None:
    """The cluster takes a pod away, which says that it was stopped."""
    message = json.loads(result("cancelled", "cancelled", by="Nacelle"))
    ended = {
        "startedAt": stamp(datetime.now(UTC)),
        "finishedAt": stamp(datetime.now(UTC)),
        "exitCode": 143,
        "message": json.dumps(message),
    }
    reason = {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}
    await scene.cluster.change(
        "v1/pods",
        pod["metadata"]["name"],
        status={
            "phase": "Failed",
            "conditions": [reason],
            "containerStatuses": [{"name": "run", "state": {"terminated": ended}}],
        },
    )


def record_of(scene: Scene, run: Run) -> PipelineRecord:
    found = read_record(RunFolder(scene.folder / "runs" / run.id))
    assert found
    return found


def states(scene: Scene, run: Run) -> dict[str, str]:
    """The state of each item of a run, as it is written down."""
    folder = RunFolder(scene.folder / "runs" / run.id)
    record = read_record(folder)
    return {one.name: one.state for one in record.items} if record else {}


async def reaches(scene: Scene, run: Run, **wanted: str) -> None:
    """Wait for states of items; `try_1` stands for try-1."""
    plain = {name.replace("_", "-"): state for name, state in wanted.items()}

    def reached() -> bool:
        found = states(scene, run)
        return all(found.get(name) == state for name, state in plain.items())

    await scene.until(reached, f"{plain}")


def jobs_of(scene: Scene) -> list[str]:
    return sorted(scene.cluster.held[JOBS])


def lost(request: str) -> str:
    return explain("platform", request=request).said.en
