"""One end of a simulated TCP connection: enough of TCP to behave like one in a capture.

It has the handshake, cumulative acknowledgements, retransmission by timer (RFC 6298) and after three
duplicate acknowledgements (RFC 5681), NewReno's partial acknowledgements (RFC 6582), congestion and flow
control, and zero-window probes. It has no options other than the MSS, and does not close connections.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple, Protocol

__all__ = ["ACK", "FIN", "PSH", "RST", "SYN", "ArrivingSegment", "SimulatedTcp", "Timers"]

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10

_MSS = 1460
_SPACE = 2**32

#: Bounds of the retransmission timeout, in seconds: Linux's, and one that suits a short simulation.
_SHORTEST, _LONGEST = 0.2, 8.0

#: Interval at which a slow program reads, in seconds.
_READING = 0.05


class ArrivingSegment(NamedTuple):
    """A received segment."""

    seq: int
    """Sequence number."""
    ack: int
    """Acknowledgement number."""
    flags: int
    """Flags."""
    window: int
    """Announced window, in bytes."""
    data: bytes
    """Payload."""


class Timers(Protocol):
    """Simulated time."""

    @property
    def now(self) -> float:
        """Current time, in seconds."""

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Call an action later."""


class SimulatedTcp:
    """One end of a connection.

    Args:
        timers: Simulated time.
        transmit: Sends a segment: sequence number, acknowledgement number, flags, window, payload.
        deliver: Receives the bytes that the program reads.
        rng: Random numbers for the initial sequence number.
        capacity: Size of the receive buffer, in bytes; at most 65,535.
        read_rate: Rate at which the program reads, in bytes per second; None for at once.
    """

    def __init__(
        self,
        timers: Timers,
        transmit: Callable[[int, int, int, int, bytes], None],
        deliver: Callable[[bytes], None],
        rng: random.Random,
        *,
        capacity: int = 65535,
        read_rate: float | None = None,
    ) -> None:
        self._timers, self._transmit, self._deliver = timers, transmit, deliver
        self._capacity, self._read_rate = capacity, read_rate
        self._first = rng.randrange(_SPACE)
        self._peer_first: int | None = None
        self._state = "closed"
        # Sending: offsets in our stream.
        self._stream = bytearray()
        self._acked = self._next = self._recover = 0
        self._peer_window = _MSS
        self._congestion, self._threshold = 10 * _MSS, 1 << 20
        self._duplicates = 0
        self._timer = 0
        self._timeout, self._smoothed, self._variation = 1.0, 0.0, 0.0
        self._timed: tuple[int, float] | None = None
        # Receiving: offsets in the peer's stream.
        self._received = 0
        self._early: dict[int, bytes] = {}
        self._unread = bytearray()
        self._announced = capacity

    def connect(self) -> None:
        """Open the connection."""
        self._state = "syn sent"
        self._send_syn()

    def send(self, data: bytes) -> None:
        """Append data to the stream."""
        self._stream += data
        self._push()

    def receive(self, segment: ArrivingSegment) -> None:
        """Handle a segment from the peer."""
        if segment.flags & SYN:
            self._receive_syn(segment)
            return
        if self._peer_first is None:
            return
        if self._state != "open":
            self._state, self._timeout = "open", 0.3
            self._timer += 1
        if segment.flags & ACK:
            self._receive_ack(segment)
        if segment.data:
            self._receive_data(segment)
        self._push()

    # The handshake.

    def _send_syn(self) -> None:
        flags = SYN if self._peer_first is None else SYN | ACK
        ack = 0 if self._peer_first is None else (self._peer_first + 1) % _SPACE
        self._transmit(self._first, ack, flags, self._capacity, b"")
        self._start_timer(self._timeout, self._repeat_syn)

    def _repeat_syn(self) -> None:
        self._timeout = min(_LONGEST, 2 * self._timeout)
        self._send_syn()

    def _receive_syn(self, segment: ArrivingSegment) -> None:
        self._peer_first, self._peer_window = segment.seq, segment.window
        if segment.flags & ACK:
            if self._state == "syn sent":
                self._state, self._timeout = "open", 0.3
                self._timer += 1
            self._acknowledge()
            self._push()
        elif self._state != "open":
            self._state = "syn received"
            self._send_syn()

    # Sending.

    def _push(self) -> None:
        if self._state != "open":
            return
        while self._next < len(self._stream):
            in_flight = self._next - self._acked
            room = min(self._congestion, self._peer_window) - in_flight
            size = min(_MSS, room, len(self._stream) - self._next)
            # No small segment while a larger one would soon be possible (RFC 9293, section 3.8.6.2.1).
            if size <= 0 or (size < min(_MSS, len(self._stream) - self._next) and in_flight):
                break
            if self._timed is None:
                self._timed = self._next + size, self._timers.now
            self._send_data(self._next, size)
            self._next += size
        if (self._next < len(self._stream) or self._next > self._acked) and not self._timer % 2:
            self._start_timer(self._timeout, self._expire)

    def _send_data(self, at: int, size: int) -> None:
        data = bytes(self._stream[at : at + size])
        flags = ACK | (PSH if at + size == len(self._stream) else 0)
        self._send_segment(at, flags, data)

    def _send_segment(self, at: int, flags: int, data: bytes = b"") -> None:
        self._announced = self._window()
        seq = (self._first + 1 + at) % _SPACE
        assert self._peer_first is not None
        ack = (self._peer_first + 1 + self._received) % _SPACE
        self._transmit(seq, ack, flags, self._announced, data)

    def _acknowledge(self) -> None:
        self._send_segment(self._next, ACK)

    def _start_timer(self, seconds: float, action: Callable[[], None]) -> None:
        # An odd number is a running timer; every change makes earlier ones void.
        self._timer += 2 if self._timer % 2 else 1
        number = self._timer

        def expire() -> None:
            if self._timer == number:
                self._timer += 1
                action()

        self._timers.after(seconds, expire)

    def _stop_timer(self) -> None:
        self._timer += self._timer % 2

    def _expire(self) -> None:
        self._timed = None
        self._timeout = min(_LONGEST, 2 * self._timeout)
        if self._next > self._acked:
            self._threshold = max((self._next - self._acked) // 2, 2 * _MSS)
            self._congestion = _MSS
            self._recover = self._next
            # Go back to the first byte that is not acknowledged.
            size = min(_MSS, len(self._stream) - self._acked, max(1, self._peer_window))
            self._next = self._acked + size
            self._send_data(self._acked, size)
        elif self._next < len(self._stream):  # the window is closed: probe with one byte
            self._send_data(self._next, 1)
        if self._next < len(self._stream) or self._next > self._acked:
            self._start_timer(self._timeout, self._expire)

    def _receive_ack(self, segment: ArrivingSegment) -> None:
        acked = (segment.ack - self._first - 1) % _SPACE
        if acked > len(self._stream):
            return
        is_update = segment.window != self._peer_window
        self._peer_window = segment.window
        if acked > self._acked:
            self._advance(acked)
        elif acked == self._acked and self._next > acked and not segment.data and not is_update:
            self._duplicates += 1
            if self._duplicates == 3:
                self._threshold = max((self._next - self._acked) // 2, 2 * _MSS)
                self._congestion, self._recover = self._threshold, self._next
                self._retransmit_first()

    def _advance(self, acked: int) -> None:
        gained = acked - self._acked
        if self._timed is not None and acked >= self._timed[0]:
            self._sample(self._timers.now - self._timed[1])
            self._timed = None
        is_partial = self._duplicates >= 3 and acked < self._recover
        self._acked, self._next = acked, max(self._next, acked)
        self._stop_timer()
        if is_partial:
            self._retransmit_first()
            return
        self._duplicates = 0
        slow_start = self._congestion < self._threshold
        self._congestion += (
            min(gained, _MSS) if slow_start else max(1, _MSS * _MSS // self._congestion)
        )

    def _retransmit_first(self) -> None:
        self._timed = None
        self._send_data(self._acked, min(_MSS, self._next - self._acked))
        self._start_timer(self._timeout, self._expire)

    def _sample(self, seconds: float) -> None:
        if not self._smoothed:
            self._smoothed, self._variation = seconds, seconds / 2
        else:
            self._variation += (abs(self._smoothed - seconds) - self._variation) / 4
            self._smoothed += (seconds - self._smoothed) / 8
        self._timeout = min(_LONGEST, max(_SHORTEST, self._smoothed + 4 * self._variation))

    # Receiving.

    def _window(self) -> int:
        return max(0, self._capacity - len(self._unread))

    def _receive_data(self, segment: ArrivingSegment) -> None:
        assert self._peer_first is not None
        at = (segment.seq - self._peer_first - 1) % _SPACE
        if at >= _SPACE // 2:
            at -= _SPACE
        if self._received - at < len(segment.data) and at + len(segment.data) <= (
            self._received + self._window()
        ):
            self._early[at] = max(self._early.get(at, b""), segment.data, key=len)
            self._accept()
        self._acknowledge()

    def _accept(self) -> None:
        was_empty, arrived = not self._unread, bytearray()
        while ready := [at for at in self._early if at <= self._received]:
            at = min(ready)
            new = self._early.pop(at)[self._received - at :]
            arrived += new
            self._received += len(new)
        if self._read_rate is None:
            if arrived:
                self._deliver(bytes(arrived))
            return
        self._unread += arrived
        if was_empty and self._unread:
            self._timers.after(_READING, self._read)

    def _read(self) -> None:
        assert self._read_rate is not None
        size = max(1, round(self._read_rate * _READING))
        part = bytes(self._unread[:size])
        del self._unread[:size]
        if part:
            self._deliver(part)
        # Announce a window that opens again (RFC 9293, section 3.8.6.2.2).
        if self._window() - self._announced >= min(_MSS, self._capacity // 2):
            self._acknowledge()
        if self._unread:
            self._timers.after(_READING, self._read)
