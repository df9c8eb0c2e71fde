"""A progress bar on the terminal's error stream, for work that turns out to take over a second."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from outreach.clock import monotonic

PATIENCE_SECONDS = 1.0

Watch = Callable[[int, int], None]
"""Takes how much is done, of how much."""


@contextmanager
def bar(what: str) -> Iterator[Watch]:
    """Nothing is shown within the first second, nor where nobody looks."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    progress = Progress(*columns, TimeRemainingColumn(), console=console, transient=True)
    task = progress.add_task(what, total=None)
    begun = monotonic()

    def watch(done: int, total: int) -> None:
        if console.is_terminal and not progress.live.is_started:
            if monotonic() - begun < PATIENCE_SECONDS:
                return
            progress.start()
        progress.update(task, completed=done, total=total)

    try:
        yield watch
    finally:
        if progress.live.is_started:
            progress.stop()
