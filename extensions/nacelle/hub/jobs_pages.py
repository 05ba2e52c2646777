"""What the hub's pages of jobs share: they ask the jobs service for whoever is logged in."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from urllib.parse import quote

from jupyterhub.utils import url_path_join

from nacelle.hub.service_page import ServicePage, ServiceRefused
from nacelle.language import Said
from nacelle.prefixes import JOBS_PREFIX

_AWAY = Said(
    "The jobs service does not answer: it is starting or stopped. Jobs that run go on. Try again"
    " in a moment.",
    "Le service des travaux ne répond pas : il démarre ou il est arrêté. Les travaux en cours"
    " continuent. Réessayez dans un instant.",
)
_REFUSED = Said("The jobs service refused this.", "Le service des travaux a refusé cela.")
# State of a run or job -> its words, and the dot before them.
STATES: dict[str, tuple[Said, str]] = {
    "draft": (Said("draft", "ébauche"), "off"),
    "armed": (Said("armed", "armé"), "on"),
    "suspended": (Said("suspended", "suspendu"), "wait"),
    "pending": (Said("waiting", "en attente"), "wait"),
    "running": (Said("running", "en cours"), "wait"),
    "succeeded": (Said("succeeded", "réussie"), "on"),
    "failed": (Said("failed", "échouée"), "bad"),
    "timed-out": (Said("timed out", "trop longue"), "bad"),
    "skipped": (Said("skipped", "passée"), "off"),
    "cancelled": (Said("cancelled", "annulée"), "off"),
}
CAUSES: dict[str, Said] = {
    "schedule": Said("on schedule", "programmée"),
    "manual": Said("by hand", "à la main"),
    "first": Said("first run", "première exécution"),
    "retry": Said("tried again", "nouvelle tentative"),
}
LIVE = ("pending", "running")
# Of a step of a pipeline, beside those that it shares with runs.
STEP_STATES: dict[str, tuple[Said, str]] = {
    **STATES,
    "waiting": STATES["pending"],
    "left-out": (Said("left out", "laissée de côté"), "off"),
}
_LONGEST_VALUE = 80


class JobsPage(ServicePage):
    """A page that shows what the jobs service answers."""

    service = "jobs"
    prefix = f"{JOBS_PREFIX}/v1"
    secret = "jobs.secret"
    away = _AWAY

    def refused(self, status: int, body: Any) -> ServiceRefused:
        """The service says everything in both languages itself."""
        problem = body if isinstance(body, dict) else {}
        said = problem.get("said")
        if status >= 500 or not isinstance(said, dict):
            return ServiceRefused(
                503 if status >= 500 else status, _AWAY if status >= 500 else _REFUSED
            )
        return ServiceRefused(status, Said(said["en"], said["fr"]), body=problem)

    def page(self, *parts: str) -> str:
        """Address of a page below /hub/jobs."""
        words = [quote(part, safe="") for part in parts]
        return str(url_path_join(self.hub.base_url, "jobs", *words))

    async def show_jobs(self, template: str, **names: Any) -> None:
        """A page with the words that all of them use."""
        await self.show(
            template,
            states=STATES,
            causes=CAUSES,
            step_states=STEP_STATES,
            live=LIVE,
            value=value,
            time=moment,
            took=took,
            both=both,
            **names,
        )

    async def show_refusal(self, refused: ServiceRefused) -> None:
        """The page of somebody who cannot have what they asked for."""
        self.set_status(refused.status)
        await self.show_jobs("jobs_refused.html", problem=refused.said)


def moment(text: str | None) -> datetime | None:
    """A time of the service as the hub's own templates have theirs: UTC without a zone."""
    return datetime.fromisoformat(text).replace(tzinfo=None) if text else None


def took(run: dict[str, Any]) -> str:
    """How long a run took: 1 h 02 min 03 s."""
    began, ended = moment(run["started"]), moment(run["ended"])
    if began is None or ended is None:
        return ""
    minutes, seconds = divmod(round((ended - began).total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {seconds:02d} s" if minutes else f"{seconds} s"


def value(found: Any) -> str:
    """A value of a step in one line that does not fill the page."""
    text = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"


def both(said: dict[str, str] | None) -> Said:
    """A sentence of the service."""
    return Said(said["en"], said["fr"]) if said else Said("", "")
