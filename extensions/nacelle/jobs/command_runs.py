"""`nacelle jobs runs | run | again | steps | log | output | cancel`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from nacelle.jobs.client import JobsClient, JobsError
from nacelle.jobs.command_base import NO, of_service, pairs, print_json, print_table, when, words
from nacelle.jobs.job import ENDS
from nacelle.jobs.service.wire import RunView


@click.command()
@click.argument("job", required=False)
@click.option("--state", help="Only runs in this state.")
@click.option("--search", default="", help="Words in the job's name or in how it ended.")
@click.option("--everybody", is_flag=True, help="Everybody's, for administrators.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@of_service
def runs(
    client: JobsClient,
    job: str | None,
    state: str | None,
    search: str,
    everybody: bool,
    limit: int,
    as_json: bool,
) -> None:
    """List runs, newest first: of JOB (an id or a name), or all."""
    query = {"search": search, "everybody": everybody, "limit": limit}
    found = client.runs(job, **query | ({"state": state} if state else {}))
    if as_json:
        print_json(found)
        return
    print_table(
        ("run", "job", "state", "due", "how it ended"),
        [
            (one.id, one.job_name, one.state, when(one.scheduled), one.exit.said.en)
            if one.exit
            else (one.id, one.job_name, one.state, when(one.scheduled), "")
            for one in found
        ],
    )


@click.command("run")
@click.argument("job")
@click.option("--parameter", multiple=True, metavar="NAME=VALUE", help="For this run only.")
@click.option("--wait", is_flag=True, help="Wait until it is over; exit code 1 if it fails.")
@of_service
def run_now(
    client: JobsClient, job: str, parameter: tuple[str, ...], wait: bool, as_json: bool
) -> None:
    """Run JOB now."""
    given = pairs(parameter, "--parameter") or None
    _started(client, client.run(job, given), wait, as_json)


@click.command()
@click.argument("run")
@click.option("--parameter", multiple=True, metavar="NAME=VALUE", help="Instead of the run's own.")
@click.option("--wait", is_flag=True, help="Wait until it is over; exit code 1 if it fails.")
@of_service
def again(
    client: JobsClient, run: str, parameter: tuple[str, ...], wait: bool, as_json: bool
) -> None:
    """Run what RUN ran once more."""
    given = pairs(parameter, "--parameter") or None
    _started(client, client.again(run, given), wait, as_json)


@click.command()
@click.argument("run")
@of_service
def steps(client: JobsClient, run: str, as_json: bool) -> None:
    """List the steps of RUN, of a pipeline, each combination of a matrix for itself."""
    found = client.steps(run)
    if as_json:
        print_json(found)
        return
    print_table(
        ("step", "values", "state", "what it gave", "how it ended"),
        [
            (one.name, words(one.matrix), one.state, words(one.outputs), one.exit.said.en)
            if one.exit
            else (one.name, words(one.matrix), one.state, words(one.outputs), "")
            for one in found
        ],
    )


@click.command()
@click.argument("run")
@click.option("--follow", "following", is_flag=True, help="Go on until the run is over.")
@click.option("--step", help="Of this step only, as `nacelle jobs steps` names it.")
@of_service
def log(client: JobsClient, run: str, following: bool, step: str | None, as_json: bool) -> None:
    """Print the log of RUN."""
    if following:
        follow(client, run, quiet=False, step=step)
        return
    text = _rest(client, run, 0, step)[0]
    print_json({"run": run, "log": text}) if as_json else click.echo(text, nl=False)


@click.command()
@click.argument("run")
@click.option("--to", "file", type=click.Path(path_type=Path), required=True, help="A new file.")
@click.option("--step", help="Of this step only, as `nacelle jobs steps` names it.")
@of_service
def output(client: JobsClient, run: str, file: Path, step: str | None, as_json: bool) -> None:
    """Write what RUN produced to a file: a notebook (.ipynb) or a page (.html)."""
    kind = file.suffix.removeprefix(".")
    if kind not in ("ipynb", "html"):
        raise click.UsageError(f"{file} must end in .ipynb or .html.")
    content = client.output(run, kind, step)
    try:
        file.write_bytes(content)
    except OSError as error:
        raise JobsError(f"{file} cannot be written ({error.strerror}).") from None
    print_json({"file": str(file)}) if as_json else click.echo(str(file))


@click.command()
@click.argument("run")
@of_service
def cancel(client: JobsClient, run: str, as_json: bool) -> None:
    """Stop RUN, or keep it from starting."""
    found = client.cancel(run)
    print_json(found) if as_json else click.echo(f"{found.id} is {found.state}.")


def follow(client: JobsClient, run: str, *, quiet: bool, step: str | None = None) -> RunView:
    """Print a run's log until it is over."""
    offset = 0

    def tell(found: RunView) -> None:
        nonlocal offset
        text, offset = _rest(client, run, offset, step)
        if not quiet:
            click.echo(text, nl=False)

    ended = client.wait(run, tell)
    if not quiet and ended.exit:
        click.echo(ended.exit.said.en, err=ended.state != "succeeded")
    return ended


def _rest(client: JobsClient, run: str, offset: int, step: str | None = None) -> tuple[str, int]:
    """The log from a byte to its end."""
    found = ""
    while True:
        text, following = client.log(run, offset, step)
        found += text
        if following == offset:
            return found, offset
        offset = following


def _started(client: JobsClient, run: RunView, wait: bool, as_json: bool) -> None:
    if wait:
        run = follow(client, run.id, quiet=as_json)
    if as_json:
        print_json(run)
    elif not wait:
        click.echo(f"{run.id} is {run.state}. nacelle jobs log {run.id} --follow")
    if wait and run.state in ENDS and run.state != "succeeded":
        sys.exit(NO)
