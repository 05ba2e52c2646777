"""A controller to test with: an emulated cluster, a real store of jobs, a stand-in for the hub."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kubernetes_asyncio.client import ApiClient, Configuration

from nacelle.environments.profiles import load_profiles
from nacelle.jobs.engine.admission import Limits
from nacelle.jobs.exits import explain
from nacelle.jobs.job import Environment, Job, Notebook, Run, Schedule
from nacelle.jobs.kubernetes.cluster import Cluster
from nacelle.jobs.kubernetes.controller import Controller
from nacelle.jobs.kubernetes.naming import object_name, run_name
from nacelle.jobs.kubernetes.orders import ClusterOrders
from nacelle.jobs.kubernetes.storing import Storing
from nacelle.jobs.order import Order, RunFolder
from nacelle.jobs.store import RunFilter, Store
from nacelle.settings import Settings, User
from nacelle.settings.cluster import ClusterSettings
from tests.jobs import samples
from tests.jobs.engines import PATIENCE, FakeHub
from tests.support.installation import ROOT
from tests.support.kubernetes.emulator import (
    CRON_JOBS,
    JOBS,
    NAMESPACE,
    PODS,
    SECRETS,
    Emulator,
    Object,
    stamp,
)
from tests.support.kubernetes.serving import serve

CONTENT = samples.content("1 + 1")
DIGEST = hashlib.sha256(CONTENT).hexdigest()
PROFILES = load_profiles(ROOT / "hub_config" / "profiles.yaml")
CLUSTER = ClusterSettings(hub_url="http://hub.test", store_url="https://store.test")
SETTINGS = Settings(users=(User(name="ada", mail="ada@office.example"),), cluster=CLUSTER)
TICK = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)


class Now:
    """The time of day, moved on by a test."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def seconds_until(self, moment: datetime) -> float:
        return (moment - self.now()).total_seconds()


class Shelf(Storing):
    """Stands for the store: what was put there, with which token."""

    def __init__(self) -> None:
        self.put: list[tuple[str, str]] = []
        self.failing: Exception | None = None
        self.there = b""
        # What pods left, by the end of its address; what the engine put, by its address.
        self.left: dict[str, str] = {}
        self.given: dict[str, str] = {}

    async def put_notebook(self, order: Order, token: str, file: Path) -> None:
        if self.failing:
            raise self.failing
        assert hashlib.sha256(file.read_bytes()).hexdigest() == order.snapshot.notebook.sha256
        self.put.append((order.snapshot.notebook.sha256, token))

    async def bring_notebook(self, order: Order, token: str) -> bytes:
        return self.there

    async def take(self, order: Order, token: str, wanted: Sequence[tuple[str, Path]]) -> None:
        for address, file in wanted:
            file.write_text(f"{address} as {order.owner}")

    async def take_some(self, order: Order, token: str, wanted: Sequence[tuple[str, Path]]) -> None:
        for address, file in wanted:
            for end, text in self.left.items():
                if address.endswith(end):
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_text(text)

    async def give(self, order: Order, token: str, files: Sequence[tuple[Path, str]]) -> None:
        for file, name in files:
            self.given[f"{order.run_target}/{name}"] = file.read_text()


class Scene:
    """A store of jobs, a cluster, and controllers over them one after the other."""

    settings = SETTINGS

    def __init__(self, folder: Path, emulator: Emulator, url: str) -> None:
        self.folder = folder
        self.cluster = emulator
        self.url = url
        self.store = Store(folder / "jobs.sqlite")
        self.hub = FakeHub()
        self.shelf = Shelf()
        self.storing: Storing = self.shelf
        self.clock = Now()
        self.limits = Limits(4, 2)
        self.store.keep_notebook("ada", CONTENT)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Controller]:
        """A controller at work; killed at the end, in the middle of whatever it does."""
        configuration = Configuration(host=self.url)
        cluster = Cluster(ApiClient(configuration), NAMESPACE)
        store = Store(self.folder / "jobs.sqlite")
        orders = ClusterOrders(self.settings, lambda: PROFILES)
        made = Controller(
            store,
            self.folder,
            cluster,
            self.hub,
            orders,
            self.storing,
            self.clock,
            self.limits,
            self.settings.jobs.kubernetes,
        )
        task = asyncio.create_task(made.run())
        try:
            yield made
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            store.close()

    async def until(self, reached: Callable[[], Any], what: str = "it") -> Any:
        """Wait for a state of the store or of the cluster."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not (found := reached()):
                    await asyncio.sleep(0.01)
                return found
        except TimeoutError:
            runs = [(run.state, run.exit) for run in self.runs()]
            raise AssertionError(f"{what} did not happen: {runs}") from None

    # The store's side.

    def lose_store(self) -> None:
        """The file and the notebooks are gone, and a new one is in its place."""
        self.store.close()
        for file in (*self.folder.glob("jobs.sqlite*"), *self.folder.glob("notebooks/*")):
            file.unlink()
        self.store = Store(self.folder / "jobs.sqlite")

    def add(self, **changes: Any) -> Job:
        """A job of ada's, armed and on a schedule unless told otherwise."""
        plain: dict[str, Any] = {
            "id": uuid.uuid4().hex,
            "state": "armed",
            "schedule": Schedule(cron="0 6 * * *", zone="Europe/Paris"),
            "notebook": Notebook(sha256=DIGEST, path="work/figures.ipynb"),
            "environment": Environment(profile="python", kernel="python3"),
        }
        made = samples.job(**plain | changes)
        self.store.add_job(made, TICK - timedelta(days=1))
        return made

    def ask(self, job: Job) -> Run:
        """A run that a person asked for."""
        run = Run(
            id=uuid.uuid4().hex,
            job=job.id,
            version=job.snapshot.version,
            cause="manual",
            asked_by=job.owner,
            scheduled=datetime.now(UTC),
        )
        return self.store.ask_run(run, job.snapshot)

    def runs(self) -> list[Run]:
        return self.store.runs(RunFilter(limit=1000)).items[::-1]

    def run(self, id: str) -> Run:
        found = self.store.run(id)
        assert found
        return found

    async def ended(self, id: str) -> Run:
        await self.until(lambda: self.store.run(id) and self.run(id).ended, f"the end of {id}")
        return self.run(id)

    def log(self, run_id: str) -> bytes:
        file = RunFolder(self.folder / "runs" / run_id).log
        return file.read_bytes() if file.exists() else b""

    # The cluster's side.

    async def applied(self, job: Job) -> Object:
        """The CronJob of a job, once it and its Secret are written."""

        def there() -> Object | None:
            found = self.cluster.held[CRON_JOBS].get(object_name(job.id))
            done = found and found["metadata"]["annotations"].get("nacelle.io/applied")
            return found if done else None

        found: Object = await self.until(there, "the CronJob")
        return found

    def secret(self, name: str) -> dict[str, str]:
        return decoded(self.cluster.held[SECRETS][name])

    async def tick(self, job: Job, at: datetime = TICK, **changes: Any) -> Object:
        """What the CronJob controller does at a tick."""
        cron = self.cluster.held[CRON_JOBS][object_name(job.id)]
        template = cron["spec"]["jobTemplate"]
        name = f"{cron['metadata']['name']}-{int(at.timestamp()) // 60}"
        tick = {"batch.kubernetes.io/cronjob-scheduled-timestamp": stamp(at)}
        metadata = {
            "name": name,
            "labels": template["metadata"]["labels"],
            "annotations": {**template["metadata"]["annotations"], **tick},
            "ownerReferences": [{"kind": "CronJob", "uid": cron["metadata"]["uid"]}],
            **changes,
        }
        return await self.cluster.write(JOBS, {"metadata": metadata, "spec": template["spec"]})

    async def launched(self, run: Run, stage: int = 0) -> Object:
        """The Job of a run, or of a step of it, once its pods may start."""

        def there() -> Object | None:
            found = self.cluster.held[JOBS].get(run_name(run.id, stage))
            return found if found and not found["spec"]["suspend"] else None

        found: Object = await self.until(there, "the Job")
        return found

    async def pod(
        self, job: Object, index: int | None = None, attempt: int = 1, **status: Any
    ) -> Object:
        """What the Job controller does, and the scheduler."""
        template = job["spec"]["template"]
        of_index = "" if index is None else f"-{index}"
        name = f"{job['metadata']['name']}{of_index}-x{attempt}"
        uid = job["metadata"]["uid"]
        labels = {
            **template["metadata"]["labels"],
            "batch.kubernetes.io/controller-uid": uid,
            "batch.kubernetes.io/job-name": job["metadata"]["name"],
        }
        if index is not None:
            labels["batch.kubernetes.io/job-completion-index"] = str(index)
        made = {
            "metadata": {
                "name": name,
                "labels": labels,
                "ownerReferences": [{"kind": "Job", "uid": uid}],
            },
            "spec": {**template["spec"], "nodeName": status.pop("node", "node-1")},
            "status": {"phase": "Pending", **status},
        }
        return await self.cluster.write(PODS, made)

    async def starts(self, pod: Object) -> None:
        """What the kubelet says once the container runs."""
        state = {"running": {"startedAt": stamp(datetime.now(UTC))}}
        await self._state(pod, "Running", state)

    async def ends(self, pod: Object, message: str = "", code: int = 0, **more: Any) -> None:
        """What the kubelet says once the container has ended."""
        now = stamp(datetime.now(UTC))
        ended = {"startedAt": now, "finishedAt": now, "exitCode": code, "message": message, **more}
        await self._state(pod, "Failed" if code else "Succeeded", {"terminated": ended})

    async def waits(self, pod: Object, reason: str, message: str = "") -> None:
        """What the kubelet says while the container cannot start."""
        await self._state(pod, "Pending", {"waiting": {"reason": reason, "message": message}})

    async def _state(self, pod: Object, phase: str, state: Object) -> None:
        name = pod["metadata"]["name"]
        if name in self.cluster.held[PODS]:
            statuses = [{"name": "run", "state": state}]
            status = {"phase": phase, "containerStatuses": statuses}
            await self.cluster.change(PODS, name, status=status)

    async def job_ends(self, job: Object, type_: str, reason: str = "") -> None:
        """What the Job controller says at the end."""
        condition = {"type": type_, "status": "True", "reason": reason}
        await self.cluster.change(JOBS, job["metadata"]["name"], status={"conditions": [condition]})


@asynccontextmanager
async def scene_in(folder: Path) -> AsyncIterator[Scene]:
    emulator = Emulator()
    async with serve(emulator) as url:
        made = Scene(folder, emulator, url)
        try:
            yield made
        finally:
            made.store.close()


def decoded(secret: Object) -> dict[str, str]:
    """What a kubelet mounts of a Secret."""
    return {name: base64.b64decode(text).decode() for name, text in secret["data"].items()}


def result(state: str = "succeeded", code: str = "succeeded", **details: Any) -> str:
    """A termination message, as the runner in the pod writes it."""
    made = {
        "state": state,
        "exit": json.loads(explain(code, **details).model_dump_json()),
        "ended": stamp(datetime.now(UTC)),
        "notebook": "s3://user-ada/jobs/x/notebook.ipynb",
    }
    return json.dumps(made)
