"""A progress bar on a terminal, and silence elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[float, str], None]


@contextmanager
def bar(title: str) -> Iterator[Progress]:
    """What takes the share done (0 to 1) and what is going on; drawn on the error stream."""
    # Late: what only predicts draws nothing.
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Drawn
    from rich.table import Column

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.fields[title]}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        # Cut where the line ends: the bar keeps its width.
        TextColumn(
            "{task.description}",
            markup=False,
            table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1),
        ),
    )
    quiet = not console.is_terminal
    with Drawn(*columns, console=console, disable=quiet, expand=True) as drawn:
        task = drawn.add_task("", total=1.0, title=title)

        def tell(share: float, what: str) -> None:
            drawn.update(task, completed=share, description=what)

        yield tell
