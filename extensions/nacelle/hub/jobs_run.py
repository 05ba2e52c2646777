"""/hub/jobs/runs/<id>: one run, how it ended, what it wrote."""

from __future__ import annotations

from typing import Any

from tornado import web

from nacelle.hub.jobs_forms import read_parameters
from nacelle.hub.jobs_pages import JobsPage
from nacelle.hub.service_page import ServiceRefused

# Of a log's end, on the page; all of it is one click away.
_LOG_SHOWN = 40_000
_KINDS = {
    "output.ipynb": "application/x-ipynb+json",
    "output.html": "text/html; charset=utf-8",
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
                made = await self.ask(
                    "POST",
                    f"/runs/{run_id}/again",
                    None if given is None else {"parameters": given},
                )
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
        except ServiceRefused as refused:
            await self.show_refusal(refused)
            return
        others = [
            one for one in others["runs"] if one["id"] != run_id and one["started"] is not None
        ]
        await self.show_jobs("run.html", run=run, job=job, log=log, others=others, **names)

    async def _log(self, run: dict[str, Any]) -> str:
        if not run["may"]["read"]:
            return ""
        text = (await self.answer("GET", f"/runs/{run['id']}/log")).text
        return text[-_LOG_SHOWN:]


class RunFileHandler(JobsPage):
    """/hub/jobs/runs/<id>/output.html, output.ipynb and log"""

    @web.authenticated
    async def get(self, run_id: str, name: str) -> None:
        try:
            answer = await self.answer("GET", f"/runs/{run_id}/{name}")
        except ServiceRefused as refused:
            await self.show_refusal(refused)
            return
        self.set_header("Content-Type", _KINDS[name])
        self.set_header("Cache-Control", "no-store")
        # What code has made runs as a stranger to this address: the service's own words for it.
        policy = answer.headers.get("content-security-policy", "sandbox")
        self.set_header("Content-Security-Policy", policy)
        if name == "output.ipynb":
            self.set_header("Content-Disposition", f'attachment; filename="run-{run_id[:8]}.ipynb"')
        self.finish(answer.content)


class CompareHandler(JobsPage):
    """/hub/jobs/runs/<id>/compare?with=<id>"""

    @web.authenticated
    async def get(self, run_id: str) -> None:
        other = self.get_query_argument("with", "")
        if not (len(other) == len(run_id) and other.isalnum()):
            raise web.HTTPError(400, "Name the other run with ?with=")
        try:
            found = await self.ask("GET", f"/runs/{other}/compare/{run_id}")
            first = await self.ask("GET", f"/runs/{other}")
            second = await self.ask("GET", f"/runs/{run_id}")
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
