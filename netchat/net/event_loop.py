"""Event loop selection: uvloop where it is installed, otherwise asyncio's own."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

__all__ = ["run"]

_T = TypeVar("_T")

#: Interpreter switch interval in seconds. A commit acquires the GIL several times; with the default
#: of 5 ms, a busy event loop would delay each commit by tens of milliseconds, and with 0.5 ms by up to
#: 30: the writer's thread acquires the GIL about ten times.
SWITCH_SECONDS = 0.00005


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine to completion on the fastest installed event loop."""
    sys.setswitchinterval(SWITCH_SECONDS)
    with asyncio.Runner(loop_factory=_new_loop) as runner:
        return runner.run(main)


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        loop = asyncio.new_event_loop()
    else:
        loop = uvloop.new_event_loop()
    loop.set_exception_handler(_report)
    return loop


def _report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    # SystemExit in a task ends the program; it is not an unhandled error.
    if not isinstance(context.get("exception"), SystemExit):
        loop.default_exception_handler(context)
