"""What `up` and `status` print: where it is, how to log in, what runs, where the data lie."""

from __future__ import annotations

import time
from collections.abc import Iterable

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from nacelle.local.checks import Finding
from nacelle.local.platform import Health, Platform


def progress(healths: Iterable[Health], started: float) -> RenderableType:
    """The parts while they start, with the seconds gone."""
    return Group(
        Text(f"Starting ({time.monotonic() - started:.0f} s)", style="bold"), _parts_table(healths)
    )


def summary(platform: Platform, healths: list[Health]) -> RenderableType:
    """The one screen."""
    settings = platform.layout.settings
    well = all(health.healthy for health in healths)
    facts = {
        "Address": settings.url,
        "Log in": _login(platform),
        "Data": str(platform.layout.data),
        "Logs": str(platform.layout.logs),
        "Stop": f"Ctrl-C in the window that started it, or: {platform.command('down')}",
    }
    title = f"{settings.title} is running" if well else f"{settings.title}: something is not well"
    # Lines, not a table: a table cuts a long path.
    return Group(
        Text(title, style="bold green" if well else "bold red"),
        *(Text.assemble((f"{name:<9}", "dim"), value) for name, value in facts.items()),
        Text(),
        _parts_table(healths),
    )


def _login(platform: Platform) -> str:
    settings = platform.layout.settings
    if settings.hub.authenticator != "nacelle":
        return f"as your authenticator says ({settings.hub.authenticator})"
    names = ", ".join(user.name for user in settings.users)
    return f"{names}; first passwords in {platform.layout.secrets / 'passwords.txt'}"


def _parts_table(healths: Iterable[Health]) -> Table:
    table = Table.grid(padding=(0, 2))
    for health in healths:
        word, style = _state(health)
        port = (health.part.health or "").removeprefix("http://").partition("/")[0]
        table.add_row(Text(f"  {word}", style=style), health.part.title, Text(port, style="dim"))
    return table


def _state(health: Health) -> tuple[str, str]:
    if health.healthy:
        return "ready", "green"
    return ("starting", "yellow") if health.running else ("down", "red")


def doctor(findings: Iterable[Finding]) -> RenderableType:
    """What was looked at, and for each problem what to do."""
    table = Table.grid(padding=(0, 2))
    for finding in findings:
        if finding.problem is None:
            table.add_row(Text("ok", style="green"), finding.subject, finding.detail)
        else:
            word = Text("note", style="yellow") if finding.optional else Text("mend", style="red")
            table.add_row(word, finding.subject, finding.problem)
    return table


def make_console() -> Console:
    """Plain lines where output is not a terminal."""
    return Console(highlight=False, soft_wrap=True)
