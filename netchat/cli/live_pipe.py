"""Standard input as a live capture: `ssh host tcpdump -U -w - | netchat inspect -`."""

from __future__ import annotations

import os
import select
import signal
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["LivePipe", "is_pipe", "is_redirected"]

#: Seconds of silence after which timeouts are handled.
_IDLE = 0.2

#: Seconds that the sender of the pipe has to send its last packets after Ctrl-C, which it gets too.
_GRACE = 0.5


def is_pipe() -> bool:
    """Return whether standard input is a pipe or a socket, which may stay silent."""
    if os.name != "posix":
        return False
    try:
        mode = os.fstat(0).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def is_redirected() -> bool:
    """Return whether standard input is a pipe or a file."""
    try:
        return is_pipe() or stat.S_ISREG(os.fstat(0).st_mode)
    except OSError:
        return False


class LivePipe:
    """Standard input, read as data arrives, until Ctrl-C.

    Attributes:
        name: Name in error messages.
        on_idle: Called with the silence so far in ns, several times a second while nothing arrives.
        was_interrupted: Whether Ctrl-C has ended it.
    """

    def __init__(self) -> None:
        self.name = "standard input"
        self.was_interrupted = False
        self.on_idle: Callable[[int], object] | None = None
        self._until = float("inf")

    def read(self, size: int, /) -> bytes:
        """Read up to `size` bytes; empty at the end."""
        began = time.monotonic()
        while time.monotonic() < self._until:
            if select.select([0], [], [], min(_IDLE, max(0.0, self._until - time.monotonic())))[0]:
                return os.read(0, size)
            if self.on_idle is not None:
                self.on_idle(int((time.monotonic() - began) * 1e9))
        return b""

    @contextmanager
    def ended_by_interrupt(self) -> Iterator[None]:
        """End the input at Ctrl-C, instead of the program; a second one ends the program."""

        def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - as signals call it
            self.was_interrupted = True
            self._until = time.monotonic() + _GRACE
            signal.signal(signal.SIGINT, before)

        before = signal.signal(signal.SIGINT, stop)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)
