"""The output notebook of a pipeline's run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from nacelle.jobs.exits import explain
from nacelle.jobs.pipelines.index import index
from nacelle.jobs.pipelines.pipeline import Pipeline
from nacelle.jobs.pipelines.records import ItemRecord
from nacelle.jobs.running.comparing import compare
from nacelle.jobs.running.page import convert

PIPELINE = Pipeline("pipeline.yaml", "Fig*ures*", (), ())
NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)
HARM = "|<script>alert(1)</script>\n`[x](javascript:alert(1))"


def done(step: str, **changes: Any) -> ItemRecord:
    plain: dict[str, Any] = {
        "state": "succeeded",
        "started": NOON,
        "ended": NOON + timedelta(seconds=62),
    }
    return ItemRecord(step=step, **plain | changes)


def test_what_steps_gave_is_shown_as_text() -> None:
    failure = explain("exception", cell=2, error="E", message=HARM)
    items = (
        done("prepare", outputs={"table": HARM}),
        done("each", number=1, matrix={"x": HARM * 9}, state="failed", exit=failure),
        ItemRecord(step="last", state="left-out"),
    )
    page = convert(index(PIPELINE, {}, items))
    assert "<script" not in page and 'href="javascript' not in page
    assert '<a href="steps/each-1/notebook.html">page</a>' in page
    assert page.count("<tr>") == 4 and "Fig*ures*" in page
    assert "1 min 2 s" in page and "Cell 2 stopped with E" in page


def test_two_runs_are_compared_by_what_their_steps_gave() -> None:
    first = index(PIPELINE, {"year": 2025}, (done("a", outputs={"n": 1}), done("b")))
    second = index(PIPELINE, {"year": 2026}, (done("a", outputs={"n": 2}), done("b")))
    found = compare(first.encode(), second.encode())
    assert [(one.name, one.first, one.second) for one in found.parameters] == [
        ("year", "2025", "2026")
    ]
    assert [(one.source, one.state) for one in found.cells] == [
        ("# a", "differs"),
        ("# b", "same"),
    ]
