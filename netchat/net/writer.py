"""The thread that makes batches durable: group commit, one batch under way at a time."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import NamedTuple

from netchat.chat.journal import Batch
from netchat.errors import HistoryError
from netchat.net.history import SqliteHistory

__all__ = ["Writer"]

#: Seconds between two tries to write to a disk that is full or failing.
RETRY_EVERY = 0.5


class _Purge(NamedTuple):
    before: int
    then: Callable[[], None]


class Writer:
    """Writes batches in a thread, and says on the event loop when each one is durable.

    A disk that is full or failing loses nothing: the batch is tried again until it is written.
    Meanwhile nothing in it is acknowledged.

    Args:
        history: where to.
        loop: the event loop that `on_durable` and `on_trouble` are called on.
        on_durable: called with a batch that is on disk.
        on_trouble: called with what is wrong, and with None when it is over.
    """

    def __init__(
        self,
        history: SqliteHistory,
        loop: asyncio.AbstractEventLoop,
        on_durable: Callable[[Batch], None],
        on_trouble: Callable[[HistoryError | None], None],
    ) -> None:
        self._history = history
        self._loop = loop
        self._on_durable = on_durable
        self._on_trouble = on_trouble
        self._queue: queue.SimpleQueue[Batch | _Purge | None] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="history", daemon=True)
        self._thread.start()

    def put(self, batch: Batch) -> None:
        """Write a batch next."""
        self._queue.put(batch)

    def purge(self, before: int, then: Callable[[], None]) -> None:
        """Delete what is older than a time, in microseconds since 1970; then call `then`."""
        self._queue.put(_Purge(before, then))

    def close(self) -> None:
        """End behind what was put; waits for it, but not for a failing disk."""
        self._stop.set()
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            if isinstance(item, _Purge):
                if self._try(lambda before=item.before: self._history.purge(before)):  # type: ignore[misc]
                    self._loop.call_soon_threadsafe(item.then)
            elif self._try(lambda batch=item: self._history.write([batch])):  # type: ignore[misc]
                self._loop.call_soon_threadsafe(self._on_durable, item)

    def _try(self, work: Callable[[], object]) -> bool:
        """Do it until it succeeds; False if the server stops before that."""
        troubled = False
        while True:
            try:
                work()
            except HistoryError as error:
                if not troubled:
                    troubled = True
                    self._loop.call_soon_threadsafe(self._on_trouble, error)
                if self._stop.wait(RETRY_EVERY):
                    return False
            else:
                if troubled:
                    self._loop.call_soon_threadsafe(self._on_trouble, None)
                return True
