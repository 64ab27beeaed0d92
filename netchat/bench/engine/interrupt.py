"""Interrupts (Ctrl-C) of a run, which must not leave half-counted batches or a half-written file."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

__all__ = ["Interrupt"]


class Interrupt:
    """Context manager that raises KeyboardInterrupt only inside the blocks that allow it.

    An interrupt at any other time is raised by the next of these blocks. That also holds if Python
    discards the exception, as it does in a destructor. After the first interrupt, the previous handler
    is in place again.

    In a thread other than the main one, and if the program ignores SIGINT, it does nothing.
    """

    def __init__(self) -> None:
        self._is_requested = False
        self._is_allowed = False
        self._before: Any = None

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            before = signal.getsignal(signal.SIGINT)
            if callable(before):  # it is not ignored
                self._before = before
                signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()

    @contextlib.contextmanager
    def allowed(self) -> Iterator[None]:
        """Allow an interrupt inside this block.

        Raises:
            KeyboardInterrupt: There is or was an interrupt.
        """
        self._is_allowed = True
        try:
            if self._is_requested:
                raise KeyboardInterrupt
            yield
        finally:
            self._is_allowed = False

    def _handle(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - as signals call it
        self._is_requested = True
        self._restore()
        if self._is_allowed:
            raise KeyboardInterrupt

    def _restore(self) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None
