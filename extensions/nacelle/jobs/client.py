"""Jobs from Python: promote a notebook, watch its runs, repair it.

    from nacelle.jobs.client import JobsClient

    jobs = JobsClient()
    made = jobs.create("figures.ipynb", schedule="0 6 1 * *", zone="Europe/Paris")
    jobs.wait(made.run.id).state

In a session of the platform address and token are found by themselves.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlsplit

import httpx

from nacelle.environments.git import git_of
from nacelle.environments.packages import BARE, beyond, list_packages
from nacelle.jobs.job import ENDS
from nacelle.jobs.pipelines.collecting import check, is_pipeline
from nacelle.jobs.pipelines.reading import read_pipeline
from nacelle.jobs.pipelines.records import ItemRecord
from nacelle.jobs.refusal import Refused
from nacelle.jobs.service.wire import (
    Deleted,
    JobView,
    MadeJob,
    NotebookView,
    Preview,
    RunView,
)
from nacelle.prefixes import JOBS_PREFIX

URL, TOKEN, HUB_TOKEN = "NACELLE_JOBS_URL", "NACELLE_TOKEN", "JUPYTERHUB_API_TOKEN"
_LOOK_SECONDS = 0.5


class JobsError(Exception):
    """The service refused or did not answer; the message says why and what to do.

    `kind` names the refusal for programs, e.g. 'keys-found'; `errors` are by field.
    """

    def __init__(
        self, message: str, *, status: int = 0, kind: str = "", errors: tuple[Any, ...] = ()
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.errors = errors


class JobsClient:
    """The jobs service as the owner of a hub token. Usable in a `with` block.

    Address: `url`, else $NACELLE_JOBS_URL. Token: `token`, else $NACELLE_TOKEN, else a session's
    own, which is sent to its own platform only. Raises JobsError where either is missing.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        ours = environ.get(URL, "")
        self.url = (url or ours).rstrip("/")
        if not urlsplit(self.url).scheme.startswith("http"):
            raise JobsError(
                f"Which platform? Give its address as url or in ${URL}, such as"
                f" https://platform.example{JOBS_PREFIX}."
            )
        own = environ.get(HUB_TOKEN) if self.url == ours.rstrip("/") else None
        chosen = token or environ.get(TOKEN) or own
        if not chosen:
            raise JobsError(f"Make a token on the hub's page of tokens, and put it in ${TOKEN}.")
        self._http = httpx.Client(
            headers={"Authorization": f"Bearer {chosen.strip()}"},
            timeout=httpx.Timeout(60, connect=10),
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    def bring(self, path: str | Path) -> NotebookView:
        """Send a notebook; what a form asks for, and where keys seem to stand in it.

        A file that ends in .yaml or .yml is a pipeline; its notebooks are sent with it.
        """
        file = Path(path).expanduser()
        try:
            content = check(file)[1] if is_pipeline(file) else file.read_bytes()
        except OSError as error:
            raise JobsError(f"{file} cannot be read ({error.strerror}).") from None
        except Refused as error:
            raise JobsError(str(error), status=422, kind="not-as-described") from None
        answer = self._ask("POST", f"/notebooks?path={quote(str(path))}", content=content)
        return NotebookView.model_validate(answer.json())

    def create(
        self,
        path: str | Path,
        *,
        name: str | None = None,
        schedule: str | None = None,
        zone: str = "UTC",
        parameters: Mapping[str, Any] | None = None,
        profile: str | None = None,
        kernel: str | None = None,
        freeze: bool = False,
        **others: Any,
    ) -> MadeJob:
        """Make a job of the notebook, or of the pipeline, at `path`; its Git commit is noted.

        `freeze` takes the packages along that this session has beyond its environment. `others`
        are further fields of POST /v1/jobs, e.g. `timeout_seconds`, `retry`, `project`, `first`.
        The profile is the session's own or the first that has the notebook's kernel.
        """
        brought = self.bring(path)
        environment = {
            **(others.pop("environment", None) or {}),
            **self._environment(brought, profile, kernel),
        }
        if freeze:
            environment["packages"] = [*environment.get("packages", ()), *_beyond()]
        body = {
            "name": name or _name_of(Path(path).expanduser()),
            "notebook": {"sha256": brought.sha256, "path": brought.path},
            "parameters": dict(parameters or {}),
            "environment": environment,
            "schedule": {"cron": schedule, "zone": zone} if schedule else None,
            "git": git_of(Path(path).expanduser().absolute()),
            **others,
        }
        return MadeJob.model_validate(self._ask("POST", "/jobs", json=body).json())

    def jobs(self, **query: Any) -> list[JobView]:
        """Jobs that one may see; `search`, `state`, `project`, `everybody`, `limit`, `offset`."""
        found = self._ask("GET", "/jobs", params=query).json()["jobs"]
        return [JobView.model_validate(one) for one in found]

    def job(self, job: str) -> JobView:
        """A job by its id, or by its name where only one has it."""
        return JobView.model_validate(self._ask("GET", f"/jobs/{self._id(job)}").json())

    def change(self, job: str, **fields: Any) -> MadeJob:
        """Change some fields of a job, as PATCH /v1/jobs takes them."""
        answer = self._ask("PATCH", f"/jobs/{self._id(job)}", json=fields)
        return MadeJob.model_validate(answer.json())

    def suspend(self, job: str) -> JobView:
        return self._act(job, "suspend")

    def resume(self, job: str) -> JobView:
        return self._act(job, "resume")

    def arm(self, job: str) -> JobView:
        return self._act(job, "arm")

    def take_over(self, job: str) -> JobView:
        return self._act(job, "take-over")

    def hand_over(self, job: str, project: str) -> JobView:
        return self._act(job, "hand-over", {"project": project})

    def delete(self, job: str) -> Deleted:
        """Delete a job; the answer says what stays."""
        return Deleted.model_validate(self._ask("DELETE", f"/jobs/{self._id(job)}").json())

    def equivalent(self, job: str) -> dict[str, str]:
        """The same job as a command and as a Kubernetes manifest."""
        found: dict[str, str] = self._ask("GET", f"/jobs/{self._id(job)}/equivalent").json()
        return found

    def run(self, job: str, parameters: Mapping[str, Any] | None = None) -> RunView:
        """Run a job now; with its own parameters where none are given."""
        body = None if parameters is None else {"parameters": dict(parameters)}
        answer = self._ask("POST", f"/jobs/{self._id(job)}/run", json=body)
        return RunView.model_validate(answer.json())

    def again(self, run: str, parameters: Mapping[str, Any] | None = None) -> RunView:
        """Run what a run ran once more."""
        body = None if parameters is None else {"parameters": dict(parameters)}
        return RunView.model_validate(self._ask("POST", f"/runs/{run}/again", json=body).json())

    def runs(self, job: str | None = None, **query: Any) -> list[RunView]:
        """Runs, newest first; `state`, `search`, `everybody`, `limit`, `before`."""
        wanted = query | ({"job": self._id(job)} if job else {})
        found = self._ask("GET", "/runs", params=wanted).json()["runs"]
        return [RunView.model_validate(one) for one in found]

    def get_run(self, run: str) -> RunView:
        return RunView.model_validate(self._ask("GET", f"/runs/{run}").json())

    def cancel(self, run: str) -> RunView:
        return RunView.model_validate(self._ask("POST", f"/runs/{run}/cancel").json())

    def steps(self, run: str) -> list[ItemRecord]:
        """The steps of a pipeline's run, each combination of a matrix for itself."""
        found = self._ask("GET", f"/runs/{run}/steps").json()
        return [ItemRecord.model_validate(one) for one in found]

    def log(self, run: str, offset: int = 0, step: str | None = None) -> tuple[str, int]:
        """The log of a run or of one step from a byte on, and the byte to go on from."""
        of_step = f"/steps/{quote(step, safe='')}" if step else ""
        answer = self._ask("GET", f"/runs/{run}{of_step}/log", params={"offset": offset})
        return answer.text, int(answer.headers["X-Next-Offset"])

    def output(self, run: str, kind: str = "ipynb", step: str | None = None) -> bytes:
        """What a run or one step produced: the notebook ('ipynb') or its page ('html')."""
        what = f"steps/{quote(step, safe='')}/notebook" if step else "output"
        return self._ask("GET", f"/runs/{run}/{what}.{kind}").content

    def preview(self, schedule: str, zone: str = "UTC") -> Preview:
        """What a schedule means, and its next five times."""
        answer = self._ask("POST", "/preview", json={"cron": schedule, "zone": zone})
        return Preview.model_validate(answer.json())

    def wait(
        self, run: str, tell: Callable[[RunView], None] = lambda run: None, patience: float = 7e5
    ) -> RunView:
        """Wait until a run is over, at most `patience` seconds; `tell` hears of each look."""
        end = time.monotonic() + patience
        while (found := self.get_run(run)).state not in ENDS:
            tell(found)
            if time.monotonic() > end:
                raise JobsError(f"The run {run} is still {found.state}.")
            time.sleep(_LOOK_SECONDS)
        tell(found)
        return found

    def _environment(
        self, brought: NotebookView, profile: str | None, kernel: str | None
    ) -> dict[str, str]:
        wanted = kernel or brought.kernel or "python3"
        chosen = profile or os.environ.get("NACELLE_PROFILE")
        if not chosen:
            known = self._ask("GET", "/me").json()["profiles"]
            fitting = [one["name"] for one in known if wanted in one["kernels"]]
            if not fitting:
                raise JobsError(f"No environment here has the kernel {wanted!r}; name another.")
            chosen = fitting[0]
        return {"profile": chosen, "kernel": wanted}

    def _act(self, job: str, what: str, body: Any = None) -> JobView:
        answer = self._ask("POST", f"/jobs/{self._id(job)}/{what}", json=body)
        return JobView.model_validate(answer.json())

    def _id(self, job: str) -> str:
        if len(job) == 32 and set(job) <= set("0123456789abcdef"):
            return job
        found = [one for one in self.jobs(search=job) if one.name == job]
        if len(found) != 1:
            what = "several jobs are" if found else "no job of yours is"
            raise JobsError(f"{what.capitalize()} called {job!r}; `nacelle jobs list` shows ids.")
        return found[0].id

    def _ask(self, method: str, path: str, **what: Any) -> httpx.Response:
        try:
            answer = self._http.request(method, f"{self.url}/v1{path}", **what)
        except httpx.HTTPError as error:
            raise JobsError(
                f"{self.url} does not answer ({type(error).__name__}); jobs that run go on."
            ) from None
        if answer.is_success:
            return answer
        raise _error_of(answer)


def _name_of(file: Path) -> str:
    """A pipeline's own name, a notebook's from its file."""
    if is_pipeline(file):
        return read_pipeline(file.read_text(encoding="utf-8"), file.name).name
    return file.stem


def _beyond() -> list[str]:
    """Packages of this session beyond its environment. Raises JobsError."""
    try:
        found = beyond(list_packages([sys.executable]), list_packages(BARE))
    except OSError as error:
        raise JobsError(f"The session's packages cannot be listed: {error}.") from None
    if found.unfrozen:
        raise JobsError(
            f"{', '.join(found.unfrozen)} came from a folder or a repository and cannot be had"
            " again by name; install releases, or name the packages one by one."
        )
    return found.packages


def _error_of(answer: httpx.Response) -> JobsError:
    try:
        problem = answer.json()
        return JobsError(
            str(problem["detail"]),
            status=answer.status_code,
            kind=str(problem["type"]).rpartition(":")[2],
            errors=tuple(problem.get("errors", ())),
        )
    except (ValueError, KeyError, TypeError):
        return JobsError(
            f"{answer.url.host} answered {answer.status_code}; is it the platform's address?",
            status=answer.status_code,
        )
