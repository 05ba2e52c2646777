"""The jobs service over a real store, asked as the hub's pages ask it: with a signed proof."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from nacelle.credentials.hub import HubDirectory
from nacelle.credentials.identity import PROOF_HEADER, Person, sign_proof
from nacelle.environments.machine import Machine
from nacelle.environments.profiles import load_profiles
from nacelle.jobs.job import Run, Snapshot
from nacelle.jobs.order import Order, RunFolder
from nacelle.jobs.service.access import SERVICE, Access
from nacelle.jobs.service.app import make_app
from nacelle.jobs.service.desk import Desk
from nacelle.jobs.service.examining import Examiner
from nacelle.jobs.service.library import Library
from nacelle.jobs.service.making import Rules
from nacelle.jobs.store import Store
from nacelle.prefixes import JOBS_PREFIX
from nacelle.settings.jobs import JobsSettings
from tests.jobs.samples import content

ROOT = Path(__file__).parents[2]
SECRET = "5" * 64
ALICE = Person("alice", ("prix",))
BOB = Person("bob")
CAROL = Person("carol", ("prix",))
ADMIN = Person("admin", admin=True)
# Nobody answers there: every caller of these tests comes with a proof.
_HUB = {
    "JUPYTERHUB_API_URL": "http://127.0.0.1:9",
    "JUPYTERHUB_API_TOKEN": "none",
    "JUPYTERHUB_SERVICE_NAME": "jobs",
}
PARAMETERS = 'year = 2026  # the year\nname = "a"\n'


class LastingExaminer(Examiner):
    """Its process, slow to start, is used by test after test."""

    def close(self) -> None:
        """Not at the end of one application."""


examiner_of = cache(LastingExaminer)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 10, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class Served:
    """The service, its store, and requests as one person or another."""

    client: TestClient
    store: Store
    clock: Clock
    runs: Path

    def ask(self, person: Person, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The response to a request of `person` below /v1."""
        proof = {PROOF_HEADER: sign_proof(person, SERVICE, SECRET)}
        return self.client.request(
            method, f"{JOBS_PREFIX}/v1{path}", json=body, headers=proof | headers
        )

    def good(self, person: Person, method: str, path: str, body: Any = None) -> Any:
        """What a request that must succeed answers."""
        answer = self.ask(person, method, path, body)
        assert answer.is_success, answer.text
        return answer.json()

    def refused(
        self, person: Person, method: str, path: str, body: Any = None, status: int = 422
    ) -> Any:
        """The problem that a request must be refused with."""
        answer = self.ask(person, method, path, body)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        return answer.json()

    def bring(self, person: Person, *cells: Any, parameters: str = PARAMETERS) -> dict[str, Any]:
        """Send a notebook; its reference."""
        proof = {PROOF_HEADER: sign_proof(person, SERVICE, SECRET)}
        answer = self.client.post(
            f"{JOBS_PREFIX}/v1/notebooks?path=work/figures.ipynb",
            content=notebook(*cells, parameters=parameters),
            headers=proof,
        )
        assert answer.status_code == 200, answer.text
        return {name: answer.json()[name] for name in ("sha256", "path")}

    def asked(self, person: Person, **changes: Any) -> dict[str, Any]:
        """The body of a request for a new job, whose notebook was sent."""
        plain = {
            "name": "Monthly figures",
            "notebook": changes.pop("notebook", None) or self.bring(person),
            "environment": {"profile": "python", "kernel": "python3"},
            "schedule": {"cron": "0 6 1 * *", "zone": "Europe/Paris"},
        }
        return plain | changes

    def make(self, person: Person, **changes: Any) -> dict[str, Any]:
        """A new job as it is answered."""
        made: dict[str, Any] = self.good(person, "POST", "/jobs", self.asked(person, **changes))
        return made

    def end(self, run_id: str, event: Any = "succeeded", exit: Any = None) -> Run:
        """End a run as the engine does."""
        return self.store.job_ends_run(run_id, event, exit, self.clock())

    def files(self, run_id: str) -> RunFolder:
        """The folder of a run, made."""
        folder = RunFolder(self.runs / run_id)
        folder.path.mkdir(parents=True, exist_ok=True)
        return folder


def order_for(run: Run | None, target: str) -> Order:
    """An order as the engine writes it, of a run that writes to `target`."""
    assert run is not None
    return Order(
        run=run,
        snapshot=Snapshot.model_validate(
            {
                "notebook": {"sha256": "a" * 64, "path": "x.ipynb"},
                "environment": {"profile": "python", "kernel": "python3"},
            }
        ),
        job_name="x",
        owner="alice",
        zone="UTC",
        notebook_file=Path("/nowhere"),
        kernel="python3",
        variables={},
        memory_bytes=1,
        target=target,
        broker_url="http://127.0.0.1:1",
    )


def notebook(*cells: Any, parameters: str = PARAMETERS) -> bytes:
    """A notebook with a parameters cell before its cells."""
    made = json.loads(content(parameters, *(cells or ("print(year)",))))
    made["cells"][0]["metadata"]["tags"] = ["parameters"]
    return json.dumps(made).encode()


@contextmanager
def serve(
    folder: Path, profiles: Path = ROOT / "hub_config" / "profiles.yaml", **settings: Any
) -> Iterator[Served]:
    """The service in `folder` with the catalogue `profiles`; `settings` are of jobs."""
    clock = Clock()
    store = Store(folder / "jobs.sqlite")
    rules = Rules(
        load_profiles(profiles),
        Machine(frozenset({"python"}), cores=4, memory=16 * 1024**3),
        JobsSettings.model_validate(settings),
    )
    examiner = examiner_of(rules.settings.limits.notebook_bytes)
    access = Access(HubDirectory(15, "use jobs", _HUB), SECRET)
    app = make_app(Desk(store, Library(store, examiner), rules, clock), access, folder / "runs")
    with TestClient(app, raise_server_exceptions=False) as client:
        yield Served(client, store, clock, folder / "runs")
    store.close()
