"""The run page with the steps of a sweep: their state, what they gave, their log and output."""

from __future__ import annotations

from typing import Any

import pytest
from bs4 import BeautifulSoup
from test_hub_look import rendered, texts

from nacelle.hub import jobs_pages
from nacelle.hub.jobs_run import _name_of

ID = "1" * 32
AT = "2026-03-02T06:00:00Z"
EVIL = "<b>bold</b>"


def step(number: int | None, state: str, **more: Any) -> dict[str, Any]:
    made = {
        "step": "try", "number": number, "matrix": {"rate": number, "text": EVIL}, "state": state,
        "outputs": {}, "exit": None, "started": AT, "ended": "2026-03-02T06:01:05Z",
        "reused": False,
    }  # fmt: skip
    made |= more
    return {**made, "name": _name_of(made)}


STEPS = [
    step(1, "succeeded", outputs={"score": [0.25, "x" * 200]}, reused=True),
    step(2, "failed", exit={"said": {"en": "Cell 2 stopped.", "fr": "Cellule 2 arrêtée."}}),
    step(3, "running", ended=None),
    step(4, "waiting", started=None, ended=None),
    step(None, "left-out", step="best", matrix={}, started=None, ended=None),
]


def page(language: str, read: bool = True) -> BeautifulSoup:
    run = {
        "id": ID, "job": ID, "job_name": "sweep", "state": "failed", "exit": None,
        "cause": "manual", "asked_by": None, "retry_of": None, "scheduled": AT, "started": AT,
        "ended": AT, "profile": "python", "parameters": {}, "notebook": None,
        "progress": {"cell": 3, "of": 12, "step": 2, "steps": 5},
        "may": {"read": read, "cancel": False, "again": True},
    }  # fmt: skip
    names = {
        "states": jobs_pages.STATES,
        "step_states": jobs_pages.STEP_STATES,
        "causes": jobs_pages.CAUSES,
        "live": jobs_pages.LIVE,
        "time": jobs_pages.moment,
        "took": jobs_pages.took,
        "both": jobs_pages.both,
        "value": jobs_pages.value,
    }
    job = {"notebook": {"path": "sweep.yaml"}, "may": {"edit": False}, "form": None}
    steps = STEPS if read else []
    return rendered("run.html", language, run=run, job=job, log="", others=[], steps=steps, **names)


def row(soup: BeautifulSoup, number: int) -> Any:
    return soup.select('[data-part="steps"] tbody tr')[number]


def test_each_step_has_its_state_and_its_links() -> None:
    soup = page("en")
    names = [one.text for one in soup.select('[data-part="steps"] td:first-child .mono')]
    assert names == ["try-1", "try-2", "try-3", "try-4", "best"]
    links = [one["href"] for one in row(soup, 1).select("a")]
    base = f"/hub/jobs/runs/{ID}/steps/try-2"
    assert links == [f"{base}/notebook.html", f"{base}/notebook.ipynb", f"{base}/log"]
    assert not row(soup, 3).select("a") and not row(soup, 4).select("a")
    assert "Cell 2 stopped." in row(soup, 1).text
    assert "1 min 05 s" in row(soup, 1).text
    first = row(soup, 0).text
    assert "taken over from an earlier run" in first and "score = [0.25" in first
    assert "x" * 100 not in first
    assert "Run it again: the steps that succeeded are taken over" in soup.text


def test_values_of_people_become_no_markup() -> None:
    soup = page("en")
    assert not soup.find_all("b")
    assert EVIL in row(soup, 0).text


def test_the_steps_are_french_too() -> None:
    said = {"en": texts(page("en")), "fr": texts(page("fr"))}
    for english, french in (
        ("Steps", "Étapes"),
        ("What it gave", "Ce qu'elle a donné"),
        ("What it wrote", "Ce qu'elle a écrit"),
        ("left out", "laissée de côté"),
        ("taken over from an earlier run", "reprise d'une exécution antérieure"),
        ("Cell 2 stopped", "Cellule 2 arrêtée"),
        ("output", "résultat"),
        ("log", "journal"),
    ):
        assert english in said["en"] - said["fr"]
        assert french in said["fr"]


@pytest.mark.parametrize("language", ["en", "fr"])
def test_who_may_not_read_sees_none(language: str) -> None:
    assert not page(language, read=False).select('[data-part="steps"]')
