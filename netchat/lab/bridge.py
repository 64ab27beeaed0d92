"""Learning Ethernet bridge (IEEE 802.1D) that sends frames through impaired lines."""

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

#: Receive buffer in bytes, larger than any frame on the lab's interfaces.
_LARGEST = 65536

#: Frames read from one port before the next port's turn.
_TURN = 64

#: Hardware addresses remembered; a frame to an unknown address is flooded to all ports.
_MAX_ADDRESSES = 4096

_PACKET_STATISTICS = 6


class DelayLine(Protocol):
    """Line for the frames from one port to another; see `ImpairedLine`."""

    @property
    def due(self) -> float:
        """Time at which the next frame leaves the line, or infinity."""

    def put(self, packet: bytes, now: float, spared: int = 0) -> None:
        """Put a frame on the line."""

    def take(self, now: float) -> list[bytes]:
        """Return the frames that leave the line by now."""


DelayLineFactory = Callable[[str, str], DelayLine]


class _Side:
    """Port of the bridge."""

    __slots__ = ("missed", "name", "sock", "to")

    def __init__(self, name: str, sock: socket.socket) -> None:
        self.name, self.sock = name, sock
        self.to: dict[_Side, DelayLine] = {}
        self.missed = 0

    def send(self, frame: bytes) -> None:
        # Lost if the cable's other end is down, or the interface's queue is full.
        with contextlib.suppress(OSError):
            self.sock.send(frame)


class Bridge:
    """Bridge that forwards Ethernet frames in a thread, while the `with` block runs.

    Args:
        sides: Sockets of the ports, by name; see `veth.tap`. The bridge closes them.
        line: Makes the line from one port to another, when its first frame arrives.

    Attributes:
        lines: The lines, by the names of both ports.
        problem: The error that ended the thread, or None.
    """

    def __init__(self, sides: Mapping[str, socket.socket], line: DelayLineFactory) -> None:
        self.lines: dict[tuple[str, str], DelayLine] = {}
        self.problem: Exception | None = None
        self._make = line
        self._sides = {sock.fileno(): _Side(name, sock) for name, sock in sides.items()}
        self._table: dict[bytes, _Side] = {}
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
        """Frames that the kernel dropped because the bridge was too slow."""
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
                    self._receive(self._sides[number])
                self._deliver()
        except Exception as error:
            self.problem = error

    def _receive(self, side: _Side) -> None:
        now = time.monotonic()
        for _ in range(_TURN):
            try:
                frame = side.sock.recv(_LARGEST)
            except BlockingIOError:
                return
            except OSError:  # the interface went down; the error is reported once
                return
            if len(frame) >= 14:
                self._forward(side, frame, now)

    def _forward(self, side: _Side, frame: bytes, now: float) -> None:
        to, source = frame[:6], frame[6:12]
        table = self._table
        if table.get(source) is not side:
            if len(table) >= _MAX_ADDRESSES:
                table.clear()
            table[source] = side
        spared = _undamaged_prefix(frame)
        known = None if to[0] & 1 else table.get(to)
        if known is not None:
            if known is not side:
                self._line_between(side, known).put(frame, now, spared)
            return
        for other in self._sides.values():
            if other is not side:
                self._line_between(side, other).put(frame, now, spared)

    def _line_between(self, side: _Side, other: _Side) -> DelayLine:
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


def _undamaged_prefix(frame: bytes) -> int:
    """Return the length of a frame's prefix that is never damaged.

    It is the Ethernet header, or the whole frame if it holds no IP packet. On a real cable the frame check
    sequence detects damage; the bridge has no such check. ARP has no checksum at all: a wrong answer would be
    believed, and cut a host off for a minute.
    """
    return 14 if frame[12:14] in (b"\x08\x00", b"\x86\xdd") else len(frame)
