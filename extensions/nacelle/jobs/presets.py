"""The usual schedules by name, as a form offers them."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal, get_args

from pydantic import Field

from nacelle.jobs.cron import Cron, read_cron
from nacelle.jobs.parts import Frozen

PresetName = Literal["hourly", "daily", "weekdays", "weekly", "monthly"]


class Preset(Frozen):
    """A usual schedule; `weekday` (Sunday is 0) counts for weekly, `day` for monthly."""

    name: PresetName
    hour: Annotated[int, Field(ge=0, le=23)] = 6
    minute: Annotated[int, Field(ge=0, le=59)] = 0
    weekday: Annotated[int, Field(ge=0, le=6)] = 1
    # Every month has so many days.
    day: Annotated[int, Field(ge=1, le=28)] = 1

    @property
    def cron(self) -> str:
        return {
            "hourly": f"{self.minute} * * * *",
            "daily": f"{self.minute} {self.hour} * * *",
            "weekdays": f"{self.minute} {self.hour} * * 1-5",
            "weekly": f"{self.minute} {self.hour} * * {self.weekday}",
            "monthly": f"{self.minute} {self.hour} {self.day} * *",
        }[self.name]


def preset_of(line: str) -> Preset | None:
    """The preset that a cron line is, so that a form can show it again; None for any other."""
    cron = read_cron(line)
    found: dict[str, int] = {"minute": cron.minutes[0]}
    if len(cron.hours) == 1:
        found["hour"] = cron.hours[0]
    if len(cron.weekdays) == 1:
        found["weekday"] = cron.weekdays[0]
    if len(cron.days) == 1 and cron.days[0] <= 28:
        found["day"] = cron.days[0]
    for name in get_args(PresetName):
        preset = Preset(name=name, **found)
        if _meant(read_cron(preset.cron)) == _meant(cron):
            return preset
    return None


def _meant(cron: Cron) -> Cron:
    """The line without its way of writing, which counts only for where the clocks change."""
    return replace(cron, text="0 0" if cron.at_fixed_times else "* *")
