"""Processor time for the links of a server: in slices, and little of it for what brings nothing.

Anyone can open a link before logging in and send blocks that fail, or markers without blocks. Each
costs far more to look at than to send.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

__all__ = ["ABUSE", "Allowance", "LinkWork", "Worker"]

#: Seconds of work on links in one turn of the event loop.
SLICE = 0.001

#: Part of one processor that may go into bytes which bring nothing, for all links together; and the
#: same for datagrams of no known link. Seconds of it that may be used at once.
WASTE_RATE, WASTE_BURST = 0.1, 0.05

#: Seconds of work without use that a link may do before it has to wait for that allowance: now and
#: then an acknowledgement brings nothing.
TOLERANCE = 0.001

#: Seconds of work since its last useful block after which a link is given up: about a thousand
#: blocks that failed in a row, or ten megabytes in which there was none.
ABUSE = 0.25


class Allowance:
    """Token bucket of processor time.

    Args:
        rate: seconds a second.
        burst: seconds at most.
    """

    def __init__(self, rate: float = WASTE_RATE, burst: float = WASTE_BURST) -> None:
        self._rate, self._burst = rate, burst
        self._left, self._filled = burst, 0.0

    def wait(self, now: float) -> float:
        """Return the seconds until there is some again; 0 if there is."""
        self._left = min(self._burst, self._left + self._rate * max(0.0, now - self._filled))
        self._filled = now
        return max(0.0, -self._left / self._rate)

    def spend(self, seconds: float) -> None:
        """Take time out; what is missing is paid back before `wait` returns 0."""
        self._left -= seconds


class Worker(Protocol):
    """What has work to be done in slices.

    Attributes:
        wasted: seconds of work since the last that was useful.
    """

    wasted: float

    def step(self) -> tuple[bool, bool]:
        """Do a little; return whether that was useful, and whether there is more to do."""

    def resumed(self) -> None:
        """Go on: call `LinkWork.run` again."""


class LinkWork:
    """Divides the time for links among them.

    A link whose last step was useful goes on in the next turn of the loop. One whose last step was
    not waits its turn among its like for the allowance that they share.

    Args:
        loop: the event loop.
        cpu: what work is measured by, in seconds.

    Attributes:
        strangers: the allowance of datagrams that belong to no link.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, cpu: Callable[[], float] = time.thread_time
    ) -> None:
        self._loop = loop
        self._cpu = cpu
        self._waste = Allowance()
        self.strangers = Allowance()
        self._in_turn = False
        self._used = 0.0  # in this turn of the loop
        self._next: deque[Worker] = deque()
        self._wasteful: deque[Worker] = deque()
        self._turn: asyncio.Handle | None = None
        self._timer: asyncio.TimerHandle | None = None

    def run(self, worker: Worker) -> bool:
        """Let a worker do what it may do now.

        Returns:
            Whether it may go on; otherwise it must read no further until it is `resumed`.
        """
        more = True
        while more:
            if self._used >= SLICE:
                self._wait(worker)
                return False
            if worker.wasted > TOLERANCE and (
                self._wasteful or self._waste.wait(self._loop.time())
            ):
                self._wasteful.append(worker)
                self._arm()
                return False
            begun = self._cpu()
            useful, more = worker.step()
            self.spent(worker, self._cpu() - begun, useful=useful)
        return True

    def may_waste(self, worker: Worker) -> bool:
        """Whether a worker may be given something to do that cannot wait."""
        return worker.wasted <= TOLERANCE or not self._waste.wait(self._loop.time())

    def spent(self, worker: Worker, seconds: float, *, useful: bool) -> None:
        """Account for a step."""
        if not self._in_turn:
            self._in_turn = True
            self._loop.call_soon(self._new_turn)
        self._used += seconds
        if useful:
            worker.wasted = 0.0
        else:
            worker.wasted += seconds
            self._waste.spend(seconds)

    def forget(self, worker: Worker) -> None:
        """A worker is at an end."""
        for queue in (self._next, self._wasteful):
            if worker in queue:
                queue.remove(worker)

    def _new_turn(self) -> None:
        self._in_turn = False
        self._used = 0.0

    def _wait(self, worker: Worker) -> None:
        self._next.append(worker)
        if self._turn is None:
            self._turn = self._loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        self._turn = None
        try:
            for _ in range(len(self._next)):
                if self._used >= SLICE:
                    break
                self._next.popleft().resumed()
        finally:  # an error in one worker must not strand the others
            if self._next and self._turn is None:
                self._turn = self._loop.call_soon(self._go_on)

    def _arm(self) -> None:
        if self._timer is None:
            wait = self._waste.wait(self._loop.time())
            self._timer = self._loop.call_later(max(wait, SLICE), self._waste_on)

    def _waste_on(self) -> None:
        self._timer = None
        waiting, self._wasteful = self._wasteful, deque()
        try:
            while waiting and not self._waste.wait(self._loop.time()):
                waiting.popleft().resumed()
        finally:  # as above
            self._wasteful = waiting + self._wasteful
            if self._wasteful:
                self._arm()
