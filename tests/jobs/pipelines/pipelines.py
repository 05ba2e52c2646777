"""Pipelines to test with: bundles, and runs of them by the real runner."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from textwrap import dedent
from typing import Any

import nbformat

from nacelle.jobs.job import Snapshot
from nacelle.jobs.order import Order, RunFolder
from nacelle.jobs.parts import Environment, Notebook
from nacelle.jobs.pipelines.bundle import Bundle, write_bundle
from nacelle.jobs.pipelines.mistakes import PipelineRefused
from nacelle.jobs.pipelines.understanding import Understood, understand
from tests.jobs.running.runs import KERNEL, Done, Place, notebook, parameters


def bundle(text: str, **notebooks: Any) -> Bundle:
    """A pipeline's text, and its notebooks by the names of their files without the ending.

    A notebook is bytes, or a list of cells whose first is the one of the parameters.
    """
    files = {
        f"{name}.ipynb": cells
        if isinstance(cells, bytes)
        else notebook(parameters(cells[0]), *cells[1:])
        for name, cells in notebooks.items()
    }
    return Bundle("pipeline.yaml", dedent(text).lstrip("\n"), files)


def understood(text: str, **notebooks: Any) -> Understood:
    return understand(bundle(text, **notebooks))


def mistakes(text: str, **notebooks: Any) -> list[str]:
    """What is wrong with a pipeline, each with its place."""
    try:
        understood(text, **notebooks)
    except PipelineRefused as error:
        return str(error).splitlines()
    return []


@dataclass
class Pipelines:
    """Runs of pipelines in a place."""

    place: Place

    def order(self, made: Bundle, **changes: Any) -> RunFolder:
        """The folder of a run of a pipeline, ordered and not begun."""
        content = write_bundle(made)
        digest = sha256(content).hexdigest()
        file = self.place.folder / "notebooks" / f"{digest}.ipynb"
        file.parent.mkdir(exist_ok=True)
        if not file.exists():
            file.write_bytes(content)
        folder = self.place.order("1", **{"parameters": {}, "timeout_seconds": 600} | changes)
        order = folder.read_order()
        snapshot = Snapshot(
            notebook=Notebook(sha256=digest, path="work/pipeline.yaml"),
            environment=Environment(profile="python", kernel=KERNEL),
            parameters=order.snapshot.parameters,
            timeout_seconds=order.snapshot.timeout_seconds,
        )
        run = order.run.model_copy(update={"version": snapshot.version})
        update = {"snapshot": snapshot, "run": run, "notebook_file": file}
        folder.write_order(Order.model_validate({**dict(order), **update}))
        return folder

    def run(self, made: Bundle, **changes: Any) -> Done:
        return self.place.start(self.order(made, **changes)).done()

    def again(self, before: Done, made: Bundle, days: int = 0, **changes: Any) -> Done:
        """Run a pipeline once more, as somebody asks for it so many days later."""
        folder = self.order(made, **changes)
        order = folder.read_order()
        update = {
            "again_of": before.folder.path.name,
            "cause": "manual",
            "scheduled": order.run.scheduled + timedelta(days=days),
        }
        run = order.run.model_copy(update=update)
        folder.write_order(order.model_copy(update={"run": run}))
        return self.place.start(folder).done()


def step(done: Done, name: str) -> Any:
    """The output notebook of a step."""
    file = done.folder.path / "steps" / name / "notebook.ipynb"
    return nbformat.read(file, as_version=4)


def printed(done: Done, name: str) -> str:
    """What the cells of a step printed."""
    outputs = [one for cell in step(done, name).cells for one in cell.get("outputs", ())]
    return "".join(one.text for one in outputs if one.output_type == "stream")
