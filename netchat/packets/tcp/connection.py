"""TCP connection that the decoder follows, and whether it is a chat."""

from __future__ import annotations

from dataclasses import dataclass, field

from netchat.packets.decode.conversation import Conversation
from netchat.packets.items import Block, DecodedMessage, Item, Notice, Trace, Tracing
from netchat.packets.tcp.dissect import ACK, RST, SYN, Segment
from netchat.packets.tcp.stream import TcpStream
from netchat.wire import Way

__all__ = ["MAX_DUPLICATES", "PROBE", "SecondStream", "TcpConnection"]

#: Bytes of one direction in which a chat on another port must show a valid frame, if the beginning
#: of the stream was not captured. One certainly fits: two frames of maximum length.
PROBE = 128 * 1024

#: Maximum bytes and segments by which a SYN may be captured late.
_LATE_SYN_BYTES, _LATE_SYN_SEGMENTS = 64 * 1024, 8

_MASK = 0xFFFFFFFF

#: Directions of the link's blocks that travel one way only.
_BLOCK_WAYS = {"OPEN": Way.TO_SERVER, "ACCEPT": Way.TO_CLIENT, "REFUSE": Way.TO_CLIENT}

#: Maximum number of items buffered until it is known whether a connection is a chat.
_MAX_ITEMS = 256

#: Maximum number of streams of one connection in addition to its first one.
MAX_DUPLICATES = 3

#: A second stream on the same addresses and ports is a new connection if it continues for this many
#: segments, or this many ns, while the first one brings nothing new.
_RIVAL_SEGMENTS, _RIVAL_TIME = 8, 1_000_000_000

#: A second stream that does not continue, while the first one has this many segments, was one
#: damaged packet.
_MAX_FIRST_SEGMENTS = 32


@dataclass(slots=True)
class SecondStream:
    """Second stream on the addresses and ports of a connection that has not ended.

    If only the second stream continues, it is a new connection. If both continue, every packet was
    captured twice, with sequence numbers rewritten by a middlebox. If only the first continues, a packet
    was damaged.

    Attributes:
        connection: The second stream.
        packet: Number of its first packet.
        time: Capture time of that packet, in ns.
        items: Its items, kept until the case is decided.
        segments: Number of its segments after the first.
        goes_on: Whether one of these brought new bytes.
        first_segments: Number of segments of the first stream meanwhile.
        first_goes_on: Whether one of those brought new bytes.
    """

    connection: TcpConnection
    packet: int
    time: int
    items: list[Item] = field(default_factory=list)
    segments: int = 0
    goes_on: bool = False
    first_segments: int = 0
    first_goes_on: bool = False

    @property
    def is_duplicate(self) -> bool:
        """Whether this is the same connection, captured again."""
        return self.goes_on and self.first_goes_on

    @property
    def is_stray(self) -> bool:
        """Whether this is a damaged packet rather than a stream."""
        return self.first_goes_on and self.first_segments >= _MAX_FIRST_SEGMENTS

    def has_won(self, time: int) -> bool:
        """Return whether this is known to be a new connection by now."""
        late = self.segments >= _RIVAL_SEGMENTS or time - self.time >= _RIVAL_TIME
        return late and self.goes_on and not self.first_goes_on


class TcpConnection:
    """One TCP connection that the decoder follows.

    Attributes:
        conversation: The connection as views see it.
        client: The direction from the client.
        server: The direction from the server.
        keys: Keys of both directions.
        is_chat: Whether it is a chat, by its port or its content; None while unknown.
        is_fast: Whether segments may take the fast path: it is a chat, and nothing is buffered.
        is_over: Whether it was closed or reset.
        last: Time of its last packet, in ns.
        second_stream: Second stream on its addresses and ports, not classified yet.
        duplicates: Further streams of the same connection.
        first: For a second stream or duplicate, the connection that it accompanies; otherwise None.
    """

    __slots__ = (
        "_pending",
        "client",
        "conversation",
        "duplicates",
        "first",
        "is_chat",
        "is_fast",
        "is_over",
        "keys",
        "last",
        "second_stream",
        "server",
    )  # fmt: skip

    def __init__(
        self,
        conversation: Conversation,
        client: TcpStream,
        server: TcpStream,
        keys: tuple[bytes, bytes],
        *,
        chat: bool | None,
    ) -> None:
        self.conversation = conversation
        self.client, self.server = client, server
        client.other, server.other = server, client
        self.keys = keys
        self.is_chat = chat
        self.is_fast = self.is_over = False
        self.last = 0
        self.second_stream: SecondStream | None = None
        self.duplicates: list[TcpConnection] = []
        self.first: TcpConnection | None = None
        self._pending: list[Item] = []

    @property
    def streams(self) -> list[TcpConnection]:
        """This connection, its duplicates and its second stream."""
        return [
            self,
            *self.duplicates,
            *([self.second_stream.connection] if self.second_stream is not None else []),
        ]

    def half(self, key: bytes) -> TcpStream:
        """Return the direction that has this key."""
        return next(h for h in (self.client, self.server) if h.key == key)

    @property
    def turn(self) -> int:
        """Number of segments so far."""
        return self.client.counts.segments + self.server.counts.segments

    @property
    def is_waiting(self) -> bool:
        """Whether segments are buffered in either direction."""
        return bool(self.client.buffer.pieces or self.server.buffer.pieces)

    def take(
        self, half: TcpStream, segment: Segment, number: int, time: int, *, trace: Tracing
    ) -> list[Item]:
        """Process a segment of any kind.

        Args:
            half: The direction it belongs to.
            segment: The segment.
            number: Number of its packet.
            time: Capture time, in ns.
            trace: Whether to yield the segment itself as well; `unusual`: only if it has a note.
        """
        self.last = time
        half.counts.segments += 1
        flags, items = segment.flags, list[Item]()
        again = flags & SYN and half.settled
        if flags & SYN and not again:
            items += half.begin((segment.seq + 1) & _MASK)
            self.conversation.whole = True
        if half.is_far(segment.seq):
            half.note = "out of window"
            half.counts.astray += 1
            if segment.payload:
                half.stray = segment, number, time
        elif again:
            half.note = "retransmission"
            half.counts.retransmissions += 1
        else:
            if flags & ACK:
                half.other.acked = segment.ack
            items += half.accept(segment, number, time, self.turn)
            items += self._after(half, flags, number, time)
        self.is_fast = (
            self.is_chat is True
            and not self.is_waiting
            and trace is not True
            and self.second_stream is None
        )
        if not trace or (trace == "unusual" and not half.note):
            return items
        return [self._trace(half, segment, number, time), *items]

    def _after(self, half: TcpStream, flags: int, number: int, time: int) -> list[Item]:
        """Update the state of the whole connection after a segment."""
        items = self.check(time)
        if self.is_over:
            return items
        event = ""
        if flags & RST:
            event = "reset"
            if not self.is_waiting:
                items += self.finish("the connection is reset", number, time)
        elif self.client.ended and self.server.ended:
            event = "closed"
        if event:
            self.is_over = True
            items.append(Notice(time, self.conversation, half.to_server, event, number))
        return items

    def check(self, time: int) -> list[Item]:
        """Give up on missing bytes whose timeout has expired."""
        items: list[Item] = []
        for half in (self.client, self.server):
            if half.buffer.pieces:
                items += half.check(time, self.turn)
        return items

    def finish(self, why: str, number: int, time: int) -> list[Item]:
        """End both streams, giving up on all missing bytes; `why` says what ended them."""
        return self.client.finish(why, number, time) + self.server.finish(why, number, time)

    def is_another(self, half: TcpStream, segment: Segment) -> bool:
        """Return whether a segment belongs to a new connection on these ports."""
        if segment.flags & SYN:
            if not half.settled:
                return False
            first = (segment.seq + 1) & _MASK
            if half.initial >= 0:
                return first != half.initial
            late = -_LATE_SYN_BYTES <= half.place(first) - half.offset <= 0
            return not late or half.counts.segments > _LATE_SYN_SEGMENTS
        if half.stray is None or not half.is_far(segment.seq):
            return False
        stray = half.stray[0]
        return segment.seq == (stray.seq + len(stray.payload) + stray.cut) & _MASK

    def fit(self, half: TcpStream, segment: Segment) -> int:
        """Return how well a segment fits into this stream; 0 if it does not fit."""
        other, acks = half.other, segment.flags & ACK
        if self.is_another(half, segment) or (acks and other.is_far(segment.ack)):
            return 0
        exact = acks and other.next == segment.ack
        if segment.flags & SYN:
            return 3 + bool(exact) if half.settled else 1 + bool(exact)
        if half.is_far(segment.seq):
            return 0
        return 1 + 2 * (segment.seq == half.next) + bool(exact)

    def goes_on(self, half: TcpStream, segment: Segment) -> bool:
        """Return whether a segment that fits brings new bytes to this stream."""
        if segment.flags & SYN:
            answers = segment.flags & ACK and segment.ack == half.other.next
            return bool(answers) and not half.settled
        return bool(segment.payload) and segment.seq == half.next

    def _trace(self, half: TcpStream, segment: Segment, number: int, time: int) -> Trace:
        syn, known = segment.flags & SYN, half.other.next >= 0
        ack = half.other.place(segment.ack) if segment.flags & ACK and known else -1
        offset = half.place(segment.seq + (1 if syn else 0)) if half.next >= 0 else 0
        size = len(segment.payload) + segment.cut
        return Trace(
            time, self.conversation, half.to_server, number, segment.flags, offset, size, ack,
            half.note,
        )  # fmt: skip

    def recognise(self, items: list[Item]) -> list[Item]:
        """Decide from the items found whether this is a chat.

        Args:
            items: The next items.

        Returns:
            All items since the beginning once it is known to be a chat; until then none.
        """
        pending = self._pending
        pending += items
        first = next((item for item in items if isinstance(item, (DecodedMessage, Block))), None)
        if first is not None:
            self.is_chat, self._pending = True, []
            if not self.conversation.whole and not _ways(first) & (
                Way.TO_SERVER if first.to_server else Way.TO_CLIENT
            ):
                # The client was guessed wrongly from the ports.
                self._swap_direction()
                pending = [item._replace(to_server=not item.to_server) for item in pending]
            return pending
        halves = self.client, self.server
        probed = any(half.counts.bytes > PROBE for half in halves)
        foreign = self.conversation.whole and any(half.stage.has_invalid_bytes for half in halves)
        if probed or foreign or len(pending) > _MAX_ITEMS:
            self.is_chat, self._pending = False, []
            self.client.abandon()
            self.server.abandon()
        return []

    def _swap_direction(self) -> None:
        conversation = self.conversation
        conversation.client, conversation.server = conversation.server, conversation.client
        conversation.to_server, conversation.to_client = (
            conversation.to_client,
            conversation.to_server,
        )
        self.client, self.server = self.server, self.client
        for half in (self.client, self.server):
            half.swap_direction()


def _ways(item: DecodedMessage | Block) -> Way:
    """Return the directions in which a message or a block may travel."""
    if isinstance(item, DecodedMessage):
        return item.message.WAY
    return _BLOCK_WAYS.get(item.header.kind.name, Way.BOTH)
