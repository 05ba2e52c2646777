"""/hub/jobs/runs/<id>: one run, how it ended, what it wrote."""

from __future__ import annotations

from typing import Any

import httpx
from tornado import web

from nacelle.hub.jobs_forms import as_body, read_parameters
from nacelle.hub.jobs_pages import JobsPage
from nacelle.hub.service_page import ServiceRefused

# Of a log's end, on the page; all of it is one click away.
_LOG_SHOWN = 40_000
# By the end of a file's name.
_KINDS = {
    "ipynb": "application/x-ipynb+json",
    "html": "text/html; charset=utf-8",
    "log": "text/plain; charset=utf-8",
}
_COMPARED = 20


class RunHandler(JobsPage):
    """/hub/jobs/runs/<id>"""

    @web.authenticated
    async def get(self, run_id: str) -> None:
        await self._page(run_id)

    @web.authenticated
    async def post(self, run_id: str) -> None:
        """Stop it, or run it again."""
        try:
            if self.get_body_argument("do", "") == "cancel":
                await self.ask("POST", f"/runs/{run_id}/cancel")
                leads_to = run_id
            else:
                run = await self.ask("GET", f"/runs/{run_id}")
                job = await self.ask("GET", f"/jobs/{run['job']}")
                given = read_parameters(
                    self.get_body_argument, {**job, "parameters": run["parameters"]}
                )
                made = await self.ask("POST", f"/runs/{run_id}/again", as_body(given))
                leads_to = made["id"]
        except ServiceRefused as refused:
            self.set_status(refused.status)
            await self._page(run_id, problem=refused.said)
            return
        self.redirect(self.page("runs", leads_to), status=303)

    async def _page(self, run_id: str, **names: Any) -> None:
        try:
            run = await self.ask("GET", f"/runs/{run_id}")
            job = await self.ask("GET", f"/jobs/{run['job']}")
            others = await self.ask("GET", f"/runs?job={run['job']}&limit={_COMPARED}")
            log = await self._log(run)
            steps = await self._steps(run)
        except ServiceRefused as refused:
            await self.show_refusal(refused)
            return
        others = [
            one for one in others["runs"] if one["id"] != run_id and one["started"] is not None
        ]
        await self.show_jobs(
            "run.html", run=run, job=job, log=log, steps=steps, others=others, **names
        )

    async def _log(self, run: dict[str, Any]) -> str:
        if not run["may"]["read"]:
            return ""
        return (await self.answer("GET", f"/runs/{run['id']}/log?tail={_LOG_SHOWN}")).text

    async def _steps(self, run: dict[str, Any]) -> list[dict[str, Any]]:
        """Of a pipeline's run, each with the name that its files have."""
        if not run["may"]["read"]:
            return []
        found = await self.ask("GET", f"/runs/{run['id']}/steps")
        return [{**one, "name": _name_of(one)} for one in found]


class RunFileHandler(JobsPage):
    """/hub/jobs/runs/<id>/output.html, output.ipynb and log; the notebooks and logs of steps"""

    @web.authenticated
    async def get(self, run_id: str, name: str) -> None:
        try:
            answer = await self.answer("GET", f"/runs/{run_id}/{name}")
            is_log = name.rpartition("/")[2] == "log"
            content = await self._whole(run_id, name, answer) if is_log else answer.content
        except ServiceRefused as refused:
            await self.show_refusal(refused)
            return
        self.set_header("Content-Type", _KINDS["log" if is_log else name.rpartition(".")[2]])
        self.set_header("Cache-Control", "no-store")
        # What code has made runs as a stranger to this address: the service's own words for it.
        policy = answer.headers.get("content-security-policy", "sandbox")
        self.set_header("Content-Security-Policy", policy)
        if name.endswith(".ipynb"):
            called = "-".join(("run", run_id[:8], *name.split("/")[1:-1]))
            self.set_header("Content-Disposition", f'attachment; filename="{called}.ipynb"')
        self.finish(content)

    async def _whole(self, run_id: str, name: str, answer: httpx.Response) -> bytes:
        """A log to its end as it is now, of which the service gives a piece at a time."""
        found, offset = answer.content, 0
        while (following := int(answer.headers["X-Next-Offset"])) != offset:
            offset = following
            answer = await self.answer("GET", f"/runs/{run_id}/{name}?offset={offset}")
            found += answer.content
        return found


class CompareHandler(JobsPage):
    """/hub/jobs/runs/<id>/compare?with=<id>"""

    @web.authenticated
    async def get(self, run_id: str) -> None:
        other = self.get_query_argument("with", "")
        if not (len(other) == len(run_id) and other.isalnum()):
            raise web.HTTPError(400, "Name the other run with ?with=")
        try:
            both = [await self.ask("GET", f"/runs/{one}") for one in (run_id, other)]
            # Before and after are of time, however they were chosen.
            first, second = sorted(both, key=lambda one: str(one["scheduled"]))
            found = await self.ask("GET", f"/runs/{first['id']}/compare/{second['id']}")
        except ServiceRefused as refused:
            await self.show_refusal(refused)
            return
        differing = [cell for cell in found["cells"] if cell["state"] != "same"]
        await self.show_jobs(
            "compare.html",
            first=first,
            second=second,
            parameters=found["parameters"],
            cells=differing,
            same=len(found["cells"]) - len(differing),
        )


def _name_of(step: dict[str, Any]) -> str:
    """The step, with the number of the combination where it has a matrix."""
    return str(step["step"] if step["number"] is None else f"{step['step']}-{step['number']}")
