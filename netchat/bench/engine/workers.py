"""Executors that run the tasks of the bench, in this process or in worker processes.

A worker is `python -m netchat.bench.engine.worker`, with pickles on its standard streams. It does not
import the calling program, which therefore needs no `if __name__ == "__main__"`. It ends when its
input ends, even if the calling program is killed.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import subprocess
import sys
import threading
from collections import deque
from dataclasses import dataclass, replace
from typing import Any, Protocol

from netchat.bench.engine.trial import Batch, Trial
from netchat.channels import Channel
from netchat.channels import get as get_channel
from netchat.coding import Code
from netchat.coding import get as get_code
from netchat.errors import BenchError

__all__ = ["Executor", "InProcess", "ProcessPool", "Task", "TaskRunner"]

#: Seconds for which the first batch of a point is repeated, to measure its speed.
_TIMING = 0.02


@dataclass(frozen=True, slots=True)
class Task:
    """Consecutive batches of one trial."""

    code: str
    """Specification of the code."""
    channel: str
    """Specification of the channel."""
    seed: int
    """Random seed of the run."""
    first: int
    """Index of the first batch."""
    count: int
    """Number of batches."""
    limit: int | None
    """Largest number of frames of the trial."""


class TaskRunner:
    """Runs tasks and caches their codes and channels.

    Args:
        codes: Existing codes by specification; others are created.
        channels: Existing channels by specification.
    """

    def __init__(self, codes: dict[str, Code], channels: dict[str, Channel]) -> None:
        self._codes, self._channels = codes, channels
        self._warm: set[tuple[str, type]] = set()

    def run(self, task: Task) -> list[Batch]:
        """Run a task.

        Raises:
            BenchError: The code or the channel raised an error.
        """
        try:
            if task.code not in self._codes:
                self._codes[task.code] = get_code(task.code)
            if task.channel not in self._channels:
                self._channels[task.channel] = get_channel(task.channel)
            code, channel = self._codes[task.code], self._channels[task.channel]
            trial = Trial(code, channel, task.seed)
            if (task.code, type(channel)) not in self._warm:
                self._warm.add((task.code, type(channel)))
                trial.run(0, task.limit)  # load or compile the kernels before measuring time
            last = task.first + task.count
            batches = [trial.run(index, task.limit) for index in range(task.first, last)]
            if task.first == 0:
                batches[0] = self._timed(trial, task, batches[0])
            return batches
        except Exception as error:
            raise BenchError(
                f"{task.code} over {task.channel} raised {type(error).__name__}: {error}\n"
                f"Run `netchat codes check {task.code}` to see whether the code breaks a law."
            ) from error

    def _timed(self, trial: Trial, task: Task, batch: Batch) -> Batch:
        """Repeat the first batch until its speed is known, and return it with that speed."""
        speed, spent = batch.speed, batch.seconds
        while spent < _TIMING:
            again = trial.run(0, task.limit)
            speed, spent = speed | again.speed, spent + again.seconds
        return replace(batch, speed=speed)


class Executor(Protocol):
    """Runs tasks, several at a time."""

    slots: int
    """Number of tasks that run at a time."""

    def submit(self, number: int, task: Task) -> None:
        """Submit a task under a number."""

    def next(self) -> tuple[int, list[Batch]]:
        """Wait for a finished task, and return its number and results."""

    def close(self) -> None:
        """Discard unfinished tasks, and stop."""


class InProcess:
    """Executor that runs a task in the calling process, in `next`.

    Args:
        codes: Codes by specification.
        channels: Channels by specification.
    """

    slots = 1

    def __init__(self, codes: dict[str, Code], channels: dict[str, Channel]) -> None:
        self._runner = TaskRunner(codes, channels)
        self._waiting: deque[tuple[int, Task]] = deque()

    def submit(self, number: int, task: Task) -> None:
        """Submit a task under a number."""
        self._waiting.append((number, task))

    def next(self) -> tuple[int, list[Batch]]:
        """Run the next task."""
        number, task = self._waiting.popleft()
        return number, self._runner.run(task)

    def close(self) -> None:
        """Discard unfinished tasks."""
        self._waiting.clear()


class ProcessPool:
    """Executor that runs tasks in worker processes.

    Args:
        count: Number of processes.
        at_once: Number of processes to start now; the others start when there is work for them.
    """

    def __init__(self, count: int, at_once: int) -> None:
        self.slots = count
        self._done: queue.SimpleQueue[tuple[int, int, Any]] = queue.SimpleQueue()
        self._said = False
        self._listeners: list[threading.Thread] = []
        self._workers: list[subprocess.Popen[bytes]] = []
        self._free: list[int] = []
        self._specs: list[str] = [""] * count
        for _ in range(min(count, at_once)):
            self._start()

    def _start(self) -> None:
        number = len(self._workers)
        process = subprocess.Popen(
            [
                sys.executable,
                "-P",
                "-m",
                "netchat.bench.engine.worker",
            ],  # -P: do not import from the working directory
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            start_new_session=True,  # only the calling program handles Ctrl-C
        )
        listener = threading.Thread(target=self._listen, args=(number, process), daemon=True)
        listener.start()
        self._listeners.append(listener)
        self._workers.append(process)
        self._free.append(number)

    def _listen(self, number: int, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        try:
            while True:
                self._done.put((number, *pickle.load(process.stdout)))  # noqa: S301 - our own worker
        except (EOFError, OSError, ValueError, pickle.UnpicklingError):
            self._done.put((number, -1, None))

    def submit(self, number: int, task: Task) -> None:
        """Submit a task to a free worker, preferably one that has run this code before."""
        if not self._free:
            self._start()
        known = [worker for worker in self._free if self._specs[worker] == task.code]
        worker = (known or self._free)[0]
        self._free.remove(worker)
        self._specs[worker] = task.code
        stream = self._workers[worker].stdin
        assert stream is not None
        with contextlib.suppress(OSError):  # the worker has ended, which its listener reports
            pickle.dump((number, task), stream)
            stream.flush()

    def next(self) -> tuple[int, list[Batch]]:
        """Wait for a task that is done.

        Raises:
            BenchError: if the code raised an error, or a worker ended.
        """
        while True:
            try:
                worker, number, result = self._done.get(timeout=1)
            except queue.Empty:  # wake up so that Ctrl-C is handled on every system
                continue
            if number < 0:
                if result is None:
                    status = self._workers[worker].wait()
                    raise BenchError(
                        f"A worker process of the bench ended unexpectedly with status {status}."
                    )
                if not self._said:
                    self._said = True
                    print(result, file=sys.stderr, flush=True)  # noqa: T201 - a notice of the kernels
                continue
            self._free.append(worker)
            if isinstance(result, BenchError):
                raise result
            return number, result

    def close(self) -> None:
        """Kill the workers, even in the middle of a task."""
        for process in self._workers:
            process.kill()
        for process, listener in zip(self._workers, self._listeners, strict=True):
            process.wait()
            listener.join()
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdout.close()
            with contextlib.suppress(OSError):
                process.stdin.close()
