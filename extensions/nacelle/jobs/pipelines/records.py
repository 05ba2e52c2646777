"""What a run of a pipeline knows of its steps: kept beside its results, read by a run that goes on.

`pipeline.json` in the run's folder, written whole at each change.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field, ValidationError

from nacelle.jobs.order import RunFolder
from nacelle.jobs.parts import Exit, Frozen, Identifier, Sha256, UtcTime
from nacelle.jobs.running.files import write_text

# Names of files: of a run's record, and of an item's own where it runs in a pod of its own.
RECORD, ITEM = "pipeline.json", "item.json"
_LONGEST = 40

ItemState = Literal["waiting", "running", "succeeded", "failed", "left-out"]


class ItemRecord(Frozen):
    """A step, or one combination of its matrix; `number` counts from 1 within the step.

    `reused` tells that it ran in an earlier run.
    """

    step: str
    number: int | None = None
    matrix: dict[str, Any] = Field(default_factory=dict)
    state: ItemState = "waiting"
    outputs: dict[str, Any] = Field(default_factory=dict)
    exit: Exit | None = None
    started: UtcTime | None = None
    ended: UtcTime | None = None
    reused: bool = False

    @property
    def name(self) -> str:
        """As in the results' addresses."""
        return self.step if self.number is None else f"{self.step}-{self.number}"

    @property
    def shown(self) -> str:
        """With the values of its matrix, for people."""
        values = ", ".join(f"{name}={_short(value)}" for name, value in self.matrix.items())
        return f"{self.name} ({values})" if values else self.name


def _short(value: Any) -> str:
    """A value in one line that does not fill it."""
    text = " ".join(str(value).split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


class PipelineRecord(Frozen):
    """A run of a pipeline: with what it began, and how its steps are.

    `scheduled` and `started` are the times that its values were filled with, those of the first
    run where one goes on from another. `shared` is the folder that its steps shared; there is none
    where they ran in pods of their own.
    """

    run: Identifier
    version: Sha256
    values: dict[str, Any]
    scheduled: UtcTime
    started: UtcTime
    shared: str
    items: tuple[ItemRecord, ...] = ()

    def find(self, step: str, matrix: dict[str, Any]) -> ItemRecord | None:
        """The item of a step for these values."""
        fitting = (one for one in self.items if (one.step, one.matrix) == (step, matrix))
        return next(fitting, None)


def write_record(folder: RunFolder, record: PipelineRecord) -> None:
    """Whole; lost at a power cut, steps run again."""
    write_text(folder.path / RECORD, record.model_dump_json())


def read_record(folder: RunFolder) -> PipelineRecord | None:
    """None where the run was of no pipeline, or has left nothing."""
    try:
        return PipelineRecord.model_validate_json((folder.path / RECORD).read_bytes())
    except (OSError, ValidationError):
        return None


def output_of(items: Sequence[ItemRecord], has_matrix: bool, name: str) -> Any:
    """What a step gave by its items, a list where it has a matrix. Raises KeyError."""
    if has_matrix:
        return [one.outputs[name] for one in items]
    if not items:
        raise KeyError(name)
    return items[0].outputs[name]
