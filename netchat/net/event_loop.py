"""Which event loop: uvloop where it is to be had, asyncio's own elsewhere."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

__all__ = ["run"]

_T = TypeVar("_T")

#: Seconds for which one thread may keep the interpreter from another one. A commit needs it several
#: times; with the default of 5 ms, a busy event loop would hold up each commit by tens of them.
SWITCH_SECONDS = 0.0005


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine to its end on the fastest event loop that is installed."""
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
    # A task that ends the program has not failed, though nobody fetches its exception.
    if not isinstance(context.get("exception"), SystemExit):
        loop.default_exception_handler(context)
