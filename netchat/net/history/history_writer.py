"""The thread that makes batches durable: group commit, one batch under way at a time."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from functools import partial
from typing import Protocol

from netchat.chat.persistence import Batch
from netchat.errors import HistoryError
from netchat.net.history.purge import Purge

__all__ = ["HistoryWriter"]

#: Seconds between two tries to write to a disk that is full or failing.
RETRY_EVERY = 0.5


#: Seconds between two checks that all of the history's files are still in their places.
CHECK_EVERY = 0.5


class _History(Protocol):
    """The part of a history on disk that is written."""

    def write(self, batches: list[Batch]) -> None:
        """Make batches durable, all or nothing."""

    def in_place(self) -> bool:
        """Return whether its name still leads to the file that is open; fast."""

    def check(self) -> None:
        """Check that what was committed is in the file that the next start will find."""

    def rescue(self) -> None:
        """Bring what was committed into one file, wherever that file is now."""


class HistoryWriter:
    """Writes batches in a thread, and says on the event loop when each one is durable.

    A disk that is full or failing loses nothing: the batch is tried again until it is written.
    Meanwhile nothing in it is acknowledged. Nor is a batch that was written to a file which has
    been deleted, renamed or replaced.

    Args:
        history: where to.
        loop: the event loop that `on_durable` and `on_trouble` are called on.
        on_durable: called with a batch that is on disk.
        on_trouble: called with what is wrong, and with None when it is over.
    """

    def __init__(
        self,
        history: _History,
        loop: asyncio.AbstractEventLoop,
        on_durable: Callable[[Batch], None],
        on_trouble: Callable[[HistoryError | None], None],
    ) -> None:
        self._history = history
        self._loop = loop
        self._on_durable = on_durable
        self._on_trouble = on_trouble
        self._queue: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="history", daemon=True)
        self._check_is_due = False
        self._thread.start()
        self._loop.call_later(CHECK_EVERY, self._check_soon)

    def put(self, batch: Batch) -> None:
        """Write a batch next."""
        self._queue.put(partial(self._write, batch))

    def purge(self, purge: Purge, then: Callable[[Purge], None]) -> None:
        """Do a purge when there is nothing to write; then call `then` on the event loop."""
        self._queue.put(partial(self._purge, purge, then))

    def close(self) -> None:
        """End behind what was put; waits for it, but not for a failing disk."""
        self._stop.set()
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (work := self._queue.get()) is not None:
            work()

    def _check_soon(self) -> None:
        """Check from time to time, one check at a time: the thread may be busy with a failing disk."""
        if self._stop.is_set():
            return
        if not self._check_is_due:
            self._check_is_due = True
            self._queue.put(self._check_now)
        self._loop.call_later(CHECK_EVERY, self._check_soon)

    def _check_now(self) -> None:
        self._check_is_due = False
        self._check()

    def _write(self, batch: Batch) -> None:
        if self._try(partial(self._history.write, [batch])):
            self._loop.call_soon_threadsafe(self._confirm, batch)

    def _confirm(self, batch: Batch) -> None:
        """Say on the event loop that a batch is durable, if its file is still in its place.

        Not in the thread: after each system call it would wait for a busy event loop's GIL.
        """
        if self._history.in_place():
            self._on_durable(batch)
        else:
            self._queue.put(partial(self._check, batch))

    def _check(self, batch: Batch | None = None) -> None:
        if self._try(self._check_or_rescue) and batch is not None:
            self._loop.call_soon_threadsafe(self._confirm, batch)

    def _check_or_rescue(self) -> None:
        try:
            self._history.check()
        except HistoryError:
            self._history.rescue()
            raise

    def _purge(self, purge: Purge, then: Callable[[Purge], None]) -> None:
        """Do one step, and the next one after what has come to be written meanwhile."""
        if purge.step():
            self._queue.put(partial(self._purge, purge, then))
        else:
            self._loop.call_soon_threadsafe(then, purge)

    def _try(self, work: Callable[[], object]) -> bool:
        """Do it until it succeeds; False if the server stops before that."""
        troubled = False
        while True:
            try:
                work()
            except Exception as error:  # whatever it is, this thread must go on
                if not troubled:
                    troubled = True
                    known = error if isinstance(error, HistoryError) else HistoryError(repr(error))
                    self._loop.call_soon_threadsafe(self._on_trouble, known)
                if self._stop.wait(RETRY_EVERY):
                    return False
            else:
                if troubled:
                    self._loop.call_soon_threadsafe(self._on_trouble, None)
                return True
