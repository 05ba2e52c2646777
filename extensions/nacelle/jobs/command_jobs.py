"""`nacelle jobs list | show | suspend | resume | arm | take-over | hand-over | delete`."""

from __future__ import annotations

from collections.abc import Callable

import click

from nacelle.jobs.client import JobsClient
from nacelle.jobs.command_base import of_service, print_json, print_table, when
from nacelle.jobs.service.wire import JobView


@click.command("list")
@click.option("--search", default="", help="Words in the name, the path, the owner.")
@click.option("--state", type=click.Choice(["draft", "armed", "suspended"]), help="Only these.")
@click.option("--everybody", is_flag=True, help="Everybody's, for administrators.")
@of_service
def list_jobs(
    client: JobsClient, search: str, state: str | None, everybody: bool, as_json: bool
) -> None:
    """List the jobs that one may see."""
    query = {"search": search, "everybody": everybody, "limit": 1000}
    found = client.jobs(**query | ({"state": state} if state else {}))
    if as_json:
        print_json(found)
        return
    print_table(
        ("job", "name", "owner", "state", "next time", "last run"),
        [
            (
                one.id,
                one.name,
                one.owner,
                one.state,
                when(one.next[0]) if one.next else "",
                one.last_run.state if one.last_run else "",
            )
            for one in found
        ],
    )


@click.command()
@click.argument("job")
@click.option("--manifest", is_flag=True, help="The same as a Kubernetes manifest.")
@click.option("--command", "as_command", is_flag=True, help="The same as a command.")
@of_service
def show(client: JobsClient, job: str, manifest: bool, as_command: bool, as_json: bool) -> None:
    """Show JOB (an id or a name)."""
    if manifest or as_command:
        same = client.equivalent(job)
        click.echo(same["manifest" if manifest else "command"].rstrip())
        return
    found = client.job(job)
    if as_json:
        print_json(found)
        return
    click.echo(f"{found.name} ({found.state}), of {found.owner}")
    click.echo(found.sentence.en if found.sentence else "on demand")
    for one in found.next:
        click.echo(f"  {when(one)}")
    for name, value in found.parameters.items():
        click.echo(f"{name} = {value.value}")
    if found.last_run:
        said = f": {found.last_run.exit.said.en}" if found.last_run.exit else ""
        click.echo(f"Last run: {found.last_run.state}{said}")


def _acting(name: str, help: str, act: Callable[[JobsClient, str], JobView]) -> click.Command:
    @of_service
    def command(client: JobsClient, job: str, as_json: bool) -> None:
        found = act(client, job)
        print_json(found) if as_json else click.echo(f"{found.name} is {found.state}.")

    return click.command(name, help=help)(click.argument("job")(command))


suspend = _acting("suspend", "No more runs of JOB on schedule.", JobsClient.suspend)
resume = _acting("resume", "End the suspension of JOB.", JobsClient.resume)
arm = _acting("arm", "Arm JOB without a run that succeeded.", JobsClient.arm)
take_over = _acting("take-over", "Become the owner of JOB of one's project.", JobsClient.take_over)


@click.command("hand-over")
@click.argument("job")
@click.argument("project")
@of_service
def hand_over(client: JobsClient, job: str, project: str, as_json: bool) -> None:
    """Share JOB with PROJECT."""
    found = client.hand_over(job, project)
    print_json(found) if as_json else click.echo(f"{found.name} is of the project {project} now.")


@click.command()
@click.argument("job")
@click.option("--yes", is_flag=True, help="Do not ask.")
@of_service
def delete(client: JobsClient, job: str, yes: bool, as_json: bool) -> None:
    """Delete JOB; what its runs wrote to a bucket stays."""
    found = client.job(job)
    if not yes:
        click.confirm(f"Delete {found.name}, the list of its runs and their logs?", abort=True)
    kept = client.delete(found.id)
    print_json(kept) if as_json else click.echo(kept.kept.en)
