"""The end of a run before its last cell: raised where it is noticed, told in words."""

from __future__ import annotations

from nacelle.jobs.exits import explain
from nacelle.jobs.order import RunEnd
from nacelle.jobs.parts import Exit

# All others have failed.
_STATES: dict[str, RunEnd] = {
    "succeeded": "succeeded",
    "timed-out": "timed-out",
    "cancelled": "cancelled",
}


class Ended(Exception):
    """The run is over; `exit` says why. Details are those that the saying of `code` names."""

    def __init__(self, code: str, **details: str | int) -> None:
        super().__init__(code)
        self.exit = explain(code, **details)

    @classmethod
    def of(cls, exit_: Exit) -> Ended:
        """The end that is known already."""
        made = cls.__new__(cls)
        Exception.__init__(made, exit_.code)
        made.exit = exit_
        return made


def state_of(exit_: Exit) -> RunEnd:
    """The state of a run that ended so."""
    return _STATES.get(exit_.code, "failed")
