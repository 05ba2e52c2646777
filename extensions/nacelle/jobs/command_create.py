"""`nacelle jobs create` and `nacelle jobs preview`."""

from __future__ import annotations

import sys
from typing import Any

import click

from nacelle.jobs.client import JobsClient
from nacelle.jobs.command_base import NO, of_service, pairs, print_json, when
from nacelle.jobs.command_runs import follow


@click.command()
@click.argument("notebook", metavar="NOTEBOOK")
@click.option("--name", help="Name of the job; else the file's.")
@click.option("--schedule", help="Cron line: minute hour day month weekday. None: on demand.")
@click.option("--zone", default="UTC", show_default=True, help="IANA time zone of the schedule.")
@click.option("--parameter", multiple=True, metavar="NAME=VALUE", help="A notebook's parameter.")
@click.option("--profile", help="Environment; else the session's, or the first that fits.")
@click.option("--kernel", help="Kernel; else the notebook's.")
@click.option("--option", multiple=True, metavar="NAME=CHOICE", help="Option of the environment.")
@click.option("--package", multiple=True, metavar="NAME==VERSION", help="A package to freeze.")
@click.option("--freeze", is_flag=True, help="Freeze what the session has beyond its environment.")
@click.option("--project", help="Project that shares the job.")
@click.option("--timeout", type=int, default=3600, show_default=True, help="Limit in seconds.")
@click.option("--retries", type=int, default=0, show_default=True, help="Tries after a failure.")
@click.option(
    "--backoff", type=int, default=60, show_default=True, help="Seconds before the first."
)
@click.option(
    "--overlap",
    type=click.Choice(["forbid", "replace", "allow"]),
    default="forbid",
    show_default=True,
    help="When the run before is not over: skip, stop the old one, or run both.",
)
@click.option(
    "--missed",
    type=click.Choice(["latest", "all", "skip"]),
    default="latest",
    show_default=True,
    help="Times missed while the platform was down.",
)
@click.option("--mail", multiple=True, help="Address to tell by mail.")
@click.option("--webhook", help="Address to tell by HTTP POST.")
@click.option("--tell-always", is_flag=True, help="Tell of every end, not of failures only.")
@click.option("--override-keys", is_flag=True, help="Take it although keys seem to stand in it.")
@click.option(
    "--first",
    type=click.Choice(["run", "arm", "nothing"]),
    default="run",
    show_default=True,
    help="Run once and arm on success; arm now; or neither.",
)
@click.option("--wait", is_flag=True, help="Wait for the first run; exit code 1 if it fails.")
@of_service
def create(client: JobsClient, notebook: str, wait: bool, as_json: bool, **given: Any) -> None:
    """Make a job of NOTEBOOK, or of a pipeline (pipeline.yaml)."""
    made = client.create(
        notebook,
        name=given["name"],
        schedule=given["schedule"],
        zone=given["zone"],
        parameters=pairs(given["parameter"], "--parameter"),
        profile=given["profile"],
        kernel=given["kernel"],
        freeze=given["freeze"],
        environment={
            "options": pairs(given["option"], "--option"),
            "packages": list(given["package"]),
        },
        project=given["project"],
        timeout_seconds=given["timeout"],
        retry={"count": given["retries"], "backoff_seconds": given["backoff"]},
        overlap=given["overlap"],
        missed={"policy": given["missed"]},
        notify={
            "when": "always" if given["tell_always"] else "failure",
            "mail": list(given["mail"]),
            "webhook": given["webhook"],
        },
        override=given["override_keys"],
        first=given["first"],
    )
    job = made.job
    if not as_json:
        meaning = f": {job.sentence.en}" if job.sentence else ", on demand"
        click.echo(f"{job.id}  {job.name}{meaning} ({job.state})")
    run = made.run
    if wait and run:
        ended = follow(client, run.id, quiet=as_json)
        if as_json:
            print_json(made.model_copy(update={"run": ended}))
        sys.exit(0 if ended.state == "succeeded" else NO)
    if as_json:
        print_json(made)
    elif run:
        click.echo(f"Its first run is {run.id}; a success arms it. nacelle jobs log {run.id}")


@click.command()
@click.argument("schedule")
@click.option("--zone", default="UTC", show_default=True, help="IANA time zone.")
@of_service
def preview(client: JobsClient, schedule: str, zone: str, as_json: bool) -> None:
    """Say what the cron line SCHEDULE means, and its next five times."""
    found = client.preview(schedule, zone)
    if as_json:
        print_json(found)
        return
    click.echo(found.sentence.en)
    for one in found.next:
        click.echo(when(one))
