"""The states of jobs and runs, and what leads from one to the next.

Runs, each case with a test of its number in tests/jobs/test_states.py:

 1. A pending run that is started is running.
 2. A pending run that is cancelled never runs.
 3. A pending run that the job or the platform lets go by (overlap, missed, suspended) is skipped.
 4. A pending run that cannot start (image, quota, no node, keys) has failed.
 5. A pending run whose time is up has timed out.
 6. A pending run may be seen to have succeeded: its start went by while nobody watched.
 7. A running run succeeds, 8. fails (a lost machine too), 9. times out, or 10. is cancelled.
11. A running run is not skipped.
12. What is told twice changes nothing: a watch tells again what it told before it broke.
13. A run that is over stays as it is: whatever else comes is refused.

Jobs:

14. A draft whose run succeeds is armed. 15. A draft whose run fails stays a draft.
16. A draft is armed without a run when its owner says so.
17. An armed job stays armed whether its runs succeed or fail.
18. A job whose notebook, parameters or environment change is a draft again; armed or draft.
19. A job whose name, schedule or other terms change keeps its state.
20. Any job can be suspended; suspending twice changes nothing.
21. A suspended job that is resumed is armed if the version it has was proved, else a draft.
22. A suspended job that is edited stays suspended, and so it does when a run that was under way
    ends.
23. What is not suspended cannot be resumed, and only a draft is armed by hand.
"""

from __future__ import annotations

from typing import Literal

from nacelle.jobs.job import ENDS, JobState, RunState
from nacelle.language import Said

RunEvent = Literal["started", "succeeded", "failed", "timed-out", "skipped", "cancelled"]
JobEvent = Literal[
    "run-succeeded",
    "run-failed",
    "armed-by-hand",
    "work-edited",
    "terms-edited",
    "suspended",
    "resumed-proved",
    "resumed-unproved",
]

_RUNS: dict[tuple[RunState, RunEvent], RunState] = {
    ("pending", "started"): "running",
    ("pending", "cancelled"): "cancelled",
    ("pending", "skipped"): "skipped",
    ("pending", "failed"): "failed",
    ("pending", "timed-out"): "timed-out",
    ("pending", "succeeded"): "succeeded",
    ("running", "started"): "running",
    ("running", "succeeded"): "succeeded",
    ("running", "failed"): "failed",
    ("running", "timed-out"): "timed-out",
    ("running", "cancelled"): "cancelled",
    **{(end, end): end for end in ENDS},  # type: ignore[misc]
}

_JOBS: dict[tuple[JobState, JobEvent], JobState] = {
    ("draft", "run-succeeded"): "armed",
    ("draft", "run-failed"): "draft",
    ("draft", "armed-by-hand"): "armed",
    ("draft", "work-edited"): "draft",
    ("draft", "terms-edited"): "draft",
    ("draft", "suspended"): "suspended",
    ("armed", "run-succeeded"): "armed",
    ("armed", "run-failed"): "armed",
    ("armed", "work-edited"): "draft",
    ("armed", "terms-edited"): "armed",
    ("armed", "suspended"): "suspended",
    ("suspended", "run-succeeded"): "suspended",
    ("suspended", "run-failed"): "suspended",
    ("suspended", "work-edited"): "suspended",
    ("suspended", "terms-edited"): "suspended",
    ("suspended", "suspended"): "suspended",
    ("suspended", "resumed-proved"): "armed",
    ("suspended", "resumed-unproved"): "draft",
}

_WORDS = {
    "pending": ("pending", "en attente"),
    "running": ("running", "en cours"),
    "succeeded": ("succeeded", "réussie"),
    "failed": ("failed", "échouée"),
    "timed-out": ("timed out", "arrêtée par sa durée limite"),
    "skipped": ("skipped", "passée"),
    "cancelled": ("cancelled", "annulée"),
    "draft": ("a draft", "une ébauche"),
    "armed": ("armed", "armé"),
    "suspended": ("suspended", "suspendu"),
}


class IllegalTransition(Exception):
    """What happened or was asked does not fit the state; the state stays. `said` tells why."""

    def __init__(self, said: Said) -> None:
        super().__init__(said)
        self.said = said


def run_after(state: RunState, event: RunEvent) -> RunState:
    """The state of a run in `state` to which `event` happened. Raises IllegalTransition."""
    if (following := _RUNS.get((state, event))) is not None:
        return following
    en, fr = _WORDS[state]
    raise IllegalTransition(
        Said(
            f"The run is {en} already; nothing was changed ({event}).",
            f"L'exécution est déjà {fr} ; rien n'a été changé ({event}).",
        )
    )


def job_after(state: JobState, event: JobEvent) -> JobState:
    """The state of a job in `state` to which `event` happened. Raises IllegalTransition."""
    if (following := _JOBS.get((state, event))) is not None:
        return following
    en, fr = _WORDS[state]
    raise IllegalTransition(
        Said(
            f"The job is {en}; this cannot be done to it now ({event}).",
            f"Le travail est {fr} ; cela ne peut pas lui être fait maintenant ({event}).",
        )
    )
