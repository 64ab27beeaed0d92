"""Threads that carry out the jobs of a server's files: the event loop never waits for the disk."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections import deque
from collections.abc import Callable

from netchat.chat.file_jobs import FileJob, FileJobResult, ReadStored
from netchat.net.files.file_store import FileStore

__all__ = ["FileWorker"]


class FileWorker:
    """Runs jobs in two threads, one for reading and one for everything else, each in order.

    Args:
        store: The files.
        loop: Event loop that gets the results.
        done: Called in it with each job and its result.
    """

    def __init__(
        self,
        store: FileStore,
        loop: asyncio.AbstractEventLoop,
        done: Callable[[FileJob, FileJobResult], None],
    ) -> None:
        self._store = store
        self._loop = loop
        self._done = done
        self._results: deque[tuple[FileJob, FileJobResult]] = deque()
        self._is_due = False  # whether the loop will take the results
        self._lock = threading.Lock()
        self._queues: dict[bool, queue.SimpleQueue[FileJob | None]] = {}
        self._threads: list[threading.Thread] = []

    def put(self, job: FileJob) -> None:
        """Queue a job."""
        reads = type(job) is ReadStored
        if reads not in self._queues:
            jobs = self._queues[reads] = queue.SimpleQueue()
            name = "files-read" if reads else "files-write"
            thread = threading.Thread(target=self._run, args=(jobs,), name=name, daemon=True)
            self._threads.append(thread)
            thread.start()
        self._queues[reads].put(job)

    def _run(self, jobs: queue.SimpleQueue[FileJob | None]) -> None:
        while (job := jobs.get()) is not None:
            try:
                result = self._store.run(job)
            except Exception as error:  # this thread must continue after any error
                result = OSError(0, repr(error))
            with self._lock:
                self._results.append((job, result))
                is_first, self._is_due = not self._is_due, True
            if is_first:
                with contextlib.suppress(RuntimeError):  # the loop has been closed
                    self._loop.call_soon_threadsafe(self._take)

    def _take(self) -> None:
        with self._lock:
            results = list(self._results)
            self._results.clear()
            self._is_due = False
        for job, result in results:
            self._done(job, result)

    def close(self) -> None:
        """Carry out the queued jobs, and close the files."""
        for jobs in self._queues.values():
            jobs.put(None)
        for thread in self._threads:
            thread.join()
        self._store.close()
