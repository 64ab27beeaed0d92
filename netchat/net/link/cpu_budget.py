"""CPU limits for a server's links: time slices, and a small shared allowance for useless work.

Any client can open a link before logging in, and send undecodable blocks or markers without blocks.
Processing those costs far more than sending them. The allowance is shared fairly, so that no address
can use up what the links of others need on a bad line.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from netchat.net.link.fair_allowance import FairAllowance

__all__ = ["ABUSE", "LinkWork", "Worker"]

#: Seconds per turn of the event loop for receiving on links, and the same again for sending.
SLICE = 0.0003

#: Seconds that queued work waits for a running commit at most, and between checks whether it is over. The
#: writer's thread needs the GIL about ten times per commit, and each time waits for the end of a step.
_LONGEST_WAIT, _CHECK_EVERY = 0.003, 0.0005

#: Seconds of useless work after which a link must wait for that allowance. An occasional
#: acknowledgement without news is normal.
TOLERANCE = 0.001

#: Seconds of useless work in a row after which a link is closed: about a thousand failed blocks, or
#: ten megabytes without a block.
ABUSE = 0.25

#: Seconds between visits to the links that wait for the allowance, and number of links per visit.
_VISIT_EVERY, _VISITED = 0.004, 64


class Worker(Protocol):
    """Interface of a link that works in slices.

    Attributes:
        wasted: Seconds of work since the last useful step.
        unsettled: Seconds of work of which it is not known yet whether it is useful.
        share: Address group that the work counts against (`netchat.chat.fair_shares.share_of`).
    """

    wasted: float
    unsettled: float
    share: str

    def step(self) -> tuple[bool | None, bool]:
        """Do one step of work.

        Returns:
            Whether it was useful, or None if a later step decides; and whether there is more to do.
        """

    def resumed(self) -> None:
        """Continue by calling `LinkWork.run` again."""


class _Turns:
    """Queue of workers that share `SLICE` seconds per turn of the event loop, in order of arrival.

    Args:
        loop: Event loop.
        is_committing: Returns whether a commit is running, for which queued work waits.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, is_committing: Callable[[], bool] = lambda: False
    ) -> None:
        self._loop = loop
        self._is_committing = is_committing
        self._worked_at = 0.0  # start of the last turn for queued work
        self._in_turn = False
        self._used = 0.0  # seconds used in this turn of the loop
        self._waiting: dict[Worker, Callable[[], None]] = {}
        self._handle: asyncio.Handle | None = None

    @property
    def is_over(self) -> bool:
        """Whether no time is left in this turn."""
        return self._used >= SLICE

    def spent(self, seconds: float) -> None:
        """Account for CPU time."""
        if not self._in_turn:
            self._in_turn = True
            self._loop.call_soon(self._new_turn)
        self._used += seconds

    def wait(self, worker: Worker, then: Callable[[], None]) -> None:
        """Call `then` in a later turn."""
        self._waiting[worker] = then
        if self._handle is None:
            self._handle = self._loop.call_soon(self._go_on)

    def forget(self, worker: Worker) -> None:
        """Remove a worker."""
        self._waiting.pop(worker, None)

    def _new_turn(self) -> None:
        self._in_turn = False
        self._used = 0.0

    def _go_on(self) -> None:
        now = self._loop.time()
        if self._is_committing() and now - self._worked_at < _LONGEST_WAIT:
            self._handle = self._loop.call_later(_CHECK_EVERY, self._go_on)
            return
        self._handle = None
        self._worked_at = now
        try:
            for _ in range(len(self._waiting)):
                if self.is_over or not self._waiting:
                    break
                worker = next(iter(self._waiting))
                self._waiting.pop(worker)()
        finally:  # an error in one worker must not strand the others
            if self._waiting and self._handle is None:
                self._handle = self._loop.call_soon(self._go_on)


class LinkWork:
    """Scheduler that divides CPU time among links.

    A link whose last step was useful continues in the next turn of the event loop. Otherwise it
    waits for its part of the allowance that all such links share.

    Args:
        loop: Event loop.
        cpu: Clock that measures work, in seconds.
        is_committing: Returns whether a commit is running.

    Attributes:
        strangers: Allowance of datagrams that belong to no link, by address group.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        cpu: Callable[[], float] = time.thread_time,
        is_committing: Callable[[], bool] = lambda: False,
    ) -> None:
        self._loop = loop
        self._cpu = cpu
        self._waste = FairAllowance()
        self.strangers = FairAllowance()
        self._receiving = _Turns(loop, is_committing)
        self._sending = _Turns(loop)
        self._wasteful: deque[Worker] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def run(self, worker: Worker) -> bool:
        """Let a worker use its share of CPU time.

        Returns:
            Whether it may continue; otherwise it must stop reading until `resumed` is called.
        """
        more = True
        while more:
            if self._receiving.is_over:
                self._receiving.wait(worker, worker.resumed)
                return False
            if not self.may_waste(worker):
                self._wasteful.append(worker)
                self._arm()
                return False
            begun = self._cpu()
            useful, more = worker.step()
            self.spent(worker, self._cpu() - begun, useful=useful)
        return True

    def send(self, worker: Worker, step: Callable[[], bool], then: Callable[[], None]) -> None:
        """Let a worker send for as long as there is time in this turn.

        Args:
            worker: The worker.
            step: Sends some data; returns whether there may be more.
            then: Called in a later turn if there is no time left.
        """
        more = True
        while more:
            if self._sending.is_over:
                self._sending.wait(worker, then)
                return
            begun = self._cpu()
            more = step()
            self._sending.spent(self._cpu() - begun)

    def may_waste(self, worker: Worker) -> bool:
        """Return whether a worker may be given work that cannot wait."""
        if worker.wasted <= TOLERANCE:
            return True
        return not self._waste.wait(self._loop.time(), worker.share, id(worker))

    def spent(self, worker: Worker, seconds: float, *, useful: bool | None) -> None:
        """Account for the CPU time of a step."""
        self._receiving.spent(seconds)
        if useful is None:
            worker.unsettled += seconds
            return
        seconds, worker.unsettled = seconds + worker.unsettled, 0.0
        if useful:
            worker.wasted = 0.0
        else:
            worker.wasted += seconds
            self._waste.spend(seconds, worker.share, id(worker))

    def forget(self, worker: Worker) -> None:
        """Remove a worker whose link has ended."""
        self._receiving.forget(worker)
        self._sending.forget(worker)
        if worker in self._wasteful:
            self._wasteful.remove(worker)

    def _arm(self) -> None:
        if self._timer is None:
            self._timer = self._loop.call_later(_VISIT_EVERY, self._waste_on)

    def _waste_on(self) -> None:
        self._timer = None
        waiting = self._wasteful
        try:
            for _ in range(min(len(waiting), _VISITED)):
                worker = waiting.popleft()
                if self.may_waste(worker):
                    worker.resumed()
                else:
                    waiting.append(worker)
        finally:  # an error in one worker must not strand the others
            if waiting:
                self._arm()
