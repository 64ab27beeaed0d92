"""A learning Ethernet bridge (IEEE 802.1D) whose frames go through whatever one puts in between."""

from __future__ import annotations

import contextlib
import math
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Protocol, Self

from netchat.lab.veth import SOL_PACKET

__all__ = ["Bridge", "DelayLine", "DelayLineFactory"]

#: Longer than any frame on an interface of ours.
_LARGEST = 65536

#: Frames taken from one side before the others have their turn.
_TURN = 64

#: Hardware addresses that are remembered; one that is not is sent to everybody.
_MAX_ADDRESSES = 4096

_PACKET_STATISTICS = 6


class DelayLine(Protocol):
    """What happens to frames on the way from one side to another; see `ImpairedLine`."""

    @property
    def due(self) -> float:
        """When there is something to take; infinite if never."""

    def put(self, packet: bytes, now: float, spared: int = 0) -> None:
        """A frame comes in."""

    def take(self, now: float) -> list[bytes]:
        """Frames that go out by now."""


DelayLineFactory = Callable[[str, str], DelayLine]


class _Side:
    """One interface of the bridge."""

    __slots__ = ("missed", "name", "sock", "to")

    def __init__(self, name: str, sock: socket.socket) -> None:
        self.name, self.sock = name, sock
        self.to: dict[_Side, DelayLine] = {}
        self.missed = 0

    def send(self, frame: bytes) -> None:
        # A cable whose other end is switched off, or an interface that cannot take more: lost.
        with contextlib.suppress(OSError):
            self.sock.send(frame)


class Bridge:
    """Passes Ethernet frames on, in a thread, for as long as the `with` block lasts.

    Args:
        sides: the sockets it is between, by name; see `cables.tap`. It closes them.
        line: makes what is between one side and another, when there first is something for it.

    Attributes:
        lines: those that were made, by the names of both sides.
        problem: why it has ended by itself, if it has.
    """

    def __init__(self, sides: Mapping[str, socket.socket], line: DelayLineFactory) -> None:
        self.lines: dict[tuple[str, str], DelayLine] = {}
        self.problem: Exception | None = None
        self._make = line
        self._sides = {sock.fileno(): _Side(name, sock) for name, sock in sides.items()}
        self._where: dict[bytes, _Side] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bridge", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._thread.join()
        for side in self._sides.values():
            side.sock.close()

    @property
    def missed(self) -> int:
        """Frames that the kernel dropped because they came faster than they were taken."""
        for side in self._sides.values():
            if side.sock.fileno() >= 0:
                raw = side.sock.getsockopt(SOL_PACKET, _PACKET_STATISTICS, 8)
                side.missed += struct.unpack("II", raw)[1]
        return sum(side.missed for side in self._sides.values())

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                due = min((line.due for line in self.lines.values()), default=math.inf)
                wait = min(max(due - time.monotonic(), 0.0), 0.1)
                # Not epoll, whose timeouts are whole milliseconds.
                ready, _, _ = select.select(list(self._sides), [], [], wait)
                for number in ready:
                    self._take_in(self._sides[number])
                self._deliver()
        except Exception as error:
            self.problem = error

    def _take_in(self, side: _Side) -> None:
        now = time.monotonic()
        for _ in range(_TURN):
            try:
                frame = side.sock.recv(_LARGEST)
            except BlockingIOError:
                return
            except OSError:  # the interface was switched off; it says so once
                return
            if len(frame) >= 14:
                self._pass_on(side, frame, now)

    def _pass_on(self, side: _Side, frame: bytes, now: float) -> None:
        to, source = frame[:6], frame[6:12]
        where = self._where
        if where.get(source) is not side:
            if len(where) >= _MAX_ADDRESSES:
                where.clear()
            where[source] = side
        spared = _spared(frame)
        known = None if to[0] & 1 else where.get(to)
        if known is not None:
            if known is not side:
                self._between(side, known).put(frame, now, spared)
            return
        for other in self._sides.values():
            if other is not side:
                self._between(side, other).put(frame, now, spared)

    def _between(self, side: _Side, other: _Side) -> DelayLine:
        line = side.to.get(other)
        if line is None:
            line = side.to[other] = self._make(side.name, other.name)
            self.lines[side.name, other.name] = line
        return line

    def _deliver(self) -> None:
        now = time.monotonic()
        for side in self._sides.values():
            for other, line in side.to.items():
                if line.due <= now:
                    for frame in line.take(now):
                        other.send(frame)


def _spared(frame: bytes) -> int:
    """How much of a frame is never damaged: its head, and all of it if it holds no IP packet.

    On a cable the frame check sequence finds what is damaged there; here there is none. ARP has no
    checksum at all: a wrong answer would be believed, and cut a host off for a minute.
    """
    return 14 if frame[12:14] in (b"\x08\x00", b"\x86\xdd") else len(frame)
