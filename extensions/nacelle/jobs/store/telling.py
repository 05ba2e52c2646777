"""What people are told when a run has ended, and whom: pure."""

from __future__ import annotations

from nacelle.jobs.job import Exit, Job, Run, RunState, Sentence
from nacelle.jobs.store.rows import Channel

_TITLES: dict[RunState, tuple[str, str]] = {
    "succeeded": ("succeeded", "a réussi"),
    "failed": ("failed", "a échoué"),
    "timed-out": ("was stopped by its time limit", "a été arrêté par sa durée limite"),
    "cancelled": ("was cancelled", "a été annulé"),
}


def is_told(job: Job, run: Run) -> bool:
    """Whether the end of a run is told: as the job asks; what was skipped never is."""
    if run.state in ("failed", "timed-out"):
        return True
    return job.notify.when == "always" and run.state in _TITLES


def what_to_say(job: Job, run: Run) -> Sentence:
    """The job's name, how its run ended, and why."""
    en, fr = _TITLES[run.state]
    why = run.exit.said if run.exit and run.state != "succeeded" else Sentence(en="", fr="")
    return Sentence(
        en=f"“{job.name}” {en}. {why.en}".strip(),
        fr=f"« {job.name} » {fr}. {why.fr}".strip(),
    )


def targets(job: Job) -> list[tuple[Channel, str]]:
    """Where a notice goes beside Lab."""
    found: list[tuple[Channel, str]] = [("mail", address) for address in job.notify.mail]
    if job.notify.webhook:
        found.append(("webhook", job.notify.webhook))
    return found


# Trying again cannot help: something has to be changed first.
# Another attempt would meet the same: a pipeline goes on from what its steps gave.
_FOR_GOOD = frozenset(
    ("environment", "kernel-missing", "keys-refused", "notebook", "no-output", "no-list")
)


def is_tried_again(job: Job, run: Run) -> bool:
    """Whether a run that ended so is followed by another attempt."""
    return (
        run.state in ("failed", "timed-out")
        and run.attempt <= job.retry.count
        and job.state != "suspended"
        and not _is_for_good(run.exit)
    )


def _is_for_good(exit: Exit | None) -> bool:
    return exit is not None and exit.code in _FOR_GOOD
