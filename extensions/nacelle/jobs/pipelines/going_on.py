"""A run that goes on from an earlier one of the same pipeline, from the steps that did not succeed.

The cases, each with a test in tests/jobs/pipelines/test_pipelines_resume.py:

1. The earlier run is the one that failed before a retry, or the one that somebody ran again; one
   that succeeded is run anew.
2. It ran the same version: the same notebooks, parameters and environment. Else all runs anew.
3. It goes on with the values that the earlier run began with, times too.
4. A step is taken over when it succeeded, its results are there, and all that it needs is taken
   over as well.
5. What the steps shared on disk is copied; outputs that lead into that folder lead to the copy.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from typing import Any, NamedTuple

from nacelle.jobs.job import Run
from nacelle.jobs.order import RunFolder
from nacelle.jobs.pipelines.records import ItemRecord, PipelineRecord, read_record
from nacelle.jobs.pipelines.step_folder import KEPT, shared_folder, steps_folder


class Earlier(NamedTuple):
    """A run whose finished steps are taken over into the folder `into`."""

    record: PipelineRecord
    folder: RunFolder
    into: RunFolder

    def take(self, step: str, matrix: Mapping[str, Any], name: str) -> ItemRecord | None:
        """Take over an item, its results as `name`; None when it has to run."""
        found = self.record.find(step, dict(matrix))
        if found is None or found.state != "succeeded":
            return None
        source, target = steps_folder(self.folder, found.name), steps_folder(self.into, name)
        if not (source / "notebook.ipynb").exists():
            return None
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        for file in KEPT:
            if (source / file).exists():
                shutil.copyfile(source / file, target / file)
        outputs = self._moved(found.outputs)
        return found.model_copy(update={"outputs": outputs, "reused": True})

    def copy_shared(self) -> None:
        """Bring along what the steps shared on disk."""
        source = shared_folder(self.folder)
        if source.is_dir():
            # Links as links: they may lead anywhere.
            shutil.copytree(source, shared_folder(self.into), symlinks=True, dirs_exist_ok=True)

    def _moved(self, outputs: dict[str, Any]) -> dict[str, Any]:
        if not self.record.shared:
            return outputs
        before, now = (json.dumps(one)[1:-1] for one in (self.record.shared, self._shared()))
        moved: dict[str, Any] = json.loads(json.dumps(outputs).replace(before, now))
        return moved

    def _shared(self) -> str:
        return str(shared_folder(self.into))


def find_earlier(folder: RunFolder, run: Run) -> Earlier | None:
    """The run to go on from; None where there is none, or nothing of it can be taken over."""
    id = run.retry_of or run.again_of
    if id is None:
        return None
    before = RunFolder(folder.path.parent / id)
    record = read_record(before)
    if record is None or record.version != run.version:
        return None
    states = {one.state for one in record.items}
    if "succeeded" not in states or states == {"succeeded"}:
        # Nothing to take over; or nothing failed, and all of it is wanted once more.
        return None
    return Earlier(record, before, folder)
