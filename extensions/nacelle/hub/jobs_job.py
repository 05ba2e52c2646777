"""/hub/jobs/<id>: one job, what it does, and what one may do to it."""

from __future__ import annotations

from typing import Any

from tornado import web

from nacelle.hub.jobs_forms import BadForm, as_body, read_change, read_parameters
from nacelle.hub.jobs_pages import JobsPage
from nacelle.hub.service_page import ServiceRefused
from nacelle.language import Said

_RUNS = 20
# What a button asks for, when it needs nothing more.
_ACTIONS = ("suspend", "resume", "arm", "take-over")
_DONE = {
    "suspend": Said("The job is suspended.", "Le travail est suspendu."),
    "resume": Said("The job goes on.", "Le travail reprend."),
    "arm": Said("The job is armed.", "Le travail est armé."),
    "take-over": Said("The job is yours now.", "Le travail est maintenant le vôtre."),
    "hand-over": Said("The job is shared.", "Le travail est partagé."),
    "edit": Said("The change is kept.", "La modification est enregistrée."),
}


class JobHandler(JobsPage):
    """/hub/jobs/<id>"""

    @web.authenticated
    async def get(self, job_id: str) -> None:
        await self._page(job_id, done=_DONE.get(self.get_query_argument("done", "")))

    @web.authenticated
    async def post(self, job_id: str) -> None:
        """Do what a button says."""
        action = self.get_body_argument("do", "")
        try:
            leads_to = await self._do(action, job_id)
        except BadForm as bad:
            self.set_status(400)
            await self._page(job_id, problem=bad.said)
        except ServiceRefused as refused:
            self.set_status(refused.status)
            await self._page(job_id, problem=refused.said)
        else:
            self.redirect(leads_to, status=303)

    async def _do(self, action: str, job_id: str) -> str:
        """Ask for what the button says; where to go then."""
        path = f"/jobs/{job_id}"
        if action in _ACTIONS:
            await self.ask("POST", f"{path}/{action}")
        elif action == "hand-over":
            project = self.get_body_argument("project", "")
            await self.ask("POST", f"{path}/hand-over", {"project": project})
        elif action == "run":
            job = await self.ask("GET", path)
            given = read_parameters(self.get_body_argument, job)
            run = await self.ask("POST", f"{path}/run", as_body(given))
            return self.page("runs", run["id"])
        elif action == "edit":
            job = await self.ask("GET", path)
            await self.ask("PATCH", path, read_change(self.get_body_argument, job))
        elif action == "delete":
            await self.ask("DELETE", path)
            return self.page()
        else:
            raise BadForm(Said("There is no such button.", "Ce bouton n'existe pas."))
        return self.page(job_id) + f"?done={action}"

    async def _page(self, job_id: str, **names: Any) -> None:
        try:
            job = await self.ask("GET", f"/jobs/{job_id}")
            runs = await self.ask("GET", f"/runs?job={job_id}&limit={_RUNS}")
            same = await self.ask("GET", f"/jobs/{job_id}/equivalent")
        except ServiceRefused as refused:
            await self.show_refusal(refused)
            return
        await self.show_jobs(
            "job.html",
            job=job,
            runs=runs["runs"],
            total=runs["total"],
            same=same,
            projects=sorted(group.name for group in self.current_user.groups),
            **names,
        )
