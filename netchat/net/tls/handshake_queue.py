"""CPU limit for a server's TLS handshakes.

A full handshake costs the server 0.5 ms. It costs an attacker, who sends garbage instead of keys, almost
nothing. Handshakes therefore share a slice of each turn of the event loop, in order of arrival, and those
that fail use up a small allowance, which all address groups share.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from netchat.net.link.fair_allowance import FairAllowance

__all__ = ["HandshakeQueue", "QueuedHandshake"]

#: Seconds of handshakes per turn of the event loop: at least one.
SLICE = 0.002

#: Seconds between visits to handshakes whose address groups have used up the allowance, and number of
#: them per visit.
_VISIT_EVERY, _VISITED = 0.005, 64


class QueuedHandshake(Protocol):
    """Interface of a connection in its handshake.

    Attributes:
        share: Address group that the handshake counts against (`netchat.chat.fair_shares.share_of`).
    """

    share: str

    def step(self) -> bool:
        """Continue with what has arrived; return False if the handshake has failed."""


class HandshakeQueue:
    """Scheduler of handshakes.

    Args:
        loop: Event loop.
        cpu: Clock that measures work, in seconds.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, cpu: Callable[[], float] = time.thread_time
    ) -> None:
        self._loop = loop
        self._cpu = cpu
        self._failures = FairAllowance()
        self._spent: dict[QueuedHandshake, float] = {}  # CPU time of handshakes that are not over
        self._waiting: dict[QueuedHandshake, None] = {}
        self._refused: dict[QueuedHandshake, None] = {}
        self._used = 0.0  # seconds used in this turn of the loop
        self._in_turn = False
        self._is_scheduled = False
        self._timer: asyncio.TimerHandle | None = None

    def run(self, handshake: QueuedHandshake) -> None:
        """Continue a handshake, now or in a later turn."""
        if self._used >= SLICE or self._waiting:
            self._wait(handshake)
        else:
            self._step(handshake)

    def forget(self, handshake: QueuedHandshake, *, has_failed: bool) -> None:
        """Remove a handshake that is over; count its CPU time if it has failed."""
        self._waiting.pop(handshake, None)
        self._refused.pop(handshake, None)
        spent = self._spent.pop(handshake, 0.0)
        if has_failed and spent:
            self._failures.spend(spent, handshake.share)

    def _step(self, handshake: QueuedHandshake) -> None:
        if self._failures.wait(self._loop.time(), handshake.share):
            self._refused[handshake] = None
            self._arm()
            return
        if not self._in_turn:
            self._in_turn = True
            self._loop.call_soon(self._new_turn)
        self._spent.setdefault(handshake, 0.0)
        begun = self._cpu()
        has_failed = not handshake.step()
        seconds = self._cpu() - begun
        self._used += seconds
        if handshake in self._spent:
            self._spent[handshake] += seconds
        elif has_failed:  # it was forgotten during the step
            self._failures.spend(seconds, handshake.share)

    def _wait(self, handshake: QueuedHandshake) -> None:
        self._waiting[handshake] = None
        if not self._is_scheduled:
            self._is_scheduled = True
            self._loop.call_soon(self._go_on)

    def _new_turn(self) -> None:
        self._in_turn = False
        self._used = 0.0

    def _go_on(self) -> None:
        self._is_scheduled = False
        try:
            for _ in range(len(self._waiting)):
                if self._used >= SLICE or not self._waiting:
                    break
                handshake = next(iter(self._waiting))
                del self._waiting[handshake]
                self._step(handshake)
        finally:  # an error in one handshake must not strand the others
            if self._waiting and not self._is_scheduled:
                self._is_scheduled = True
                self._loop.call_soon(self._go_on)

    def _arm(self) -> None:
        if self._timer is None:
            self._timer = self._loop.call_later(_VISIT_EVERY, self._visit)

    def _visit(self) -> None:
        self._timer = None
        try:
            for _ in range(min(len(self._refused), _VISITED)):
                if not self._refused or self._used >= SLICE:
                    break
                handshake = next(iter(self._refused))
                del self._refused[handshake]
                self._step(handshake)
        finally:
            if self._refused:
                self._arm()
