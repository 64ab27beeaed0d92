"""Comparison of two captures of the same conversations, from both sides of a network.

A message or segment in the capture of its sender's side that is missing from the other one was lost in
between. Conversations are paired by their addresses and ports or, if a NAT has changed these, by the
messages in them. The captures' clocks may differ: their offset is estimated as NTP does, from the
fastest segment of each direction (RFC 5905, section 8).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TypeAlias

from netchat.packets.decode.conversation import Conversation
from netchat.packets.items import DecodedMessage, Item, Trace
from netchat.packets.tcp.dissect import FIN, RST, SYN
from netchat.packets.time_sample import TimeSample

__all__ = [
    "CapturedSide",
    "ComparedConversation",
    "ComparedWay",
    "Comparison",
    "collect",
    "compare",
]

#: Conversations of a capture that may have an equal frame for it to identify one of them.
_MAX_NAMESAKES = 4

#: Minimum requests of both conversations for which a quarter of them must be equal.
_MIN_REQUESTS = 4

#: Identity of a message or a segment in both captures.
Key: TypeAlias = bytes | tuple[int, ...]

#: An item seen by one capture.
_Seen: TypeAlias = DecodedMessage | Trace


class CapturedSide:
    """One conversation as one capture shows it.

    Attributes:
        conversation: The conversation.
        seen: By direction (True: to the server), the messages, and the segments with data or flags.
    """

    def __init__(self, conversation: Conversation) -> None:
        self.conversation = conversation
        self.seen: dict[bool, dict[Key, list[_Seen]]] = {True: {}, False: {}}

    def add(self, item: Item) -> None:
        """Add an item; all but messages and segments are ignored."""
        if isinstance(item, DecodedMessage):
            key: Key = blake2b(item.raw, digest_size=16).digest()
        elif isinstance(item, Trace) and item.conversation.transport == "TCP":
            flags = item.flags & (SYN | FIN | RST)
            if not item.size and not flags:
                return
            key = (flags, item.offset, item.size)
        else:
            return
        self.seen[item.to_server].setdefault(key, []).append(item)

    @property
    def digests(self) -> set[Key]:
        """Keys of all messages."""
        return {key for way in self.seen.values() for key in way if isinstance(key, bytes)}

    @property
    def requests(self) -> set[Key]:
        """Keys of the client's messages, which are seldom equal to those of others."""
        return {key for key in self.seen[True] if isinstance(key, bytes)}


@dataclass(slots=True)
class ComparedWay:
    """One direction of a conversation.

    Attributes:
        messages: Messages that the sender's capture has.
        segments: Segments with data or flags that it has.
        lost_messages: Those messages that the receiver's capture lacks.
        lost_segments: Those segments that it lacks.
        unsent: Messages and segments that only the receiver's capture has: the sender's is incomplete.
        delay: Times from capture to capture, corrected by the clocks' offset.
    """

    messages: int = 0
    segments: int = 0
    lost_messages: list[DecodedMessage] = field(default_factory=list)
    lost_segments: list[Trace] = field(default_factory=list)
    unsent: int = 0
    delay: TimeSample = field(default_factory=TimeSample)


@dataclass(frozen=True, slots=True)
class ComparedConversation:
    """A conversation in both captures.

    Attributes:
        first: It in the first capture.
        second: It in the second capture.
        ways: What happened to the server (True) and to the client.
    """

    first: Conversation
    second: Conversation
    ways: dict[bool, ComparedWay]

    @property
    def is_translated(self) -> bool:
        """Whether a NAT has changed an address or a port."""
        ends = (self.first.client, self.first.server)
        return ends != (self.second.client, self.second.server)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Result of a comparison.

    Attributes:
        first_is_client: Whether the first capture was recorded nearer to the clients.
        offset: Clock of the second capture minus that of the first, in ns; None without a conversation
            that both have.
        uncertainty: Largest error of `offset`, in ns: half of the shortest round trip.
        conversations: The conversations that both captures have.
        only_first: Those that only the first one has.
        only_second: Those that only the second one has.
    """

    first_is_client: bool
    offset: int | None
    uncertainty: int
    conversations: list[ComparedConversation]
    only_first: list[Conversation]
    only_second: list[Conversation]

    @property
    def lost(self) -> int:
        """Number of messages that were sent and not received."""
        ways = (way for each in self.conversations for way in each.ways.values())
        return sum(len(way.lost_messages) for way in ways)


def collect(items: Iterable[Item]) -> list[CapturedSide]:
    """Return the conversations of a capture, read by a decoder with `trace`."""
    sides: dict[Conversation, CapturedSide] = {}
    for item in items:
        side = sides.get(item.conversation)
        if side is None:
            side = sides[item.conversation] = CapturedSide(item.conversation)
        side.add(item)
    return list(sides.values())


def compare(first: Sequence[CapturedSide], second: Sequence[CapturedSide]) -> Comparison:
    """Compare two captures.

    Args:
        first: Conversations of the first capture.
        second: Conversations of the second one.
    """
    pairs = _pair(first, second)
    up, down = (_differences(pairs, to_server=way) for way in (True, False))
    first_is_client = not up or not down or sorted(up)[len(up) // 2] >= sorted(down)[len(down) // 2]
    offset, uncertainty = _clock(up, down, first_is_client=first_is_client)
    compared = [
        ComparedConversation(
            one.conversation,
            other.conversation,
            {
                way: _compare_way(
                    one, other, offset or 0, to_server=way, forward=way == first_is_client
                )
                for way in (True, False)
            },
        )
        for one, other in pairs
    ]
    paired = {id(side) for pair in pairs for side in pair}
    return Comparison(
        first_is_client, offset, uncertainty, compared,
        [side.conversation for side in first if id(side) not in paired],
        [side.conversation for side in second if id(side) not in paired],
    )  # fmt: skip


def _pair(
    first: Sequence[CapturedSide], second: Sequence[CapturedSide]
) -> list[tuple[CapturedSide, CapturedSide]]:
    """Pair the conversations that have most of their messages in common; endpoints count as one."""
    by_digest: dict[Key, list[int]] = defaultdict(list)
    for index, side in enumerate(second):
        for digest in side.digests:
            by_digest[digest].append(index)
    by_ends: dict[object, list[int]] = defaultdict(list)
    for index, side in enumerate(second):
        by_ends[side.conversation.client, side.conversation.server].append(index)
    free = set(range(len(second)))
    by_request: dict[Key, list[int]] = defaultdict(list)
    for index, side in enumerate(second):
        for digest in side.requests:
            by_request[digest].append(index)
    requests = Counter(digest for side in first for digest in side.requests)
    pairs = []
    for side in first:
        votes: Counter[int] = Counter()
        for digest in side.digests:
            # A frame that many conversations have, such as an equal BYE, identifies none of them.
            if len(by_digest[digest]) <= _MAX_NAMESAKES:
                votes.update(index for index in by_digest[digest] if index in free)
        ends = side.conversation.client, side.conversation.server
        for index in by_ends[ends]:
            if index in free:
                votes[index] += 1
        unique: Counter[int] = Counter(
            by_request[digest][0]
            for digest in side.requests
            if requests[digest] == len(by_request[digest]) == 1
        )
        best = sorted(votes.items(), key=lambda vote: (-unique[vote[0]], -vote[1], vote[0]))
        for index, count in best[:1]:
            other = second[index]
            if index not in by_ends[ends] and _are_strangers(side, other):
                continue
            # Room members receive equal events; a request that no other client has sent identifies one.
            needed = min(len(side.digests), len(second[index].digests)) / (
                8 if unique[index] else 2
            )
            if count > needed:
                free.discard(index)
                pairs.append((side, second[index]))
    return pairs


def _are_strangers(one: CapturedSide, other: CapturedSide) -> bool:
    """Return whether two clients sent enough requests to compare, but few equal ones.

    Members of a room receive the same events, and may send an equal JOIN.
    """
    fewest = min(len(one.requests), len(other.requests))
    return fewest >= _MIN_REQUESTS and 4 * len(one.requests & other.requests) < fewest


def _differences(
    pairs: Iterable[tuple[CapturedSide, CapturedSide]], *, to_server: bool
) -> list[int]:
    """Return the time differences of what occurs exactly once in both captures, in ns."""
    found = []
    for one, other in pairs:
        for key, items in one.seen[to_server].items():
            match = other.seen[to_server].get(key, [])
            if len(items) == len(match) == 1:
                found.append(match[0].time - items[0].time)
    return found


def _clock(up: list[int], down: list[int], *, first_is_client: bool) -> tuple[int | None, int]:
    """Return the clocks' offset and its uncertainty, in ns."""
    if not up and not down:
        return None, 0
    if not up or not down:
        return min(up or down, key=abs), 0  # one direction alone cannot tell offset from delay
    forward, backward = (up, down) if first_is_client else (down, up)
    fastest, slowest = min(forward), max(backward)
    return (fastest + slowest) // 2, max(0, fastest - slowest) // 2


def _compare_way(
    one: CapturedSide, other: CapturedSide, offset: int, *, to_server: bool, forward: bool
) -> ComparedWay:
    """Compare one direction.

    Args:
        one: The conversation in the first capture.
        other: It in the second one.
        offset: The clocks' offset, in ns.
        to_server: The direction.
        forward: Whether the first capture is on the sender's side.
    """
    way = ComparedWay()
    sender, receiver = (one, other) if forward else (other, one)
    sent, received = sender.seen[to_server], receiver.seen[to_server]
    shift = offset if forward else -offset
    for key, items in sent.items():
        lost, delays = _match(items, received.get(key, []), shift)
        for item in items:
            if isinstance(item, DecodedMessage):
                way.messages += 1
            else:
                way.segments += 1
        for item in lost:
            if isinstance(item, DecodedMessage):
                way.lost_messages.append(item)
            else:
                way.lost_segments.append(item)
        for delay in delays:
            way.delay.add(delay)
    way.unsent = sum(max(0, len(items) - len(sent.get(key, []))) for key, items in received.items())
    return way


def _match(sent: list[_Seen], received: list[_Seen], shift: int) -> tuple[list[_Seen], list[int]]:
    """Pair equal items; return those without a partner, and the delays of segments, in ns.

    Of a segment sent twice and received once, the last copy before the reception has arrived.
    """
    waiting = list(sent)
    delays = []
    for arrived in received:
        time = arrived.time - shift
        before = [item for item in waiting if item.time <= time] or waiting[:1]
        if not before:
            break
        waiting.remove(before[-1])
        if isinstance(arrived, Trace):
            delays.append(max(0, time - before[-1].time))
    return waiting, delays
