"""Decoder: from packets to messages.

    packet -> dissect -> TcpStream -> Stage (frames, or blocks with frames in them) -> items
                                   -> TLS records -> Stage, for their content -> items
                      -> Datagrams (UDP) -> blocks with frames in them -> items
                      -> FragmentBuffer -> the whole packet -> dissect

    decoder = Decoder()
    for packet in read_packets("chat.pcapng"):
        for item in decoder.feed(packet):
            ...
    for item in decoder.finish():
        ...

It does no input or output itself. A live capture feeds packets as they arrive, and calls `tick`
regularly, so that timeouts expire.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING

from netchat.packets.capture.packet import Packet
from netchat.packets.decode.conversation import Conversation, endpoints, reverse
from netchat.packets.decode.frame_scanner import FrameScanner, SegmentCache, Stage
from netchat.packets.decode.protocol_detector import StageSelector
from netchat.packets.items import Item, Notice, Tracing
from netchat.packets.memory_budget import MAX_CONVERSATIONS, MAX_KEPT, MemoryBudget
from netchat.packets.tcp.connection import MAX_DUPLICATES, SecondStream, TcpConnection
from netchat.packets.tcp.dissect import (
    ACK,
    FIN,
    FRAGMENT,
    NOT_TCP,
    RST,
    SYN,
    Segment,
    dissect,
    dissect_datagram,
)
from netchat.packets.tcp.fragments import FragmentBuffer
from netchat.packets.tcp.stream import WINDOW, TcpStream
from netchat.packets.tls.key_log import KeyLog
from netchat.packets.tls.opener import TrialBudget
from netchat.packets.tls.state import TlsState
from netchat.wire import DEFAULT_PORT, MAX_FRAME

if TYPE_CHECKING:
    from netchat.packets.decode.datagrams import Datagrams, Side

__all__ = ["Decoder"]

_KINDS = SYN | FIN | RST | ACK

#: Maximum number of remembered connections that are not a chat; the key of one takes 150 bytes.
_MAX_FOREIGN = 65_536


class Decoder:
    """Decoder of the chat in a sequence of packets.

    Args:
        ports: TCP ports of chat servers: every connection to them is a chat. A connection on other
            ports is a chat if a valid frame is found where one must be. Links over UDP are looked for
            on these ports only.
        limit: Maximum length of a frame, in bytes; longer ones are damage.
        trace: Whether to yield every TCP segment of a chat as well, as a `Trace`, which is slower; `unusual`
            yields only those that have a note, such as retransmissions.
        keys: Secrets of TLS connections; None for none.

    Attributes:
        keys: Secrets of TLS connections, including those that the capture contains.
        packets: Number of packets fed.
        skipped: Number of packets without a TCP segment or a link's datagram, by reason; fragments are
            counted when it is clear that the rest of their packet is missing.
        conversations: Number of chat connections and links over UDP found.
    """

    def __init__(
        self,
        ports: Collection[int] = (DEFAULT_PORT,),
        *,
        limit: int = MAX_FRAME,
        trace: Tracing = False,
        keys: KeyLog | None = None,
    ) -> None:
        self.keys: KeyLog = keys if keys is not None else KeyLog()
        self.packets: int = 0
        self.skipped: Counter[str] = Counter()
        self.conversations: int = 0
        self._origin = -1  # time of the first packet
        self._ports = frozenset(ports)
        self._limit = limit
        self._trace = trace
        self._budget = MemoryBudget()
        self._cache = SegmentCache()
        self._table: dict[bytes, tuple[TcpConnection, TcpStream]] = {}
        self._foreign: set[bytes] = set()  # keys of connections that are not a chat
        self._waiting: set[TcpConnection] = set()
        self._ambiguous: set[TcpConnection] = set()  # connections with a second stream
        self._datagrams: Datagrams | None = None
        self._trials = TrialBudget()
        self._fragments = FragmentBuffer(self.skipped)

    def feed(self, packet: Packet) -> list[Item]:
        """Process the next packet.

        Returns:
            The items that it completes, often none.
        """
        number, time, link, data, length = packet
        if not self.packets:
            self._origin = time
        self.packets += 1
        fields = dissect(link, data, length)
        if isinstance(fields, str):
            return self._no_segment(fields, packet)
        key, seq, ack, flags, payload, cut = fields
        known = self._table.get(key)
        if known is not None:
            connection, half = known
            if connection.is_fast and seq == half.next and flags & _KINDS == ACK and not cut:
                # Fast path: the next segment of a chat in which nothing is missing.
                connection.last = time
                half.other.acked = ack
                half.counts.segments += 1
                if not payload:
                    return []
                items = half.deliver(payload, number, time)
                return items + self._relieve() if self._budget.used > MAX_KEPT else items
        return self._unusual(Segment(*fields), number, time)

    def tick(self, time: int) -> list[Item]:
        """Handle expired timeouts when no packet arrives.

        Args:
            time: Current time by the packets' clock, in ns.
        """
        items: list[Item] = []
        for connection in list(self._waiting):
            items += self._sift(connection, connection.check(time))
        for connection in list(self._ambiguous):
            if connection.second_stream is not None and connection.second_stream.has_won(time):
                items += self._replace(connection)
        return items

    def idle(self, silence: int) -> list[Item]:
        """Handle expired timeouts of a capture whose clock is another machine's.

        Args:
            silence: Time since the last packet arrived, in ns.
        """
        waiting = [connection.last for connection in self._waiting | self._ambiguous]
        return self.tick(max(waiting) + silence) if waiting else []

    def finish(self) -> list[Item]:
        """Mark the end of the capture and flush pending streams."""
        items: list[Item] = []
        self._fragments.finish()
        for connection in self._followed():
            items += self._end(connection, "the capture ends", "", connection.last, self.packets)
        return items + (self._datagrams.finish() if self._datagrams is not None else [])

    def _no_segment(self, why: str, packet: Packet) -> list[Item]:
        """Process a packet without TCP: a fragment, or a link's datagram."""
        if why == FRAGMENT:
            whole = self._fragments.feed(packet)
            if whole is None:
                return []
            packet = whole
            fields = dissect(packet.link, packet.data, packet.length)
            if not isinstance(fields, str):
                return self._unusual(Segment(*fields), packet.number, packet.time)
            why = fields
        number, time, link, data, length = packet
        items: list[Item] | None = None
        if why == NOT_TCP:
            datagram = dissect_datagram(link, data, length)
            if datagram is not None and self._ports & _ports_of(datagram.key):
                items = self._links().feed(datagram, number, time)
        if items is None:
            self.skipped[why] += 1
            return []
        return items + self._relieve() if self._budget.used > MAX_KEPT else items

    def _links(self) -> Datagrams:
        """Return the decoder of links over UDP, creating it for the first link."""
        if self._datagrams is None:
            from netchat.packets.decode.datagrams import Datagrams

            self._datagrams = Datagrams(
                self._ports,
                self._budget,
                self._open_frames,
                self._count,
                trace=self._trace is True,
                origin=self._origin,
            )
        return self._datagrams

    # -- one segment ----------------------------------------------------------------------------

    def _unusual(self, segment: Segment, number: int, time: int) -> list[Item]:
        """Process a segment that opens or closes, is out of order, or is incomplete."""
        items: list[Item] = []
        key, opening = segment.key, segment.flags & (SYN | ACK) == SYN
        if key in self._foreign:
            if not opening:
                return []
            self._foreign -= {key, reverse(key)}
        connection, half = self._table.get(key, (None, None))
        if connection is None and segment.flags & RST:
            return items
        if connection is None or half is None:
            connection, half = self._open(segment, number, time, items)
        elif connection.second_stream is not None or connection.duplicates:
            connection, half = self._stream(connection, segment, time, items)
            if connection.is_chat is False:
                return items  # a new connection uses the ports, and is not a chat
        if connection.is_another(half, segment):
            connection, half = self._challenge(connection, half, segment, number, time, items)
        items += self._take(connection, half, segment, number, time)
        if (
            connection.second_stream is not None
            and connection.second_stream.is_duplicate
            and connection.is_chat
        ):
            items += self._pair(connection)
        return items + self._relieve() if self._budget.used > MAX_KEPT else items

    def _take(
        self, connection: TcpConnection, half: TcpStream, segment: Segment, number: int, time: int
    ) -> list[Item]:
        items = connection.take(half, segment, number, time, trace=self._trace)
        return self._sift(connection, items)

    def _sift(self, connection: TcpConnection, items: list[Item]) -> list[Item]:
        """Keep back the items of a possible chat; update the set of waiting connections."""
        if connection.is_chat is None:
            items = connection.recognise(items)
            self._decided(connection)
        if connection.is_waiting:
            self._waiting.add(connection)
        else:
            self._waiting.discard(connection)
        first = connection.first
        if first is None:
            return items
        if first.second_stream is not None and first.second_stream.connection is connection:
            first.second_stream.items += items
            return []
        return _of_duplicate(first.conversation, items)

    def _decided(self, connection: TcpConnection) -> None:
        """Act on the decision whether a connection on another port is a chat."""
        self._number(connection)
        first = connection.first
        if connection.is_chat:
            idle = not connection.is_waiting and connection.second_stream is None
            connection.is_fast = idle and self._trace is not True
        elif connection.is_chat is not None and first is None:
            self._forget(connection)
            self._foreign.update(connection.keys)
        elif (
            connection.is_chat is not None and first is not None and connection in first.duplicates
        ):
            first.duplicates.remove(connection)
            self._waiting.discard(connection)

    # -- two streams on the same addresses and ports ----------------------------------------------

    def _stream(
        self, connection: TcpConnection, segment: Segment, time: int, items: list[Item]
    ) -> tuple[TcpConnection, TcpStream]:
        """Choose the stream that a segment belongs to; by default the first."""
        second_stream = connection.second_stream
        if second_stream is not None and second_stream.has_won(time):
            items += self._replace(connection)
            return second_stream.connection, second_stream.connection.half(segment.key)
        if second_stream is not None and second_stream.is_stray and not second_stream.goes_on:
            self._drop_second_stream(connection)
            second_stream = None
        fits = [
            (stream.fit(stream.half(segment.key), segment), stream) for stream in connection.streams
        ]
        best, stream = max(fits, key=lambda fit: fit[0])
        if not best:
            return connection, connection.half(segment.key)
        half = stream.half(segment.key)
        if second_stream is not None:
            goes_on = stream.goes_on(half, segment)
            if stream is second_stream.connection:
                second_stream.segments += 1
                second_stream.goes_on |= goes_on
            elif stream is connection:
                second_stream.first_segments += 1
                second_stream.first_goes_on |= goes_on
        return stream, half

    def _challenge(
        self, connection: TcpConnection, half: TcpStream, segment: Segment, number: int, time: int,
        items: list[Item],
    ) -> tuple[TcpConnection, TcpStream]:  # fmt: skip
        """Begin to follow a second stream on the addresses and ports of a connection."""
        # Two segments with adjacent sequence numbers prove a new stream: both belong to it.
        strays = [] if segment.flags & SYN else _take_strays(half, segment)
        began = strays[0][2] if strays else time
        if connection.second_stream is not None:
            other = connection.second_stream.connection
            items += self._replace(connection)
            connection = other
        if (
            connection.is_over
            or connection.is_chat is False
            or len(connection.duplicates) >= MAX_DUPLICATES
        ):
            why = "a new connection uses its ports"
            if connection.is_chat is not False:
                items += self._end(connection, why, "replaced", time, self.packets)
            self._foreign -= set(connection.keys)
            other, sender = self._open(segment, number, began, items)
        else:
            other, sender = self._follow(segment, began)
            other.first = connection
            connection.second_stream = SecondStream(other, number, time)
            connection.is_fast = False
            self._ambiguous.add(connection)
            self._sift(other, [_begins(other, sender, segment, number, began)])
        for stray in strays:
            items += self._take(other, other.half(stray[0].key), *stray)
        return other, sender

    def _replace(self, connection: TcpConnection) -> list[Item]:
        """Replace a connection with its second stream, which is a new connection."""
        second_stream = connection.second_stream
        assert second_stream is not None
        connection.second_stream = None
        self._ambiguous.discard(connection)
        why = "a new connection uses its ports"
        items = self._end(connection, why, "replaced", second_stream.time, second_stream.packet)
        other = second_stream.connection
        other.first = None
        for half in (other.client, other.server):
            self._table[half.key] = other, half
        self._decided(other)
        return items + second_stream.items

    def _drop_second_stream(self, connection: TcpConnection) -> None:
        """Discard a connection's second stream, which was a damaged packet."""
        second_stream = connection.second_stream
        assert second_stream is not None
        connection.second_stream = None
        self._ambiguous.discard(connection)
        self._waiting.discard(second_stream.connection)
        for half in (second_stream.connection.client, second_stream.connection.server):
            connection.half(half.key).counts.astray += half.counts.segments
            half.abandon()

    def _pair(self, connection: TcpConnection) -> list[Item]:
        """Add a connection's second stream as a duplicate: the same connection, captured again."""
        second_stream = connection.second_stream
        assert second_stream is not None
        if second_stream.connection.is_chat is False:
            self._drop_second_stream(connection)
            return []
        connection.second_stream = None
        self._ambiguous.discard(connection)
        connection.duplicates.append(second_stream.connection)
        conversation = connection.conversation
        conversation.duplicates.append(second_stream.connection.conversation)
        notice = Notice(second_stream.time, conversation, True, "doubled", second_stream.packet)
        return [notice, *_of_duplicate(conversation, second_stream.items)]

    # -- connections ----------------------------------------------------------------------------

    def _open(
        self, segment: Segment, number: int, time: int, items: list[Item]
    ) -> tuple[TcpConnection, TcpStream]:
        """Begin to follow the connection of a segment."""
        if len(self._table) >= 2 * MAX_CONVERSATIONS or len(self._foreign) > _MAX_FOREIGN:
            items += self._make_room(time)
        connection, sender = self._follow(segment, time)
        for half in (sender, sender.other):
            self._table[half.key] = connection, half
        self._number(connection)
        items += self._sift(connection, [_begins(connection, sender, segment, number, time)])
        return connection, sender

    def _follow(self, segment: Segment, time: int) -> tuple[TcpConnection, TcpStream]:
        """Create the connection of a segment; return it and the direction of the segment."""
        source, target = endpoints(segment.key)
        opening = segment.flags & SYN
        if opening:
            to_server = not segment.flags & ACK
        elif (source[1] in self._ports) != (target[1] in self._ports):
            to_server = target[1] in self._ports
        else:
            to_server = source[1] >= target[1]  # most servers have the lower port
        client, server = (source, target) if to_server else (target, source)
        chat = True if self._ports & {source[1], target[1]} else None
        conversation = Conversation(0, client, server, time, bool(opening), origin=self._origin)
        keys = segment.key, reverse(segment.key)
        halves = [
            TcpStream(key, conversation, counts, self._budget, self._open_detector, to_server=to)
            for key, to, counts in (
                (keys[not to_server], True, conversation.to_server),
                (keys[to_server], False, conversation.to_client),
            )
        ]
        connection = TcpConnection(conversation, halves[0], halves[1], keys, chat=chat)
        return connection, halves[0] if to_server else halves[1]

    def _open_detector(self, half: TcpStream, aligned: bool) -> StageSelector:
        return StageSelector(
            half.conversation,
            self._budget,
            partial(self._open_frames, half),
            to_server=half.to_server,
            aligned=aligned,
            open_tls=partial(self._open_tls, half),
        )

    def _open_tls(self, half: TcpStream, offset: int, aligned: bool) -> Stage:
        """Return the stage for a direction of a TLS connection."""
        from netchat.packets.tls.stage import TlsStage

        conversation = half.conversation
        if conversation.tls is None:
            conversation.tls = TlsState()
        return TlsStage(
            conversation,
            conversation.tls,
            self.keys,
            self._trials,
            self._budget,
            partial(self._open_content, half),
            to_server=half.to_server,
            offset=offset,
            aligned=aligned,
        )

    def _open_content(self, half: TcpStream, aligned: bool) -> StageSelector:
        """Return the first stage for the content of TLS records: frames or a link, not TLS again."""
        return StageSelector(
            half.conversation,
            self._budget,
            partial(self._open_frames, half),
            to_server=half.to_server,
            aligned=aligned,
        )

    def _open_frames(self, half: TcpStream | Side, aligned: bool) -> Stage:
        return FrameScanner(
            half.conversation,
            self._budget,
            to_server=half.to_server,
            limit=self._limit,
            aligned=aligned,
            cache=self._cache,
        )

    def _number(self, connection: TcpConnection) -> None:
        if connection.is_chat and connection.first is None:
            connection.conversation.number = self._count()

    def _count(self) -> int:
        """Return the number of the next conversation."""
        self.conversations += 1
        return self.conversations

    def _end(
        self, connection: TcpConnection, why: str, event: str, time: int, number: int
    ) -> list[Item]:
        """Stop following a connection.

        Args:
            connection: The connection, with all of its streams.
            why: What ended it, for the reasons of unfinished frames.
            event: Event of a notice, or "" for none.
            time: Time of the notice, in ns.
            number: Packet number of the notice.
        """
        if connection.second_stream is not None:
            other = connection.second_stream.connection
            items = self._replace(connection)
            # If it is not a chat, it was removed already.
            return (
                items
                if other.is_chat is False
                else items + self._end(other, why, event, time, number)
            )
        items = connection.finish(why, number, time)
        if connection.is_chat is None:  # the last chance to decide
            items = connection.recognise(items)
            self._number(connection)
        for duplicate in connection.duplicates:
            items += _of_duplicate(connection.conversation, duplicate.finish(why, number, time))
        self._forget(connection)
        if event and connection.is_chat and not connection.is_over:
            items.append(Notice(time, connection.conversation, True, event, number))
        return items if connection.is_chat else []

    def _forget(self, connection: TcpConnection) -> None:
        self._ambiguous.discard(connection)
        for key in connection.keys:
            self._table.pop(key, None)
        for stream in connection.streams:
            self._waiting.discard(stream)
            stream.client.abandon()
            stream.server.abandon()

    def _followed(self) -> list[TcpConnection]:
        """Return all connections, the least recently active first."""
        return sorted({c for c, _ in self._table.values()}, key=lambda c: c.last)

    def _make_room(self, time: int) -> list[Item]:
        """Evict the least recently active quarter of the connections."""
        items: list[Item] = []
        self._foreign.clear()
        for connection in self._followed()[: len(self._table) // 8]:
            why = "the connection is no longer followed"
            items += self._end(connection, why, "dropped", time, self.packets)
        return items

    def _relieve(self) -> list[Item]:
        """Flush the least recently active connections until memory is free again."""
        items: list[Item] = []
        for connection in self._followed():
            if self._budget.used <= MAX_KEPT * 3 // 4:
                break
            for stream in connection.streams:
                for half in (stream.client, stream.server):
                    items += self._sift(stream, half.release(stream.last))
        if self._datagrams is not None:
            items += self._datagrams.relieve(MAX_KEPT * 3 // 4)
        return items


def _begins(
    connection: TcpConnection, sender: TcpStream, segment: Segment, number: int, time: int
) -> Notice:
    event = "opened" if segment.flags & SYN else "joined"
    return Notice(time, connection.conversation, sender.to_server, event, number)


def _take_strays(half: TcpStream, segment: Segment) -> list[tuple[Segment, int, int]]:
    """Remove from a connection the segments that begin a stream outside its window."""
    back = half.other.stray
    agrees = back is not None and abs(half.place(back[0].ack) - half.place(segment.seq)) <= WINDOW
    halves = [half, half.other] if agrees else [half]
    strays = [stray for side in halves if (stray := side.stray) is not None]
    for side in halves:
        side.counts.astray -= side.stray is not None
        side.stray = None
    return sorted(strays, key=lambda stray: stray[1])


def _of_duplicate(conversation: Conversation, items: list[Item]) -> list[Item]:
    """Assign a duplicate's items to the conversation, without its notices."""
    return [
        item._replace(conversation=conversation) for item in items if not isinstance(item, Notice)
    ]


def _ports_of(key: bytes) -> set[int]:
    """Return both ports of a direction's key."""
    return {int.from_bytes(key[-4:-2], "big"), int.from_bytes(key[-2:], "big")}
