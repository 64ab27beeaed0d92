"""Selective-repeat sender of a link."""

from __future__ import annotations

from collections import deque
from itertools import takewhile
from typing import NamedTuple

from netchat.link.congestion import Congestion
from netchat.link.header import Header, unwrap
from netchat.link.incremental_redundancy import (
    INCREMENTS,
    LAST_PREFIX,
    MAX_INCREMENTS,
    MIN_INCREMENTAL,
    increment_after,
    is_redundancy,
    parity_level,
)
from netchat.link.open_request import Mode
from netchat.link.policies.policy import Outcome
from netchat.link.receiver import ACK_DELAY, MAX_IN_FLIGHT, RECEIVE_WINDOW, WINDOW_UNIT
from netchat.link.rtt import RetransmissionTimer
from netchat.link.stats import LinkStats

__all__ = ["Sender", "StreamSegment"]

#: Number of identical transmissions after which a segment is re-split.
_SAME_SHAPE = 4

#: A segment longer than this multiple of the current block size is re-split: shorter blocks then gain
#: more than combining its copies would.
_TOO_LONG = 2

#: Over datagrams, a block is lost when this many later ones have been seen (RFC 9002, 6.1.1). In a
#: stream, blocks are not reordered.
_REORDERING = 3

#: Value of the delay field that means "this long or longer".
_LONG_DELAY = 255


class StreamSegment(NamedTuple):
    """A segment of the stream to send."""

    start: int
    """Offset of its first byte."""
    end: int
    """Offset after its last byte."""
    code: int
    """Number of its code."""
    tries: int
    """Number of earlier transmissions in this shape."""


class _InFlight(NamedTuple):
    """A transmission in flight."""

    segment: StreamSegment
    size: int
    time: float


class Sender:
    """Selective-repeat sender for a byte stream.

    Every transmission has its own number; a retransmission gets a new one. The peer reports which
    numbers it has seen. A loss is therefore detected as soon as anything sent later has been seen,
    the loss of a retransmission just as quickly, and round-trip samples are unambiguous. The sender
    keeps bytes until the cumulative acknowledgement covers them.

    Args:
        first: Initial byte offset and transmission number.
        datagrams: Whether blocks can be reordered, and congestion control is needed.
        mode: Handling of failed blocks.
        stats: Counters of the link.

    Attributes:
        base: Offset before which all bytes are acknowledged.
        next: Offset before which all bytes have been sent at least once.
        number: Number of the next transmission.
        rtt: Round-trip time and retransmission timeout.
        congestion: Congestion window; None for a stream.
    """

    def __init__(self, first: int, *, datagrams: bool, mode: Mode, stats: LinkStats) -> None:
        self.base = self.next = self.number = first
        self.rtt = RetransmissionTimer()
        self.congestion = Congestion() if datagrams else None
        self._mode = mode
        self._stats = stats
        self._data = bytearray()  # starts at offset `base`
        self._limit = first
        self._window = 0
        self._flight: dict[int, _InFlight] = {}  # by transmission number, in order
        self._in_flight = 0
        self._lost: deque[StreamSegment] = deque()
        self._seen = first - 1  # the highest number that the peer has seen
        self._last_sent = -1.0
        self._probe = False
        self._repaired: dict[int, int] = {}  # last increment of each segment, by its start

    def send(self, data: bytes) -> None:
        """Append to the stream."""
        self._data += data

    @property
    def data(self) -> bytes:
        """Bytes that the peer has not acknowledged."""
        return bytes(self._data)

    @property
    def buffered(self) -> int:
        """Number of bytes that the peer has not acknowledged."""
        return len(self._data)

    @property
    def _end(self) -> int:
        return self.base + len(self._data)

    def ready(self) -> bool:
        """Return whether there is a segment to send now."""
        if self._probe:
            return True
        if self.congestion is not None and self._in_flight >= self.congestion.window:
            return False
        if len(self._flight) >= MAX_IN_FLIGHT:
            return False
        while self._lost and self._lost[0].end <= self.base:
            self._lost.popleft()
        return bool(self._lost) or self.next < min(self._end, self._limit)

    def take(self, code: int, longest: int, most: int) -> tuple[StreamSegment, bytes]:
        """Return the next segment to send, when `ready` is true; then call `sent`.

        Args:
            code: Number of the code it will use.
            longest: Target length in bytes, which may be exceeded slightly.
            most: Hard limit of the length in bytes.

        Returns:
            The segment, and its bytes.
        """
        if self._probe:
            self._probe = False
            self._stats.probes += 1
            segment = StreamSegment(self.base, min(self.next, self.base + longest), code, 1)
        elif self._lost and self._lost[0].code in INCREMENTS and self._lost[0].start >= self.base:
            segment = self._repair(self._lost.popleft(), code)
        elif self._lost:
            segment = self._retransmit(self._lost.popleft(), code, longest, most)
        else:
            segment = StreamSegment(
                self.next, min(self._end, self._limit, self.next + longest), code, 0
            )
            self.next = segment.end
        if segment.tries and segment.end > segment.start:
            self._stats.retransmissions += 1
        begin = segment.start - self.base
        return segment, bytes(self._data[begin : segment.end - self.base])

    def _repair(self, segment: StreamSegment, code: int) -> StreamSegment:
        """Send an increment, and queue the next one if the present code has more parity."""
        self._repaired[segment.start] = max(segment.code, self._repaired.get(segment.start, 0))
        following = increment_after(segment.code)
        if following is not None and parity_level(code) > parity_level(segment.code):
            self._lost.appendleft(segment._replace(code=following))
        return segment

    def _retransmit(self, lost: StreamSegment, code: int, longest: int, most: int) -> StreamSegment:
        """Re-split the missing part of a lost segment, unless its copies are to be combined."""
        start, end, tries = max(lost.start, self.base), lost.end, lost.tries + 1
        same = (
            self._mode is Mode.HYBRID
            and start == lost.start
            and (lost.code == code or (is_redundancy(lost.code) and is_redundancy(code)))
        )
        if same and lost.tries < _SAME_SHAPE and end - start <= min(most, _TOO_LONG * longest):
            return StreamSegment(start, end, code, tries)
        # Join adjacent lost segments and split evenly: a short block is mostly overhead.
        while self._lost and self._lost[0].start == end and self._lost[0].end - start <= longest:
            end = self._lost.popleft().end
        parts = max(round((end - start) / longest), -(-(end - start) // most))
        if parts > 1:
            cut = start - (start - end) // parts
            self._lost.appendleft(StreamSegment(cut, end, lost.code, lost.tries))
            end = cut
        return StreamSegment(start, end, code, 1)

    def sent(self, segment: StreamSegment, size: int, now: float) -> None:
        """Record that a segment was sent with the number `number`.

        Args:
            segment: The segment.
            size: Size of the block in bytes.
            now: Time in seconds.
        """
        self._flight[self.number] = _InFlight(segment, size, now)
        self._in_flight += size
        self.number += 1
        self._last_sent = now

    def has_sent(self, offset: int) -> bool:
        """Return whether a block at this offset may still be in flight."""
        return self.base - RECEIVE_WINDOW <= unwrap(offset, 32, self.base) <= self.next

    def acknowledged(self, header: Header, now: float) -> list[Outcome] | None:
        """Process the acknowledgement in a header of the peer.

        Args:
            header: The header.
            now: Time in seconds.

        Returns:
            Outcomes of transmissions; None if the acknowledgement is implausible.
        """
        seen, base = unwrap(header.echo, 24, self._seen), unwrap(header.ack, 32, self.base)
        if seen >= self.number or base > self.next:
            return None
        if self._mode is not Mode.FEC and (
            seen < self._seen - 2 * MAX_IN_FLIGHT or base < self.base - 2 * RECEIVE_WINDOW
        ):
            return None
        if self._last_sent < 0:
            self._last_sent = now  # start the timer when sending becomes possible
        self._window = header.window * WINDOW_UNIT
        self._limit = max(self._limit, base + self._window)
        self._measure(seen, header.delay, now)
        outcomes = self._settle(seen, base, header.arrived, now)
        if base > self.base:
            self._stats.acknowledged += base - self.base
            self._stats.goodput_out.add(now, base - self.base)
            self._forget(base)
            self.rtt.answered()
        self._seen = max(self._seen, seen)
        return outcomes

    def _measure(self, seen: int, delay: int, now: float) -> None:
        sent = self._flight.get(seen)
        if seen > self._seen and sent is not None:
            self.rtt.answered()
            if delay < _LONG_DELAY:
                self.rtt.sample(now - sent.time - delay * 1e-4)

    def _settle(self, seen: int, base: int, arrived: int, now: float) -> list[Outcome]:
        """Remove transmissions that have arrived or are lost from the flight."""
        outcomes = []
        threshold = _REORDERING if self.congestion is not None else 1
        for number in list(takewhile(lambda number: number <= seen, self._flight)):
            sent, back = self._flight[number], seen - number
            segment = sent.segment
            has_arrived = segment.end <= base or (back < 32 and bool(arrived >> back & 1))
            # back == 0: the header was readable and the payload failed, which is an immediate NAK.
            if not has_arrived and (seen < self._seen or 0 < back < threshold):
                continue
            del self._flight[number]
            self._in_flight -= sent.size
            outcomes.append(
                Outcome(segment.code, segment.end - segment.start, sent.size, arrived=has_arrived)
            )
            if self.congestion is not None and has_arrived:
                self.congestion.arrived(sent.size)
            elif self.congestion is not None and back:
                self.congestion.lost(sent.time, now)
            if not has_arrived and self._mode is not Mode.FEC and segment.end > segment.start:
                self._lose(segment, is_held=back == 0)
        return outcomes

    def _lose(self, segment: StreamSegment, *, is_held: bool) -> None:
        """Queue what follows a transmission that did not arrive.

        Args:
            segment: The segment.
            is_held: Whether the receiver has it and could not decode it, so that more parity helps.
        """
        if is_held and self._mode is Mode.HYBRID and is_redundancy(segment.code):
            if self._repaired.get(segment.start, 0) > segment.code >= min(INCREMENTS):
                return  # a later increment is on its way
            following = increment_after(segment.code)
            is_long = segment.end - segment.start >= MIN_INCREMENTAL
            if following is None or not is_long or segment.tries >= MAX_INCREMENTS:
                segment = segment._replace(code=LAST_PREFIX)
            else:
                segment = segment._replace(code=following, tries=segment.tries + 1)
        self._lost.append(segment)

    def _forget(self, base: int) -> None:
        del self._data[: base - self.base]
        self.base = base
        for start in [start for start in self._repaired if start < base]:
            del self._repaired[start]

    def probe(self) -> None:
        """Send a block that the peer must answer, as soon as possible."""
        self._probe = True

    def next_timer(self) -> float | None:
        """Return the time of the retransmission timeout; None if no answer is awaited."""
        waiting = self._flight or self.base < self.next or self.next < self._end
        if not waiting or self._probe:
            return None
        return self._last_sent + self.rtt.timeout(ACK_DELAY)

    def tick(self, now: float) -> None:
        """Send a probe if the retransmission timer has expired.

        The timeout marks nothing as lost: the answer to the probe reports what is missing.
        """
        due = self.next_timer()
        if due is None or now < due:
            return
        self._last_sent = now
        self._probe = True
        self.rtt.overdue()
        if self.congestion is not None and self._flight:
            self.congestion.overdue()
        if self._mode is Mode.FEC:
            self._flight.clear()
            self._in_flight = 0
            self._forget(self.next)
            self._limit = max(self._limit, self.base + self._window)
