"""The sending half of a link: what is under way, what is lost, what may go out."""

from __future__ import annotations

from collections import deque
from itertools import takewhile
from typing import NamedTuple

from netchat.link.congestion import Congestion
from netchat.link.header import Header, unwrap
from netchat.link.open_request import Mode
from netchat.link.policies.policy import Outcome
from netchat.link.receiver import ACK_DELAY, MAX_IN_FLIGHT, RECEIVE_WINDOW, WINDOW_UNIT
from netchat.link.rtt import RetransmissionTimer
from netchat.link.stats import LinkStats

__all__ = ["Segment", "Sender"]

#: A block sent so often in the same shape is cut anew, and shorter if shorter ones fare better.
_SAME_SHAPE = 4

#: As is one that is so many times as long as it would be cut now: what its copies could tell
#: together is worth less than what shorter blocks bring.
_TOO_LONG = 2

#: Over datagrams, a block is lost when one was seen that was sent so many later (RFC 9002, 6.1.1).
#: In a stream nothing is overtaken.
_REORDERING = 3

#: The delay that says "so long or longer".
_LONG_DELAY = 255


class Segment(NamedTuple):
    """A piece of the stream that is to be sent."""

    start: int
    end: int
    code: int
    tries: int


class _Sent(NamedTuple):
    """A transmission under way."""

    segment: Segment
    size: int
    time: float


class Sender:
    """Selective repeat over a stream of bytes.

    Every transmission has a number of its own; what is sent again gets a new one. The other side
    says which numbers it has seen, so that a loss is known as soon as anything sent later has been
    seen, a second loss just as quickly as the first, and a round trip is never measured from the
    wrong transmission. Bytes are kept until the other side has everything in front of them,
    whatever it says of single transmissions.

    Args:
        first: what bytes and transmissions are counted from.
        datagrams: blocks may overtake each other, and nobody else holds back.
        mode: what is done about losses.
        stats: where it counts.

    Attributes:
        base: everything in front of it has arrived.
        next: everything in front of it has been sent at least once.
        number: of the next transmission.
        rtt: the round trip.
        congestion: how much may be under way, over datagrams.
    """

    def __init__(self, first: int, *, datagrams: bool, mode: Mode, stats: LinkStats) -> None:
        self.base = self.next = self.number = first
        self.rtt = RetransmissionTimer()
        self.congestion = Congestion() if datagrams else None
        self._mode = mode
        self._stats = stats
        self._data = bytearray()  # from `base` on
        self._limit = first
        self._window = 0
        self._flight: dict[int, _Sent] = {}  # by number, in order
        self._under_way = 0
        self._lost: deque[Segment] = deque()
        self._seen = first - 1  # the highest number the other side has seen
        self._last_sent = -1.0
        self._probe = False

    def send(self, data: bytes) -> None:
        """Append to the stream."""
        self._data += data

    @property
    def data(self) -> bytes:
        """The bytes that the other side has not acknowledged."""
        return bytes(self._data)

    @property
    def buffered(self) -> int:
        """How many those are."""
        return len(self._data)

    @property
    def _end(self) -> int:
        return self.base + len(self._data)

    def ready(self) -> bool:
        """Whether something should be sent now."""
        if self._probe:
            return True
        if self.congestion is not None and self._under_way >= self.congestion.window:
            return False
        if len(self._flight) >= MAX_IN_FLIGHT:
            return False
        while self._lost and self._lost[0].end <= self.base:
            self._lost.popleft()
        return bool(self._lost) or self.next < min(self._end, self._limit)

    def take(self, code: int, longest: int, most: int) -> tuple[Segment, bytes]:
        """What to send now; call `sent` with it. Only where `ready` says so.

        Args:
            code: the number of the code it will be in.
            longest: bytes it should have, about, at most.
            most: bytes it may have at most: not a little more, even if the cut would be nicer.

        Returns:
            The segment, and its bytes.
        """
        if self._probe:
            self._probe = False
            self._stats.probes += 1
            segment = Segment(self.base, min(self.next, self.base + longest), code, 1)
        elif self._lost:
            segment = self._again(self._lost.popleft(), code, longest, most)
        else:
            segment = Segment(self.next, min(self._end, self._limit, self.next + longest), code, 0)
            self.next = segment.end
        if segment.tries and segment.end > segment.start:
            self._stats.retransmissions += 1
        begin = segment.start - self.base
        return segment, bytes(self._data[begin : segment.end - self.base])

    def _again(self, lost: Segment, code: int, longest: int, most: int) -> Segment:
        """Cut a lost segment, or what is missing of it, unless its copies shall be combined."""
        start, end, tries = max(lost.start, self.base), lost.end, lost.tries + 1
        same = self._mode is Mode.HYBRID and lost.code == code and start == lost.start
        if same and lost.tries < _SAME_SHAPE and end - start <= min(most, _TOO_LONG * longest):
            return Segment(start, end, code, tries)
        # Neither crumbs nor a rest that would become one: a short block is nearly all head.
        while self._lost and self._lost[0].start == end and self._lost[0].end - start <= longest:
            end = self._lost.popleft().end
        parts = max(round((end - start) / longest), -(-(end - start) // most))
        if parts > 1:
            cut = start - (start - end) // parts
            self._lost.appendleft(Segment(cut, end, lost.code, lost.tries))
            end = cut
        return Segment(start, end, code, 1)

    def sent(self, segment: Segment, size: int, now: float) -> None:
        """The segment has been sent, as a block of so many bytes with the number `number`."""
        self._flight[self.number] = _Sent(segment, size, now)
        self._under_way += size
        self.number += 1
        self._last_sent = now

    def has_sent(self, offset: int) -> bool:
        """Whether a block at an offset may be under way still."""
        return self.base - RECEIVE_WINDOW <= unwrap(offset, 32, self.base) <= self.next

    def acknowledged(self, header: Header, now: float) -> list[Outcome] | None:
        """A header of the other side tells what it has.

        Returns:
            The transmissions whose fate is known by it; None if it tells what cannot be.
        """
        seen, base = unwrap(header.echo, 24, self._seen), unwrap(header.ack, 32, self.base)
        if seen >= self.number or base > self.next:
            return None
        if self._mode is not Mode.FEC and (
            seen < self._seen - 2 * MAX_IN_FLIGHT or base < self.base - 2 * RECEIVE_WINDOW
        ):
            return None
        if self._last_sent < 0:
            self._last_sent = now  # nothing is overdue before it could be sent
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
        """Take the transmissions out of flight that have arrived, or are lost."""
        outcomes = []
        overtaken = _REORDERING if self.congestion is not None else 1
        for number in list(takewhile(lambda number: number <= seen, self._flight)):
            sent, back = self._flight[number], seen - number
            segment = sent.segment
            there = segment.end <= base or (back < 32 and bool(arrived >> back & 1))
            # A header that was read in front of a payload that failed is no matter of patience.
            if not there and (seen < self._seen or 0 < back < overtaken):
                continue
            del self._flight[number]
            self._under_way -= sent.size
            outcomes.append(
                Outcome(segment.code, segment.end - segment.start, sent.size, arrived=there)
            )
            if self.congestion is not None and there:
                self.congestion.arrived(sent.size)
            elif self.congestion is not None and back:
                self.congestion.lost(sent.time, now)
            if not there and self._mode is not Mode.FEC and segment.end > segment.start:
                self._lost.append(segment)
        return outcomes

    def _forget(self, base: int) -> None:
        del self._data[: base - self.base]
        self.base = base

    def probe(self) -> None:
        """Send something that must be answered, as soon as possible."""
        self._probe = True

    def next_timer(self) -> float | None:
        """When an answer will be overdue; None if none is awaited."""
        waiting = self._flight or self.base < self.next or self.next < self._end
        if not waiting or self._probe:
            return None
        return self._last_sent + self.rtt.timeout(ACK_DELAY)

    def tick(self, now: float) -> None:
        """An answer may be overdue: then send something that must be answered.

        Nothing is taken for lost here: the answer will tell what is.
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
            self._under_way = 0
            self._forget(self.next)
            self._limit = max(self._limit, self.base + self._window)
