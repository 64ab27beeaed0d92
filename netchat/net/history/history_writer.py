"""Writer thread that makes batches durable: group commit, one batch at a time."""

from __future__ import annotations

import asyncio
import concurrent.futures
import queue
import threading
from collections.abc import Callable
from functools import partial
from typing import Protocol

from netchat.chat.persistence import Batch
from netchat.errors import HistoryError
from netchat.net.history.purge import Purge

__all__ = ["HistoryWriter"]

#: Seconds between attempts to write to a full or failing disk.
RETRY_EVERY = 0.5


#: Seconds between checks that the history's files were not moved or replaced.
CHECK_EVERY = 0.5


#: Events to delete per step when a room is cleared: a few milliseconds of work.
CLEAR_STEP = 1000


class _History(Protocol):
    """Write interface of a history on disk."""

    def write(self, batches: list[Batch]) -> None:
        """Make batches durable, all or nothing."""

    def clear_room(self, room: int, floor: int, most: int) -> bool:
        """Delete up to `most` of a room's events before `floor`; return whether to call it again."""

    def in_place(self) -> bool:
        """Return whether the path still names the open file; fast."""

    def check(self) -> None:
        """Check that committed data is in the file that the next start will open."""

    def rescue(self) -> None:
        """Move committed data from the log into the file, wherever that file is now."""


class HistoryWriter:
    """Writes batches in a thread, and confirms each on the event loop once it is durable.

    A full or failing disk loses no data: the writer retries a batch until it is written, and nothing
    in it is acknowledged meanwhile. The same holds for a file that was deleted, renamed or replaced.

    Args:
        history: History to write to.
        loop: Event loop for the callbacks.
        on_durable: Called with each batch that is on disk.
        on_trouble: Called with an error, and with None when writing works again.
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
        """Queue a batch for writing."""
        self._queue.put(partial(self._write, batch))

    def purge(self, purge: Purge, then: Callable[[Purge], None]) -> None:
        """Run a purge between batches; then call `then` on the event loop."""
        self._queue.put(partial(self._purge, purge, then))

    def clear(self, room: int, floor: int) -> None:
        """Delete a room's events before `floor`, in short steps between batches."""
        self._queue.put(partial(self._clear, room, floor))

    async def run(self, work: Callable[[], None]) -> None:
        """Run work on the history after the batches that are queued, and wait for it."""
        future: concurrent.futures.Future[None] = concurrent.futures.Future()

        def execute() -> None:
            try:
                work()
            except Exception as error:
                future.set_exception(error)
            else:
                future.set_result(None)

        self._queue.put(execute)
        await asyncio.wrap_future(future)

    def close(self) -> None:
        """Write all queued batches and stop; do not wait for a failing disk."""
        self._stop.set()
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (work := self._queue.get()) is not None:
            work()

    def _check_soon(self) -> None:
        """Queue a check from time to time, one at a time because the thread may be busy."""
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
        """Report a batch as durable, if the file was not moved; runs on the event loop.

        In the thread, each system call would have to wait for a busy event loop's GIL.
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
        """Run one step, and queue the next one after the batches that arrived meanwhile."""
        if purge.step():
            self._queue.put(partial(self._purge, purge, then))
        else:
            self._loop.call_soon_threadsafe(then, purge)

    def _clear(self, room: int, floor: int) -> None:
        """Run one step, and queue the next one; a failing disk delays it."""
        more = False

        def step() -> None:
            nonlocal more
            more = self._history.clear_room(room, floor, CLEAR_STEP)

        if self._try(step) and more:
            self._queue.put(partial(self._clear, room, floor))

    def _try(self, work: Callable[[], object]) -> bool:
        """Retry until the work succeeds; return False if the server stops first."""
        troubled = False
        while True:
            try:
                work()
            except Exception as error:  # this thread must continue after any error
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
