"""Worker processes of the lab, and who is served next.

One process answers for the line and its explanations, and never measures; another one measures, a slice of
each visitor's measurement at a time. They start with the first visitor, and end some time after the last one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import psutil

from netchat.channel_lab.fair_queue import FairQueue
from netchat.channel_lab.limits import MAX_JOBS, MAX_RUN_SECONDS, MAX_RUNS
from netchat.channel_lab.state import StateError

__all__ = ["LabPool", "LabVisitor"]

#: Seconds for an answer, and while a process starts or kernels are compiled. A process that takes longer is
#: killed. On a busy machine it may wait long for a core: the limit of its computing time is in `worker.py`.
TIMEOUT, COMPILING = 300.0, 900.0

#: Seconds after which a process that ended is assumed to have used up its computing time.
LONG = 5.0

#: Seconds of a slice of a measurement. Other measurements wait for it.
SLICE = 0.05

#: Seconds without visitors after which the processes end.
IDLE = 60.0

#: Bytes of answers that are kept: a class that opens one link asks for the same line.
_CACHED = 8 << 20

#: Niceness of the process for the line, and of that for measurements: the chat goes first.
_NICE, _VERY_NICE = 2, 10

_GONE = b'{"error":"the computation took too long, and was stopped","field":null}'
_DIED = b'{"error":"the worker process of the lab ended unexpectedly; try again","field":null}'

#: Receives the text of a JSON object.
Receiver = Callable[[bytes], None]


class WorkerDied(Exception):
    """The worker process ended, or was killed because it took too long."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.content = content


class LabWorker:
    """One worker process, which answers one request at a time.

    Args:
        plugins: Codes of the server's owner, by the name that visitors see.
        niceness: Niceness of the process.
    """

    def __init__(self, plugins: Mapping[str, str], niceness: int) -> None:
        self._arguments = json.dumps(dict(plugins)), str(niceness)
        self._process: asyncio.subprocess.Process | None = None
        self._killed: list[asyncio.subprocess.Process] = []

    @property
    def is_running(self) -> bool:
        """Whether there is a process."""
        return self._process is not None

    @property
    def cpu_seconds(self) -> float:
        """CPU time of the process so far, in seconds; 0 without one."""
        if self._process is None:
            return 0.0
        try:
            times = psutil.Process(self._process.pid).cpu_times()
        except psutil.Error:  # it has just died
            return 0.0
        return float(times.user + times.system)

    async def call(self, request: dict[str, Any], notice: Receiver) -> tuple[str, bytes]:
        """Run a request.

        Args:
            request: The request.
            notice: Receives notices of work that takes long.

        Returns:
            The kind of the answer, and its JSON text.

        Raises:
            WorkerDied: There is no answer.
        """
        began = asyncio.get_running_loop().time()
        try:
            return await self._call(request, notice)
        except TimeoutError:
            self.kill()
            raise WorkerDied(_GONE) from None
        except (OSError, ValueError, asyncio.IncompleteReadError):
            self.kill()
            took_long = asyncio.get_running_loop().time() - began > LONG
            raise WorkerDied(_GONE if took_long else _DIED) from None
        except asyncio.CancelledError:
            self.kill()  # its answer would be taken for that of the next request
            raise

    async def _call(self, request: dict[str, Any], notice: Receiver) -> tuple[str, bytes]:
        is_new = self._process is None
        if is_new:
            await self.stop()  # waits for processes that were killed before
        process = self._process = self._process or await self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(request).encode() + b"\n")
        seconds = COMPILING if is_new else TIMEOUT
        while True:
            async with asyncio.timeout(seconds):
                head = await process.stdout.readline()
                kind, size = head.split()
                content = await process.stdout.readexactly(int(size))
            if kind != b"notice":
                return kind.decode(), content
            notice(content)
            seconds = COMPILING

    async def _start(self) -> asyncio.subprocess.Process:
        # With -P, a file of the working directory cannot replace a module.
        return await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "netchat.channel_lab.worker", *self._arguments,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                 "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            start_new_session=True,  # only the server handles Ctrl-C
        )  # fmt: skip

    def kill(self) -> None:
        """Kill the process; the next request starts a new one."""
        process, self._process = self._process, None
        if process is not None:
            self._killed.append(process)
            with contextlib.suppress(ProcessLookupError):
                process.kill()

    async def stop(self) -> None:
        """Kill the process, and wait until it has ended."""
        self.kill()
        while self._killed:
            process = self._killed.pop()
            await process.wait()
            if process.stdin is not None:
                process.stdin.close()
                with contextlib.suppress(OSError):  # of what was still to be sent
                    await process.stdin.wait_closed()


@dataclass(eq=False, slots=True)
class LabVisitor:
    """Visitor of the lab: the identity for which jobs are queued."""

    address: str
    """Group of addresses that it belongs to."""


@dataclass(slots=True)
class _Job:
    """A request for the line, an explanation or the list of codes."""

    request: dict[str, Any]
    key: str
    """Text of the request; equal requests have equal answers."""
    receive: Receiver


@dataclass(slots=True)
class _Run:
    """A measurement."""

    number: int
    visitor: LabVisitor
    request: dict[str, Any]
    receive: Receiver
    started: bool = False
    seconds: float = 0.0
    is_stopped: bool = False


@dataclass
class LabPool:
    """Worker processes, and the queues of their jobs.

    Args:
        plugins: Codes of the server's owner, by the name that visitors see.
    """

    plugins: Mapping[str, str] = field(default_factory=dict)
    """Codes of the server's owner, by the name that visitors see."""

    def __post_init__(self) -> None:
        self._jobs: FairQueue[_Job] = FairQueue()
        self._turns: FairQueue[_Run] = FairQueue()
        self._runs: dict[int, _Run] = {}
        self._numbers = 0
        self._interactive = LabWorker(self.plugins, _NICE)
        self._measuring = LabWorker(self.plugins, _VERY_NICE)
        self._answers: OrderedDict[str, bytes] = OrderedDict()
        self._cached_bytes = 0
        self._visitors: set[LabVisitor] = set()
        self._has_job, self._has_turn = asyncio.Event(), asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._idle: asyncio.TimerHandle | None = None

    @property
    def is_running(self) -> bool:
        """Whether there are worker processes."""
        return self._interactive.is_running or self._measuring.is_running

    def enter(self, address: str) -> LabVisitor:
        """Add a visitor."""
        visitor = LabVisitor(address)
        self._visitors.add(visitor)
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(self._answer_jobs()), asyncio.create_task(self._take_turns())
            ]  # fmt: skip
        return visitor

    def leave(self, visitor: LabVisitor) -> None:
        """Remove a visitor, with all of its jobs."""
        self._visitors.discard(visitor)
        self._jobs.remove(visitor.address, visitor, lambda _: True)
        for run in [run for run in self._runs.values() if run.visitor is visitor]:
            self._end(run)
        if not self._visitors and self._idle is None:
            self._idle = asyncio.get_running_loop().call_later(IDLE, self._rest)

    def _rest(self) -> None:
        """End the processes until the next visitor."""
        self._idle = None
        for worker in (self._interactive, self._measuring):
            worker.kill()

    async def stop(self) -> None:
        """End all processes for good."""
        if self._idle is not None:
            self._idle.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        self._idle = None
        for worker in (self._interactive, self._measuring):
            await worker.stop()

    # -- line and explanations ------------------------------------------------------------------

    def ask(self, visitor: LabVisitor, request: dict[str, Any], receive: Receiver) -> None:
        """Queue a request for the line, an explanation or the list of codes.

        A newer request for the line replaces one that still waits: the visitor has moved on.

        Args:
            visitor: The visitor.
            request: The request, without its id.
            receive: Receives the JSON text of the answer.

        Raises:
            StateError: Too many requests of the visitor are waiting.
        """
        key = json.dumps(request, sort_keys=True)
        known = self._answers.get(key)
        if known is not None:
            self._answers.move_to_end(key)
            receive(known)
            return
        if request["do"] == "line":
            for old in self._jobs.remove(
                visitor.address, visitor, lambda job: job.request["do"] == "line"
            ):
                old.receive(b'{"superseded":true}')
        if self._jobs.waiting(visitor.address, visitor) >= MAX_JOBS:
            raise StateError(
                f"at most {MAX_JOBS} requests may wait for an answer; send the next one after it"
            )
        self._jobs.add(visitor.address, visitor, _Job(request, key, receive))
        self._has_job.set()

    async def _answer_jobs(self) -> None:
        while True:
            self._has_job.clear()
            while len(self._jobs):
                job = self._jobs.next()
                known = self._answers.get(job.key)  # another visitor may have asked the same
                if known is None:
                    try:
                        kind, content = await self._interactive.call(job.request, job.receive)
                    except WorkerDied as error:
                        kind, content = "error", error.content
                    if kind == "answer":
                        self._keep(job.key, content)
                else:
                    content = known
                    await asyncio.sleep(0)
                job.receive(content)
            await self._has_job.wait()

    def _keep(self, key: str, content: bytes) -> None:
        """Keep an answer, and forget those that were needed least recently."""
        self._answers[key] = content
        self._cached_bytes += len(key) + len(content)
        while self._cached_bytes > _CACHED:
            old, forgotten = self._answers.popitem(last=False)
            self._cached_bytes -= len(old) + len(forgotten)

    # -- measurements -----------------------------------------------------------------------------

    def measure(self, visitor: LabVisitor, request: dict[str, Any], receive: Receiver) -> int:
        """Start a measurement; it ends the visitor's previous one.

        Args:
            visitor: The visitor.
            request: The request.
            receive: Receives the JSON text of each update.

        Returns:
            The number of the measurement, for `stop_run`.

        Raises:
            StateError: Too many measurements are running.
        """
        for run in [run for run in self._runs.values() if run.visitor is visitor]:
            run.receive(b'{"done":true,"superseded":true}')
            self._end(run)
        if len(self._runs) >= MAX_RUNS:
            raise StateError(
                f"{MAX_RUNS} measurements are running already; wait until some have ended"
            )
        self._numbers += 1
        run = self._runs[self._numbers] = _Run(self._numbers, visitor, request, receive)
        self._turns.add(visitor.address, visitor, run)
        self._has_turn.set()
        return run.number

    def stop_run(self, number: int) -> None:
        """End a measurement; its result so far follows."""
        run = self._runs.get(number)
        if run is not None:
            run.is_stopped = True

    def _end(self, run: _Run) -> None:
        self._runs.pop(run.number, None)
        run.receive = lambda _: None  # its next turn drops it in the worker

    async def _take_turns(self) -> None:
        while True:
            self._has_turn.clear()
            while len(self._turns):
                await self._turn(self._turns.next())
            await self._has_turn.wait()

    async def _turn(self, run: _Run) -> None:
        """Give a measurement a slice of time."""
        is_live = run.number in self._runs
        try:
            if not is_live:
                if run.started and self._measuring.is_running:
                    await self._measuring.call({"do": "drop", "run": run.number}, run.receive)
                return
            if not run.started:
                start = {"do": "start", "run": run.number, "request": run.request}
                kind, content = await self._measuring.call(start, run.receive)
                if kind != "answer":
                    run.receive(content)
                    self._runs.pop(run.number, None)
                    return
                run.started = True
            is_last = run.is_stopped or run.seconds >= MAX_RUN_SECONDS
            request = {"do": "slice", "run": run.number, "seconds": SLICE, "last": is_last}
            # Not the time of day: on a busy server, this process has the lowest priority.
            before = self._measuring.cpu_seconds
            kind, content = await self._measuring.call(request, run.receive)
            run.seconds += max(0.0, self._measuring.cpu_seconds - before)
        except WorkerDied as error:
            # The processes of the others' measurements are gone too: these start again.
            for other in self._runs.values():
                other.started = False
            if self._runs.pop(run.number, None) is not None:
                run.receive(error.content)
            return
        run.receive(content)
        if kind != "answer" or content.startswith(b'{"done":true'):
            self._runs.pop(run.number, None)
        else:  # one that has ended meanwhile is dropped at its next turn
            self._turns.add(run.visitor.address, run.visitor, run)
