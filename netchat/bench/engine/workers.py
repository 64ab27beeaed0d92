"""Who runs the batches: this process, or some of its own that it starts.

A worker is `python -m netchat.bench.engine.worker`, spoken to by pickles over its standard streams. It
imports nothing of the program that called the bench, which therefore needs no `if __name__ ==
"__main__"`, and it ends when its input ends, whatever becomes of that program.
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

__all__ = ["InProcess", "ProcessPool", "Runner", "Task", "TaskRunner"]

#: Seconds for which the first batch of a point is run again: once tells little about its speed.
_TIMING = 0.02


@dataclass(frozen=True, slots=True)
class Task:
    """Some batches of one trial, to be run one after the other."""

    code: str
    channel: str
    seed: int
    first: int
    """Number of the first batch."""
    count: int
    """How many batches."""
    limit: int | None
    """Frames of the whole trial."""


class TaskRunner:
    """Runs tasks, and keeps the codes that it has made.

    Args:
        codes: codes that are there already, by spec; others are made.
        channels: the same for channels.
    """

    def __init__(self, codes: dict[str, Code], channels: dict[str, Channel]) -> None:
        self._codes, self._channels = codes, channels
        self._warm: set[tuple[str, type]] = set()

    def run(self, task: Task) -> list[Batch]:
        """Run a task.

        Raises:
            BenchError: if the code raises an error; the message names it.
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
                trial.run(0, task.limit)  # kernels are loaded or compiled, outside the timing
            last = task.first + task.count
            batches = [trial.run(index, task.limit) for index in range(task.first, last)]
            if task.first == 0:
                batches[0] = self._timed(trial, task, batches[0])
            return batches
        except Exception as error:
            raise BenchError(
                f"{task.code} over {task.channel} raised {type(error).__name__}: {error}\n"
                f"netchat codes check {task.code}  shows which law of codes it breaks, if any."
            ) from error

    def _timed(self, trial: Trial, task: Task, batch: Batch) -> Batch:
        """The first batch with a speed that is worth something, also where it is the only one."""
        speed, spent = batch.speed, batch.seconds
        while spent < _TIMING:
            again = trial.run(0, task.limit)
            speed, spent = speed | again.speed, spent + again.seconds
        return replace(batch, speed=speed)


class Runner(Protocol):
    """Where tasks are handed in, and come out done."""

    places: int
    """How many tasks it works on at a time."""

    def submit(self, number: int, task: Task) -> None:
        """Hand a task in, under a number."""

    def next(self) -> tuple[int, list[Batch]]:
        """Wait for a task that is done."""

    def close(self) -> None:
        """Drop what is not done, and end."""


class InProcess:
    """This process does the work, when it waits for it.

    Args:
        codes: the codes, by spec.
        channels: the channels, by spec.
    """

    places = 1

    def __init__(self, codes: dict[str, Code], channels: dict[str, Channel]) -> None:
        self._runner = TaskRunner(codes, channels)
        self._waiting: deque[tuple[int, Task]] = deque()

    def submit(self, number: int, task: Task) -> None:
        """Hand a task in, under a number."""
        self._waiting.append((number, task))

    def next(self) -> tuple[int, list[Batch]]:
        """Do the next task."""
        number, task = self._waiting.popleft()
        return number, self._runner.run(task)

    def close(self) -> None:
        """Drop what is not done."""
        self._waiting.clear()


class ProcessPool:
    """Worker processes.

    Args:
        count: how many.
        at_once: how many of them start now; the others once there is work for them.
    """

    def __init__(self, count: int, at_once: int) -> None:
        self.places = count
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
            ],  # -P: not what lies about here
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            start_new_session=True,  # Ctrl-C is for the program that the user sees
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
        """Hand a task in, to a worker that is free, if possible one that had this code before."""
        if not self._free:
            self._start()
        known = [worker for worker in self._free if self._specs[worker] == task.code]
        worker = (known or self._free)[0]
        self._free.remove(worker)
        self._specs[worker] = task.code
        stream = self._workers[worker].stdin
        assert stream is not None
        with contextlib.suppress(OSError):  # it has ended; who listens to it says so
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
            except queue.Empty:  # a moment to notice Ctrl-C on every system
                continue
            if number < 0:
                if result is None:
                    status = self._workers[worker].wait()
                    raise BenchError(
                        f"A worker of the bench ended by itself, with status {status}."
                    )
                if not self._said:
                    self._said = True
                    print(result, file=sys.stderr, flush=True)  # noqa: T201 - as the kernels do
                continue
            self._free.append(worker)
            if isinstance(result, BenchError):
                raise result
            return number, result

    def close(self) -> None:
        """End the workers, in the middle of a task if need be."""
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
