"""The group of commands `nacelle jobs`."""

from __future__ import annotations

import click

from nacelle.jobs.command_check import check
from nacelle.jobs.command_create import create, preview
from nacelle.jobs.command_jobs import (
    arm,
    delete,
    hand_over,
    list_jobs,
    resume,
    show,
    suspend,
    take_over,
)
from nacelle.jobs.command_runs import again, cancel, log, output, run_now, runs, steps
from nacelle.jobs.command_sweep import sweep


@click.group()
def jobs() -> None:
    """Exit codes: 0 done, 1 not done (a run failed, the service is away), 2 refused."""


for command in (
    *(
        create,
        check,
        sweep,
        preview,
        list_jobs,
        show,
        suspend,
        resume,
        arm,
        take_over,
        hand_over,
        delete,
    ),
    *(runs, run_now, again, steps, log, output, cancel),
):
    jobs.add_command(command)
