"""Progress bar on standard error, if that is a terminal."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

__all__ = ["progress_bar"]

#: Seconds between two updates of the terminal.
_INTERVAL = 0.1


@contextlib.contextmanager
def progress_bar() -> Iterator[Callable[[float, str], None]]:
    """Show a bar until the block ends, and yield a function that updates it.

    The function takes the fraction that is done, and a text. It draws in the calling thread: a thread
    of its own would disturb measurements, and could not end the command if the terminal is gone.
    """
    if not sys.stderr.isatty():
        yield lambda _done, _text: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    with Progress(
        BarColumn(24),
        TaskProgressColumn(),
        TextColumn("{task.description}", markup=False),
        console=Console(stderr=True, force_jupyter=False),
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
    ) as progress:
        task = progress.add_task("", total=1)
        shown = 0.0

        def show(done: float, text: str) -> None:
            nonlocal shown
            if time.monotonic() - shown >= _INTERVAL:
                shown = time.monotonic()
                progress.update(task, completed=done, description=text, refresh=True)

        yield show
