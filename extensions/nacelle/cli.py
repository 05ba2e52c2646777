"""The command line: nacelle up | down | status | doctor | password | render | jobs | nace."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from nacelle.cli_render import render
from nacelle.settings import Settings, SettingsError, change, load_settings
from nacelle.shares import hub_config_folder

if TYPE_CHECKING:
    from nacelle.local.platform import Platform

CANNOT = 2
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="nacelle")
def main() -> None:
    """Nacelle, the notebook platform of a statistical office."""


class _Late(click.Group):
    """A group of a package of its own, which is imported when one of its commands is asked for."""

    def __init__(self, package: str, name: str, **others: Any) -> None:
        super().__init__(name, **others)
        self._package = package

    def list_commands(self, context: click.Context) -> list[str]:
        return self._group().list_commands(context)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        return self._group().get_command(context, name)

    def _group(self) -> click.Group:
        found: click.Group = getattr(import_module(f"{self._package}.commands"), str(self.name))
        return found


main.add_command(
    _Late(
        "nacelle.jobs",
        "jobs",
        help="Notebooks as jobs: make, schedule, run, watch and repair them.",
    )
)
main.add_command(
    _Late(
        "nacelle.nace",
        "nace",
        help="The classifier of activities: train, evaluate, predict, and prove a threshold.",
    )
)


main.add_command(render)


def _installation(command: Callable[..., None]) -> Callable[..., None]:
    """Options that say which installation a command is about."""

    @click.option("--settings", "file", type=click.Path(path_type=Path), help="Settings file.")
    @click.option("--data", type=click.Path(path_type=Path), help="Data folder, over the file's.")
    @wraps(command)
    def with_settings(file: Path | None, data: Path | None, **others: Any) -> None:
        chosen = file or hub_config_folder() / "settings.yaml"
        try:
            settings = load_settings(chosen)
        except SettingsError as error:
            _refuse(error)
        if data is not None:
            settings = settings.model_copy(update={"data_dir": data.expanduser().resolve()})
        command(settings, **others)

    return with_settings


@main.command()
@_installation
@click.option("--port", type=click.IntRange(1024, 65000), help="Port, over the file's.")
@click.option("--host", help="Address to listen on, over the file's.")
@click.option("--detach", is_flag=True, help="Return once everything answers.")
def up(settings: Settings, port: int | None, host: str | None, detach: bool) -> None:
    """Start the platform on this machine and wait until it answers."""
    from nacelle.local.checks import CannotStart

    given = {"port": port, "host": host}
    try:
        changed = change(settings, **{n: v for n, v in given.items() if v is not None})
    except SettingsError as error:
        _refuse(error)
    platform = _platform(changed)
    # From here a signal becomes an exception, so that whatever was started is stopped again.
    for number in _ENDINGS:
        signal.signal(number, _interrupt)
    try:
        _start(platform)
        if not detach:
            _watch(platform)
    except KeyboardInterrupt:
        click.echo("Stopping ...")
        platform.stop()
        click.echo("Stopped. Your data are in " + str(platform.layout.data))
    except CannotStart as error:
        _refuse(error)


def _start(platform: Platform) -> None:
    from rich.live import Live

    from nacelle.local import screen

    console = screen.make_console()
    supervisor = platform.start()
    started = time.monotonic()
    try:
        with Live(console=console, transient=True, auto_refresh=False) as live:
            platform.wait(
                supervisor, lambda now: live.update(screen.progress(now, started), refresh=True)
            )
        console.print(screen.summary(platform, platform.health()))
    except Exception:
        # Whatever went wrong, nothing is left running.
        platform.stop()
        raise


def _watch(platform: Platform) -> None:
    from nacelle.local.checks import CannotStart
    from nacelle.local.platform import is_alive

    supervisor = platform.supervisor()
    while supervisor is not None and is_alive(supervisor):
        time.sleep(1)
    stopped_by_command = not (platform.layout.run / "settings.json").exists()
    platform.stop()
    if not stopped_by_command:
        raise CannotStart("the supervisor ended unexpectedly; what was left has been stopped")


def _interrupt(number: int, frame: object) -> NoReturn:
    # A second Ctrl-C must not stop the stopping.
    for ending in _ENDINGS:
        signal.signal(ending, signal.SIG_IGN)
    raise KeyboardInterrupt


@main.command()
@_installation
def down(settings: Settings) -> None:
    """Stop everything that the platform started on this machine."""
    from nacelle.local.checks import CannotStart

    platform = _running(settings)
    try:
        count = platform.stop()
    except CannotStart as error:
        _refuse(error)
    click.echo(f"Stopped {count} processes." if count else "Nothing was running.")


@main.command()
@_installation
def status(settings: Settings) -> None:
    """Show the address, the login, and the state of each part; exit code 1 if one is not well."""
    from nacelle.local import screen

    platform = _running(settings)
    if platform.supervisor() is None:
        click.echo(f"Not running. Start it with: {platform.command('up')}")
        sys.exit(1)
    healths = platform.health()
    screen.make_console().print(screen.summary(platform, healths))
    sys.exit(0 if all(health.healthy for health in healths) else 1)


@main.command()
@_installation
def doctor(settings: Settings) -> None:
    """Say what is missing or blocked on this machine, and how to mend it."""
    from nacelle.local import screen
    from nacelle.local.checks import examine

    platform = _running(settings)
    findings = examine(platform.layout, running=platform.supervisor() is not None)
    screen.make_console().print(screen.doctor(findings))
    if any(finding.problem and not finding.optional for finding in findings):
        sys.exit(CANNOT)


@main.command()
@_installation
@click.argument("name")
def password(settings: Settings, name: str) -> None:
    """Set the password of the user NAME (asked twice, never shown)."""
    from nacelle.hub.passwords import PasswordError, set_password
    from nacelle.layout import Layout

    if name not in {user.name for user in settings.users}:
        _refuse(f"users: nobody is called {name!r} in the settings; add them there first")
    word = click.prompt("New password", hide_input=True, confirmation_prompt=True)
    try:
        set_password(Layout(settings), name, word)
    except PasswordError as error:
        _refuse(error.said.en)
    click.echo(f"The password of {name} is changed.")


def _platform(settings: Settings) -> Platform:
    from nacelle.local.platform import Platform

    return Platform(settings, hub_config_folder())


def _running(settings: Settings) -> Platform:
    """The installation as it was started: --port and --host of its `up` hold."""
    from nacelle.layout import running_settings

    return _platform(running_settings(settings))


def _refuse(problem: object) -> NoReturn:
    click.echo(str(problem), err=True)
    sys.exit(CANNOT)
