"""Executors of the bench: functions run in the calling process, or in worker processes.

A worker is `python -m netchat.bench.engine.worker`, with pickles on its standard streams. It does not
import the calling program, which therefore needs no `if __name__ == "__main__"`. It ends when its
input ends, even if the calling program is killed.

The pool of `loky` 3.7 gave the same counts in about the same CPU time, but its workers survive a calling
program that is killed, and belong to the process group that Ctrl-C interrupts. Classes of a notebook only
need its pickler, `cloudpickle`; see `netchat.bench.engine.pickle_by_value`.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from netchat.errors import BenchError

__all__ = ["InProcess", "ProcessPool", "executor"]

#: Target duration of a call in seconds: long compared with the transfer of its results, short for Ctrl-C.
SECONDS = 0.05

_T = TypeVar("_T")


def executor(workers: int) -> InProcess | ProcessPool:
    """Create an executor; with one worker, the calling process does the work."""
    return InProcess() if workers == 1 else ProcessPool(workers)


class InProcess(concurrent.futures.Executor):
    """Executor that runs a function in the calling process when it is submitted."""

    workers = 1
    """Number of functions that run at a time."""
    seconds = SECONDS
    """Target duration of one call, in seconds."""

    def start(self, count: int) -> None:
        """Do nothing; see `ProcessPool.start`."""

    def submit(  # type: ignore[override] # no keyword arguments
        self, function: Callable[..., _T], /, *arguments: Any
    ) -> concurrent.futures.Future[_T]:
        """Run a function."""
        future: concurrent.futures.Future[_T] = concurrent.futures.Future()
        try:
            future.set_result(function(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future

    def map(self, function: Callable[..., _T], /, *arguments: Iterable[Any]) -> Iterator[_T]:  # type: ignore[override]
        """Run a function for each item, when its result is requested."""
        return map(function, *arguments)


class ProcessPool(concurrent.futures.ThreadPoolExecutor):
    """Executor whose threads each pass their functions to a worker process.

    Args:
        workers: Number of processes; they start when there is work for them.
    """

    workers: int
    """Number of functions that run at a time."""
    seconds = SECONDS
    """Target duration of one call, in seconds."""

    def __init__(self, workers: int) -> None:
        super().__init__(workers)
        self.workers = workers
        self._own = threading.local()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._spare: list[subprocess.Popen[bytes]] = []
        self._lock = threading.Lock()
        self._is_shut_down = False
        self._printed: set[str] = set()

    def start(self, count: int) -> None:
        """Start processes before there is work for them."""
        with self._lock:
            self._spare += [self._start_process() for _ in range(min(count, self.workers))]

    def submit(  # type: ignore[override] # no keyword arguments
        self, function: Callable[..., _T], /, *arguments: Any
    ) -> concurrent.futures.Future[_T]:
        """Submit a function that a worker can import, or a method of an object that it can load."""
        return super().submit(self._call, pickle.dumps((function, arguments)))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = True) -> None:
        """Kill the workers, even in the middle of a function."""
        with self._lock:
            self._is_shut_down = True
            for process in self._processes:
                process.kill()
        super().shutdown(wait, cancel_futures=cancel_futures)
        for process in self._processes:
            process.wait()
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdout.close()
            with contextlib.suppress(OSError):  # of what was still to be sent
                process.stdin.close()

    def _process(self) -> subprocess.Popen[bytes]:
        """Return the process of this thread."""
        if not hasattr(self._own, "process"):
            with self._lock:
                if self._is_shut_down:
                    raise BenchError("The bench has been shut down.")
                self._own.process = self._spare.pop() if self._spare else self._start_process()
        process: subprocess.Popen[bytes] = self._own.process
        return process

    def _start_process(self) -> subprocess.Popen[bytes]:
        # With -P, a file of the working directory cannot replace a module.
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "netchat.bench.engine.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            start_new_session=True,  # only the calling program handles Ctrl-C
        )
        self._processes.append(process)
        return process

    def _call(self, pickled: bytes) -> Any:
        """Run a function in the process of this thread."""
        process = self._process()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            pickle.dump(pickled, process.stdin)
            process.stdin.flush()
            kind, value = pickle.load(process.stdout)  # noqa: S301 - from our own worker
            while kind == "notice":
                self._print(value)
                kind, value = pickle.load(process.stdout)  # noqa: S301
        except (EOFError, OSError, ValueError, pickle.UnpicklingError):
            status = process.wait()
            raise BenchError(
                f"A worker process of the bench ended unexpectedly with status {status}."
            ) from None
        if kind == "error":
            raise _received_error(*value)
        return value

    def _print(self, notice: str) -> None:
        """Print a notice of the kernels once, not once per worker."""
        with self._lock:
            if notice not in self._printed:
                self._printed.add(notice)
                print(notice, file=sys.stderr, flush=True)  # noqa: T201 - silence looks like a hang


def _received_error(pickled: bytes, text: str, where: str) -> Exception:
    """Return the error of a worker, or a `BenchError` with its text if it cannot be unpickled."""
    with contextlib.suppress(Exception):  # its constructor may need other arguments, for example
        error = pickle.loads(pickled)  # noqa: S301 - from our own worker
        if isinstance(error, Exception):
            return error
    replacement = BenchError(text)
    replacement.add_note(where)
    return replacement
