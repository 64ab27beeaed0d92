"""From packets to messages: finds the conversations, and drives what follows each of them.

    packet -> dissect -> Direction (TCP) -> Stage (frames, or blocks with frames in them) -> items
                      -> Datagrams (UDP) -> blocks with frames in them -> items

    decoder = Decoder()
    for packet in read_packets("chat.pcapng"):
        for item in decoder.feed(packet):
            ...
    for item in decoder.finish():
        ...

A push interface without input or output. A live capture feeds it as packets come, and calls
`tick` now and then, so that what is waited for in vain is given up in time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING

from netchat.packets.budget import MAX_CONVERSATIONS, MAX_KEPT, Budget
from netchat.packets.connection import Connection
from netchat.packets.conversation import Conversation, endpoints, reverse
from netchat.packets.direction import Direction
from netchat.packets.dissect import (
    ACK,
    FIN,
    NOT_TCP,
    RST,
    SYN,
    Segment,
    dissect,
    dissect_datagram,
)
from netchat.packets.first_look import FirstLook
from netchat.packets.items import Item, Notice
from netchat.packets.packet import Packet
from netchat.packets.scanner import Echo, FrameScanner, Stage
from netchat.wire import DEFAULT_PORT, MAX_FRAME

if TYPE_CHECKING:
    from netchat.packets.datagrams import Datagrams, Side

__all__ = ["Decoder"]

_MASK = 0xFFFFFFFF
_KINDS = SYN | FIN | RST | ACK

#: Connections that are known to be no chat. A key of them costs 150 bytes.
_MOST_FOREIGN = 65_536


class Decoder:
    """Decodes the chat in a sequence of packets.

    Args:
        ports: TCP ports that are a chat's whatever is said on them. On other ports a connection
            is one if a valid frame is found where it must be. Links over UDP are looked for on
            these ports only.
        limit: bytes a whole frame may have; larger ones are damage.
        trace: also yield every TCP segment of a chat, as `Trace`. Costs time.

    Attributes:
        packets: how many were fed.
        skipped: how many of them held neither a TCP segment nor a datagram of a link, by the reason.
        conversations: how many connections of a chat and links over UDP were seen.
    """

    def __init__(
        self,
        ports: Collection[int] = (DEFAULT_PORT,),
        *,
        limit: int = MAX_FRAME,
        trace: bool = False,
    ) -> None:
        self.packets = 0
        self.skipped: Counter[str] = Counter()
        self.conversations = 0
        self._ports = frozenset(ports)
        self._limit = limit
        self._trace = trace
        self._budget = Budget()
        self._echo = Echo()
        self._table: dict[bytes, tuple[Connection, Direction]] = {}
        self._foreign: set[bytes] = set()  # keys of connections that are no chat
        self._waiting: set[Connection] = set()
        self._datagrams: Datagrams | None = None

    def feed(self, packet: Packet) -> list[Item]:
        """Take the next packet.

        Returns:
            The items that it completes, often none.
        """
        number, time, link, data, length = packet
        self.packets += 1
        fields = dissect(link, data, length)
        if isinstance(fields, str):
            return self._no_segment(fields, packet)
        key, seq, ack, flags, payload, cut = fields
        known = self._table.get(key)
        if known is not None:
            connection, half = known
            if connection.ready and seq == half.next and flags & _KINDS == ACK and not cut:
                # The usual case: the next segment of a chat in which nothing is missing.
                connection.last = time
                half.other.acked = ack
                counts = half.counts
                counts.segments += 1
                if not payload:
                    return []
                size = len(payload)
                counts.offset += size
                half.next = (seq + size) & _MASK
                items = half.stage.push(payload, number, time, False)
                return items + self._relieve() if self._budget.used > MAX_KEPT else items
        return self._unusual(Segment(*fields), number, time)

    def tick(self, time: int) -> list[Item]:
        """Let time pass without a packet: gives up what was waited for long enough.

        Args:
            time: now, in ns, by the clock of the packets.
        """
        items: list[Item] = []
        for connection in list(self._waiting):
            items += self._sift(connection, connection.check(time))
        return items

    def finish(self) -> list[Item]:
        """Take it that no more packets come: gives up everything that is waited for."""
        items: list[Item] = []
        for connection in self._followed():
            items += self._end(connection, "the capture ends", "", connection.last)
        return items + (self._datagrams.finish() if self._datagrams is not None else [])

    def _no_segment(self, why: str, packet: Packet) -> list[Item]:
        """A packet without TCP; there may be a datagram of a link in it."""
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
        """The links over UDP; what they need is loaded when there is the first."""
        if self._datagrams is None:
            from netchat.packets.datagrams import Datagrams

            self._datagrams = Datagrams(
                self._ports, self._budget, self._open_frames, self._count, trace=self._trace
            )
        return self._datagrams

    # -- one segment ----------------------------------------------------------------------------

    def _unusual(self, segment: Segment, number: int, time: int) -> list[Item]:
        """A segment that opens or closes something, comes out of order, or is incomplete."""
        items: list[Item] = []
        key, opening = segment.key, segment.flags & (SYN | ACK) == SYN
        if key in self._foreign:
            if not opening:
                return []
            self._foreign -= {key, reverse(key)}
        known, stray = self._table.get(key), None
        if known is not None and known[0].is_another(known[1], segment):
            # That two segments agree on a place far off shows it: the first one counts, too.
            stray = None if segment.flags & SYN else known[1].stray
            items += self._end(known[0], "a new connection takes its ports", "replaced", time)
            known = None
        if known is None:
            if segment.flags & RST:
                return items
            known = self._open(segment, number, time, items)
        connection, half = known
        if stray is not None:
            items += self._take(connection, half, *stray)
        items += self._take(connection, half, segment, number, time)
        return items + self._relieve() if self._budget.used > MAX_KEPT else items

    def _take(
        self, connection: Connection, half: Direction, segment: Segment, number: int, time: int
    ) -> list[Item]:
        items = connection.take(half, segment, number, time, trace=self._trace)
        return self._sift(connection, items)

    def _sift(self, connection: Connection, items: list[Item]) -> list[Item]:
        """Keep the items of what is not known to be a chat; note who waits for something."""
        if connection.chat is None:
            items = connection.recognise(items)
            self._decided(connection)
        if connection.waiting:
            self._waiting.add(connection)
        else:
            self._waiting.discard(connection)
        return items

    def _decided(self, connection: Connection) -> None:
        """Act on what has been found out about a connection on an unknown port."""
        self._number(connection)
        if connection.chat:
            connection.ready = not connection.waiting and not self._trace
        elif connection.chat is not None:
            self._forget(connection)
            self._foreign.update(connection.keys)

    # -- connections ----------------------------------------------------------------------------

    def _open(
        self, segment: Segment, number: int, time: int, items: list[Item]
    ) -> tuple[Connection, Direction]:
        """Begin to follow the connection of a segment."""
        if len(self._table) >= 2 * MAX_CONVERSATIONS or len(self._foreign) > _MOST_FOREIGN:
            items += self._make_room(time)
        source, target = endpoints(segment.key)
        opening = segment.flags & SYN
        if opening:
            to_server = not segment.flags & ACK
        elif (source[1] in self._ports) != (target[1] in self._ports):
            to_server = target[1] in self._ports
        else:
            to_server = source[1] >= target[1]  # the server's port is most often the lower one
        client, server = (source, target) if to_server else (target, source)
        chat = True if self._ports & {source[1], target[1]} else None
        said = Conversation(0, client, server, time, bool(opening))
        halves = [
            Direction(said, counts, self._budget, self._open_stage, to_server=to)
            for to, counts in ((True, said.to_server), (False, said.to_client))
        ]
        keys = segment.key, reverse(segment.key)
        connection = Connection(said, halves[0], halves[1], keys, chat=chat)
        sender = halves[0] if to_server else halves[1]
        self._table[keys[0]] = connection, sender
        self._table[keys[1]] = connection, sender.other
        self._number(connection)
        event = "opened" if opening else "joined"
        items += self._sift(connection, [Notice(time, said, to_server, event, number)])
        return self._table[keys[0]]

    def _open_stage(self, half: Direction, in_place: bool) -> Stage:
        return FirstLook(half, self._budget, partial(self._open_frames, half), in_place=in_place)

    def _open_frames(self, half: Direction | Side, in_place: bool) -> Stage:
        return FrameScanner(
            half.conversation,
            self._budget,
            to_server=half.to_server,
            limit=self._limit,
            in_place=in_place,
            echo=self._echo,
        )

    def _number(self, connection: Connection) -> None:
        if connection.chat:
            connection.conversation.number = self._count()

    def _count(self) -> int:
        """The number of the next conversation."""
        self.conversations += 1
        return self.conversations

    def _end(self, connection: Connection, why: str, event: str, time: int) -> list[Item]:
        """Stop following a connection; with an event if there is one to be told."""
        items = connection.finish(why, self.packets, time)
        if connection.chat is None:  # the last chance to find out
            items = connection.recognise(items)
            self._number(connection)
        self._forget(connection)
        if event and connection.chat and not connection.over:
            items.append(Notice(time, connection.conversation, True, event, self.packets))
        return items if connection.chat else []

    def _forget(self, connection: Connection) -> None:
        for key in connection.keys:
            self._table.pop(key, None)
        self._waiting.discard(connection)
        connection.client.abandon()
        connection.server.abandon()

    def _followed(self) -> list[Connection]:
        """All connections, the one that was silent longest first."""
        return sorted({c for c, _ in self._table.values()}, key=lambda c: c.last)

    def _make_room(self, time: int) -> list[Item]:
        """Let go of the quarter of the connections that was silent longest."""
        items: list[Item] = []
        self._foreign.clear()
        for connection in self._followed()[: len(self._table) // 8]:
            items += self._end(connection, "it is not followed any more", "dropped", time)
        return items

    def _relieve(self) -> list[Item]:
        """Give up what is held for those that were silent longest, until memory is free again."""
        items: list[Item] = []
        for connection in self._followed():
            if self._budget.used <= MAX_KEPT * 3 // 4:
                break
            for half in (connection.client, connection.server):
                items += self._sift(connection, half.let_go(connection.last))
        if self._datagrams is not None:
            items += self._datagrams.relieve(MAX_KEPT * 3 // 4)
        return items


def _ports_of(key: bytes) -> set[int]:
    """Both ports that a direction's key names."""
    return {int.from_bytes(key[-4:-2], "big"), int.from_bytes(key[-2:], "big")}
