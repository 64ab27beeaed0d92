"""Selective-repeat receiver of a link: reassembly, receive window and acknowledgements."""

from __future__ import annotations

from typing import NamedTuple

from netchat.link.header import Header, Kind, unwrap
from netchat.link.open_request import Mode
from netchat.link.stats import LinkStats

__all__ = [
    "ACK_DELAY",
    "MAX_IN_FLIGHT",
    "RECEIVE_WINDOW",
    "WINDOW_UNIT",
    "Acknowledgement",
    "Receiver",
]

#: Receive window in bytes: unread bytes, and bytes after a gap.
RECEIVE_WINDOW = 256 * 1024

#: Maximum number of segments after a gap; even a segment of one byte costs memory.
_MAX_SEGMENTS = 4096

#: Maximum number of transmissions in flight. Numbers further ahead than twice that are implausible.
MAX_IN_FLIGHT = 32768

#: Unit of the window in a header, in bytes.
WINDOW_UNIT = 4096

#: Delayed acknowledgements: maximum delay in seconds, and maximum number of blocks.
ACK_DELAY, _ACK_EVERY = 0.005, 8

#: Number of transmissions that one header reports, and maximum number of queued reports.
_REPORTED, _MAX_SNAPSHOTS = 32, 64


class Acknowledgement(NamedTuple):
    """Acknowledgement fields of a header."""

    ack: int
    """Offset before which all bytes have arrived."""
    echo: int
    """Highest transmission number received."""
    arrived: int
    """Bit i: transmission `echo` - i has arrived."""
    time: float
    """Time in seconds when `echo` arrived."""


class Receiver:
    """Reassembles the stream from blocks that arrive in any order.

    Args:
        first: Initial byte offset and transmission number.
        mode: Handling of failed blocks.
        stats: Counters of the link.

    Attributes:
        expected: Offset before which all bytes have arrived.
        highest: Highest transmission number seen.
        ack_at: Time in seconds when an acknowledgement is due; None if none is pending.
        snapshots: Acknowledgements to send for transmissions that the current one cannot report.
    """

    def __init__(self, first: int, mode: Mode, stats: LinkStats) -> None:
        self.expected = first
        self.highest = first - 1
        self.ack_at: float | None = None
        self.snapshots: list[Acknowledgement] = []
        self._mode = mode
        self._stats = stats
        self._arrived = 0
        self._highest_at = 0.0
        self._unacknowledged = 0
        self._unreported = 0
        self._inbox = bytearray()
        self._ahead: dict[int, bytes] = {}
        self._held_ahead = 0
        self._edge = first + RECEIVE_WINDOW

    @property
    def held(self) -> int:
        """Number of buffered bytes of the stream."""
        return len(self._inbox) + self._held_ahead

    @property
    def window(self) -> int:
        """Receive window after `expected`, in units of WINDOW_UNIT."""
        return max(0, RECEIVE_WINDOW - len(self._inbox)) // WINDOW_UNIT

    def acknowledge(self) -> Acknowledgement:
        """Return the current acknowledgement, which the caller sends."""
        self.ack_at = None
        self._unacknowledged = self._unreported = 0
        self._edge = self.expected + self.window * WINDOW_UNIT
        return Acknowledgement(self.expected, self.highest, self._arrived, self._highest_at)

    def is_plausible(self, header: Header) -> bool:
        """Return whether a conforming peer could have sent a header now.

        Headers with implausible counters were delayed for long, damaged undetectably, or forged.
        """
        if self._mode is Mode.FEC:  # the sender continues whatever is lost
            return True
        number = unwrap(header.number, 24, self.highest)
        if abs(number - self.highest) > 2 * MAX_IN_FLIGHT:
            return False
        ahead = unwrap(header.offset, 32, self.expected) - self.expected
        return header.kind is not Kind.DATA or -2 * RECEIVE_WINDOW <= ahead <= RECEIVE_WINDOW

    def seen(self, number: int, now: float, *, arrived: bool) -> None:
        """Record a transmission with a readable header.

        Args:
            number: Transmission number, without wrap-around.
            now: Time in seconds.
            arrived: Whether its payload could be decoded and stored.
        """
        step = number - self.highest
        if self._unreported and self._unreported + max(1, step) > _REPORTED:
            self.snapshots = [*self.snapshots[1 - _MAX_SNAPSHOTS :], self.acknowledge()]
        if step > 0:
            self._arrived = (self._arrived << step) & (2**_REPORTED - 1) if step < _REPORTED else 0
            self.highest, self._highest_at = number, now
        if arrived and step > -_REPORTED:
            self._arrived |= 1 << max(0, -step)
        self._unreported += max(1, step)
        self._unacknowledged += 1
        urgent = not arrived or step != 1 or self._unacknowledged >= _ACK_EVERY
        due = now if urgent else now + ACK_DELAY
        self.ack_at = due if self.ack_at is None else min(self.ack_at, due)

    def is_new(self, offset: int, length: int) -> bool:
        """Return whether a segment contains bytes that have not arrived yet."""
        if self._mode is Mode.FEC:
            return offset >= self.expected
        return offset + length > self.expected and length > len(self._ahead.get(offset, b""))

    def accept(self, offset: int, payload: bytes, now: float) -> bool:
        """Store a segment of the stream for which `is_new` is true.

        Args:
            offset: Offset of the segment, without wrap-around.
            payload: Its bytes.
            now: Time in seconds.

        Returns:
            False if the segment does not fit into the window; it then counts as lost.
        """
        room = RECEIVE_WINDOW - len(self._inbox)
        if self._mode is Mode.FEC:
            if len(payload) > room:
                return False
            self._stats.lost_bytes += offset - self.expected
            self.expected = offset
            self._deliver(payload, now)
            return True
        if offset + len(payload) > self.expected + room:
            return False
        if offset <= self.expected:
            self._deliver(payload[self.expected - offset :], now)
            self._join(now)
            return True
        if len(self._ahead) >= _MAX_SEGMENTS or self.held + len(payload) > 2 * RECEIVE_WINDOW:
            return False
        self._held_ahead += len(payload) - len(self._ahead.get(offset, b""))
        self._ahead[offset] = payload
        return True

    def _join(self, now: float) -> None:
        """Deliver buffered segments up to the next gap."""
        while self._ahead:
            offset = min(self._ahead) if self.expected not in self._ahead else self.expected
            if offset > self.expected:
                return
            payload = self._ahead.pop(offset)
            self._held_ahead -= len(payload)
            if offset + len(payload) > self.expected:
                self._deliver(payload[self.expected - offset :], now)

    def _deliver(self, payload: bytes, now: float) -> None:
        self._inbox += payload
        self.expected += len(payload)
        self._stats.delivered += len(payload)
        self._stats.goodput_in.add(now, len(payload))

    def take(self, now: float) -> bytes:
        """Return the bytes that have arrived in order since the last call."""
        data = bytes(self._inbox)
        self._inbox.clear()
        # Announce the larger window if the last acknowledgement announced a small one.
        if data and self._edge < self.expected + RECEIVE_WINDOW // 2:
            self.ack_at = now
        return data
