"""The receiving half of a link: puts the stream together again, and knows what to tell of it."""

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

#: Bytes of stream that are held at most: those that wait to be taken, and those behind a hole.
RECEIVE_WINDOW = 256 * 1024

#: Pieces behind a hole that are held at most: a piece costs memory even if it is of one byte.
_MOST_PIECES = 4096

#: Transmissions that may be under way. What is further ahead than twice that cannot be one.
MAX_IN_FLIGHT = 32768

#: The unit of the window in a header, in bytes.
WINDOW_UNIT = 4096

#: Seconds that an acknowledgement may wait for data to go with, and blocks it may be about.
ACK_DELAY, _ACK_EVERY = 0.005, 8

#: Transmissions that a header tells of, and headers that wait to be sent for that.
_TOLD, _MOST_SNAPSHOTS = 32, 64


class Acknowledgement(NamedTuple):
    """What an acknowledgement says of transmissions."""

    ack: int
    echo: int
    arrived: int
    time: float
    """When the one named by `echo` arrived."""


class Receiver:
    """Takes blocks in any order, gives the stream in order.

    Args:
        first: what bytes and transmissions are counted from.
        mode: what is done about losses.
        stats: where it counts.

    Attributes:
        expected: everything in front of it has arrived.
        highest: the highest transmission seen.
        ack_at: when an acknowledgement has to go out; None if none is owed.
        snapshots: what older acknowledgements would have said that one alone cannot tell.
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
        self._untold = 0
        self._inbox = bytearray()
        self._ahead: dict[int, bytes] = {}
        self._held_ahead = 0
        self._edge = first + RECEIVE_WINDOW

    @property
    def held(self) -> int:
        """Bytes of stream that are held."""
        return len(self._inbox) + self._held_ahead

    @property
    def window(self) -> int:
        """Units of WINDOW_UNIT that there is room for, behind `expected`."""
        return max(0, RECEIVE_WINDOW - len(self._inbox)) // WINDOW_UNIT

    def acknowledge(self) -> Acknowledgement:
        """What to acknowledge now; it counts as acknowledged."""
        self.ack_at = None
        self._unacknowledged = self._untold = 0
        self._edge = self.expected + self.window * WINDOW_UNIT
        return Acknowledgement(self.expected, self.highest, self._arrived, self._highest_at)

    def is_plausible(self, header: Header) -> bool:
        """Whether a peer that keeps to the rules could have sent a header now.

        What is further from the present than its peer can be was delayed for long, damaged beyond
        what its CRC notices, or forged.
        """
        if self._mode is Mode.FEC:  # it goes on whatever is lost
            return True
        number = unwrap(header.number, 24, self.highest)
        if abs(number - self.highest) > 2 * MAX_IN_FLIGHT:
            return False
        ahead = unwrap(header.offset, 32, self.expected) - self.expected
        return header.kind is not Kind.DATA or -2 * RECEIVE_WINDOW <= ahead <= RECEIVE_WINDOW

    def seen(self, number: int, now: float, *, arrived: bool) -> None:
        """A transmission was seen, and its payload arrived or failed."""
        step = number - self.highest
        if self._untold and self._untold + max(1, step) > _TOLD:
            self.snapshots = [*self.snapshots[1 - _MOST_SNAPSHOTS :], self.acknowledge()]
        if step > 0:
            self._arrived = (self._arrived << step) & (2**_TOLD - 1) if step < _TOLD else 0
            self.highest, self._highest_at = number, now
        if arrived and step > -_TOLD:
            self._arrived |= 1 << max(0, -step)
        self._untold += max(1, step)
        self._unacknowledged += 1
        urgent = not arrived or step != 1 or self._unacknowledged >= _ACK_EVERY
        due = now if urgent else now + ACK_DELAY
        self.ack_at = due if self.ack_at is None else min(self.ack_at, due)

    def is_new(self, offset: int, length: int) -> bool:
        """Whether a piece would bring something new."""
        if self._mode is Mode.FEC:
            return offset >= self.expected
        return offset + length > self.expected and length > len(self._ahead.get(offset, b""))

    def accept(self, offset: int, payload: bytes, now: float) -> bool:
        """A piece of the stream that is `wanted`.

        Returns:
            False if there is no room for it: it then has not arrived.
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
        if len(self._ahead) >= _MOST_PIECES or self.held + len(payload) > 2 * RECEIVE_WINDOW:
            return False
        self._held_ahead += len(payload) - len(self._ahead.get(offset, b""))
        self._ahead[offset] = payload
        return True

    def _join(self, now: float) -> None:
        """Deliver the pieces that no hole is in front of any more."""
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
        """The bytes that have arrived in order since the last call."""
        data = bytes(self._inbox)
        self._inbox.clear()
        # The sender may have been told that there was little room, and wait to hear of more.
        if data and self._edge < self.expected + RECEIVE_WINDOW // 2:
            self.ack_at = now
        return data
