"""Connection within a process: two transports, each of which delivers what the other one sends."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, cast

__all__ = ["PipeEnd", "memory_pipe"]

#: Bytes in flight at which the sender is paused and resumed.
HIGH_WATER, LOW_WATER = 64 * 1024, 16 * 1024


class PipeEnd(asyncio.Transport):
    """One end of a connection within this process.

    Bytes arrive in a later turn of the event loop, as they do over a socket.

    Args:
        peername: Address and port of the peer, for `get_extra_info`.
    """

    other: PipeEnd

    def __init__(self, peername: tuple[str, int]) -> None:
        super().__init__({"peername": peername})
        self._protocol: asyncio.Protocol | None = None
        self._arrived: deque[bytes] = deque()
        self._size = 0  # of what has arrived and was not passed up
        self._high, self._low = HIGH_WATER, LOW_WATER
        self._is_reading = True
        self._is_scheduled = False
        self._is_paused = False  # this end's protocol, because the other end is slow
        self._closing = self._lost = False
        self._loop = asyncio.get_running_loop()

    def start(self, protocol: asyncio.Protocol) -> None:
        """Connect the protocol above."""
        self._protocol = protocol
        protocol.connection_made(self)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Replace the protocol above."""
        self._protocol = cast(asyncio.Protocol, protocol)

    def get_protocol(self) -> asyncio.Protocol:
        """Return the protocol above."""
        assert self._protocol is not None
        return self._protocol

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes to the other end."""
        other = self.other
        if self._closing or other._closing or not data:
            return
        other._arrived.append(bytes(data))
        other._size += len(data)
        other._schedule()
        if other._size > self._high and not self._is_paused:
            self._is_paused = True
            self.get_protocol().pause_writing()

    def _schedule(self) -> None:
        if not self._is_scheduled and self._is_reading:
            self._is_scheduled = True
            self._loop.call_soon(self._deliver)

    def _deliver(self) -> None:
        self._is_scheduled = False
        if self._lost or not self._is_reading:
            return
        if self._arrived:
            data = self._arrived.popleft()
            self._size -= len(data)
            self.get_protocol().data_received(data)
            other = self.other
            if other._is_paused and self._size <= other._low:
                other._is_paused = False
                other.get_protocol().resume_writing()
        if self._arrived:
            self._schedule()
        elif self.other._closing:
            self._lose()

    def _lose(self) -> None:
        if not self._lost:
            self._lost = self._closing = True
            self.get_protocol().connection_lost(None)

    def close(self) -> None:
        """Close this end; the other one reads what was sent, unless it has paused reading."""
        if not self._closing:
            self._closing = True
            self._loop.call_soon(self._lose)
            self.other._schedule()
            if not self.other._is_reading:
                self._loop.call_soon(self.other._lose)

    def abort(self) -> None:
        """Close both ends and discard what is in flight."""
        self.other._arrived.clear()
        self.close()

    def is_closing(self) -> bool:
        """Return whether this end is closed or closing."""
        return self._closing

    def can_write_eof(self) -> bool:
        """Return False: an end closes as a whole."""
        return False

    def pause_reading(self) -> None:
        """Stop passing bytes up."""
        self._is_reading = False

    def resume_reading(self) -> None:
        """Resume passing bytes up."""
        self._is_reading = True
        if self._arrived or self.other._closing:
            self._schedule()

    def is_reading(self) -> bool:
        """Return whether bytes are passed up."""
        return self._is_reading

    def get_write_buffer_size(self) -> int:
        """Return how many bytes the other end has not passed up yet."""
        return self.other._size

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set the numbers of bytes in flight at which writing pauses and resumes."""
        self._high = HIGH_WATER if high is None else high
        self._low = self._high // 4 if low is None else low

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return the numbers of bytes in flight at which writing resumes and pauses."""
        return self._low, self._high


def memory_pipe(peername: tuple[Any, ...]) -> tuple[PipeEnd, PipeEnd]:
    """Create a connection within this process.

    Args:
        peername: Address and port that both ends give as their peer's.

    Returns:
        Its two ends.
    """
    address = (str(peername[0]), int(peername[1]))
    one, two = PipeEnd(address), PipeEnd(address)
    one.other, two.other = two, one
    return one, two
