"""/hub/jobs and /hub/jobs/runs: what there is, and how it stands."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from tornado import web

from nacelle.hub.jobs_pages import STATES, JobsPage
from nacelle.hub.service_page import ServiceRefused

_SHOWN = 100
JOB_STATES = ("draft", "armed", "suspended")
RUN_STATES = tuple(state for state in STATES if state not in JOB_STATES)


class _ListPage(JobsPage):
    """A list with a search; an administrator may see everybody's."""

    def asked(self, states: tuple[str, ...]) -> dict[str, Any]:
        """The search, as the API takes it."""
        state = self.get_query_argument("state", "")
        given = {
            "search": self.get_query_argument("search", "")[:200],
            "state": state if state in states else "",
            "everybody": "true" if self._everybody else "",
        }
        return {name: value for name, value in given.items() if value}

    @property
    def _everybody(self) -> bool:
        return bool(self.current_user.admin) and bool(self.get_query_argument("everybody", ""))


class JobsHandler(_ListPage):
    """/hub/jobs"""

    @web.authenticated
    async def get(self) -> None:
        wanted = self.asked(JOB_STATES)
        try:
            found = await self.ask("GET", f"/jobs?{urlencode({**wanted, 'limit': _SHOWN})}")
        except ServiceRefused as refused:
            await self.show_refusal(refused)
            return
        await self.show_jobs(
            "jobs.html",
            jobs=found["jobs"],
            total=found["total"],
            wanted=wanted,
            choices=JOB_STATES,
            administers=bool(self.current_user.admin),
        )


class RunsHandler(_ListPage):
    """/hub/jobs/runs"""

    @web.authenticated
    async def get(self) -> None:
        wanted = self.asked(RUN_STATES)
        before = self.get_query_argument("before", "")
        paged = {**wanted, "limit": _SHOWN, **({"before": before} if before else {})}
        try:
            found = await self.ask("GET", f"/runs?{urlencode(paged)}")
            messages = await self.ask("GET", "/messages")
        except ServiceRefused as refused:
            await self.show_refusal(refused)
            return
        unread = [one for one in messages if not one["read"]]
        # A page that looks again by itself has not shown them to anybody yet.
        if unread and "X-Looks-Again" not in self.request.headers:
            await self.ask("POST", "/messages/read", {"up_to": unread[-1]["id"]})
        runs = found["runs"]
        await self.show_jobs(
            "runs.html",
            runs=runs,
            total=found["total"],
            unread=unread[::-1],
            wanted=wanted,
            older=runs[-1]["id"] if len(runs) == _SHOWN else "",
            choices=RUN_STATES,
            administers=bool(self.current_user.admin),
        )
