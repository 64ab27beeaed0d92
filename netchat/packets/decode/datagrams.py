"""Links over UDP: each datagram is a block, each link is a conversation.

The path of a datagram:

    datagram -> header -> the link it names -> BlockDecoder -> items
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from netchat.link.datagram_mask import MASKED, masked
from netchat.link.header import (
    HEADER_SIZE,
    Header,
    Kind,
    ReadHeader,
    read_header,
    read_masked_header,
    write_header,
)
from netchat.packets.decode.block_decoder import BlockDecoder, FoundBlock
from netchat.packets.decode.conversation import Conversation, DirectionCounts, endpoints
from netchat.packets.decode.frame_scanner import Stage
from netchat.packets.decode.link_state import LinkState
from netchat.packets.items import Damage, Item, Notice, Trace
from netchat.packets.memory_budget import MAX_LINKS, MemoryBudget
from netchat.packets.tcp.dissect import Datagram
from netchat.wording import many

__all__ = ["Datagrams", "Side"]

_Endpoint = tuple[str, int]

#: Kinds of blocks that travel one way only.
_TO_SERVER, _TO_CLIENT = (Kind.OPEN,), (Kind.ACCEPT, Kind.REFUSE, Kind.CHALLENGE)


class Side:
    """One direction of a link.

    Attributes:
        conversation: The link's conversation.
        to_server: Whether this is the direction to the server.
        counts: Counters of this direction.
        blocks: Decoder of its blocks.
        cost: Memory use known to the budget, in bytes.
    """

    __slots__ = ("blocks", "conversation", "cost", "counts", "to_server")

    def __init__(
        self,
        conversation: Conversation,
        linked: LinkState,
        open_frames: Callable[[Side, bool], Stage],
        *,
        to_server: bool,
    ) -> None:
        self.conversation = conversation
        self.to_server = to_server
        self.counts: DirectionCounts = (
            conversation.to_server if to_server else conversation.to_client
        )
        self.cost = 0
        self.blocks = BlockDecoder(
            conversation, linked, lambda aligned: open_frames(self, aligned), to_server=to_server
        )


class Datagrams:
    """Decoder that finds links in datagrams and follows them.

    Args:
        ports: UDP ports of chat servers.
        budget: Budget for the buffered bytes.
        open_frames: Makes the stage for a side's stream; its second argument is whether the stream is
            complete from its first byte on.
        number: Returns the number of the next conversation.
        trace: Whether to yield each datagram as well, as a `Trace`.
        origin: Time of the first packet of the capture, in ns.
    """

    def __init__(
        self,
        ports: Collection[int],
        budget: MemoryBudget,
        open_frames: Callable[[Side, bool], Stage],
        number: Callable[[], int],
        *,
        trace: bool,
        origin: int = -1,
    ) -> None:
        self._origin = origin
        self._ports = ports
        self._budget = budget
        self._open_frames = open_frames
        self._number = number
        self._trace = trace
        # By the conversation's number, the least recently active first.
        self._links: dict[int, tuple[Side, Side]] = {}
        # The last link between a client and a server, and the last with a link number at a server:
        # the client's address may change, and two links may have the same number.
        self._ends: dict[tuple[_Endpoint, _Endpoint], int] = {}
        self._named: dict[tuple[_Endpoint, int], int] = {}

    def feed(self, datagram: Datagram, packet: int, time: int) -> list[Item] | None:
        """Process a datagram; return None if it does not belong to a link.

        Args:
            datagram: The datagram.
            packet: Number of its packet.
            time: Capture time, in ns.
        """
        source, target = endpoints(datagram.key)
        payload, items = datagram.payload, list[Item]()
        head, mask = self._read(payload, source, target)
        to_server = self._to_server(source, target, head)
        client, server = (source, target) if to_server else (target, source)
        key = self._known(client, server, head.header if head is not None else None)
        if key is not None:
            sides = self._links.pop(key)
        elif head is not None:
            items += self._make_room(time, packet)
            sides = self._open(client, server, head.header, to_server, packet, time, items)
            key = sides[0].conversation.number
            self._named[server, head.header.link] = key
        else:
            return None
        self._links[key] = sides  # now the most recently active
        side = sides[not to_server]
        if side.conversation.client != client:  # the client's address has changed
            self._leave(key, side.conversation)
            side.conversation.client = client
        self._ends[client, server] = key
        items += self._take(side, datagram, head, mask, packet, time)
        return items

    def _read(
        self, payload: bytes, source: _Endpoint, target: _Endpoint
    ) -> tuple[ReadHeader | None, bytes]:
        """Read a header; return it and its mask, which is empty for none."""
        coded = payload[:HEADER_SIZE]
        if len(coded) < HEADER_SIZE:
            return None, b""
        if (head := read_header(coded)) is not None:
            return head, b""
        for ends in ((source, target), (target, source)):
            key = self._ends.get(ends)
            mask = self._linked(key).mask if key is not None else b""
            if mask and (head := read_header(masked(coded, mask))) is not None:
                return head, mask
        # OPEN was not captured, or the client moved. The masked part cannot be checked then.
        if (head := read_masked_header(coded)) is None:
            return None, b""
        sent = write_header(head.header)
        return head, bytes(a ^ b for a, b in zip(coded[-MASKED:], sent[-MASKED:], strict=True))

    def finish(self) -> list[Item]:
        """Mark the end of the capture and flush all links."""
        items: list[Item] = []
        for key in list(self._links):
            items += self._end(key, "the capture ends")
        return items

    def relieve(self, limit: int) -> list[Item]:
        """Flush the least recently active links until enough memory is free.

        Args:
            limit: Bytes that may be buffered.
        """
        items: list[Item] = []
        for sides in self._links.values():
            if self._budget.used <= limit:
                break
            for side in sides:
                items += side.blocks.end("the memory for what is unfinished is full")
                self._account(side)
        return items

    def _to_server(self, source: _Endpoint, target: _Endpoint, head: ReadHeader | None) -> bool:
        if (source[1] in self._ports) != (target[1] in self._ports):
            return target[1] in self._ports
        if head is not None and head.header.kind in (*_TO_SERVER, *_TO_CLIENT):
            return head.header.kind in _TO_SERVER
        return source[1] >= target[1]

    def _known(self, client: _Endpoint, server: _Endpoint, header: Header | None) -> int | None:
        """Return the key of the link that a datagram belongs to, or None."""
        key = self._ends.get((client, server))
        if header is None:
            return key
        if key is None or self._linked(key).number != header.link:
            key = self._named.get((server, header.link))
        if key is not None and header.kind is Kind.OPEN:
            first = self._linked(key).first
            if first is not None and first != header.offset:
                return None  # another link that happens to have the same number
        return key

    def _linked(self, key: int) -> LinkState:
        linked = self._links[key][0].conversation.link
        assert linked is not None
        return linked

    def _open(
        self,
        client: _Endpoint,
        server: _Endpoint,
        header: Header,
        to_server: bool,
        packet: int,
        time: int,
        items: list[Item],
    ) -> tuple[Side, Side]:
        """Begin to follow a link."""
        before = self._ends.get((client, server))
        if before is not None and header.kind is Kind.OPEN:
            conversation = self._links[before][0].conversation
            items += self._end(before, "a new link uses its ports")
            items.append(Notice(time, conversation, True, "replaced", packet))
        linked = LinkState(number=header.link)
        whole = header.kind is Kind.OPEN
        conversation = Conversation(
            self._number(), client, server, time, whole, transport="UDP", origin=self._origin
        )
        conversation.link = linked
        items.append(Notice(time, conversation, to_server, "opened" if whole else "joined", packet))
        up, down = (
            Side(conversation, linked, self._open_frames, to_server=way) for way in (True, False)
        )
        up.blocks.lost = down.blocks.lost = not whole
        return up, down

    def _take(
        self,
        side: Side,
        datagram: Datagram,
        head: ReadHeader | None,
        mask: bytes,
        packet: int,
        time: int,
    ) -> list[Item]:
        counts, payload = side.counts, datagram.payload
        conversation, to_server, offset = side.conversation, side.to_server, counts.offset
        items: list[Item] = []
        counts.segments += 1
        counts.offset += len(payload)
        if self._trace:
            size = len(payload) + datagram.cut
            items.append(Trace(time, conversation, to_server, packet, 0, offset, size, -1, ""))
        wanted = side.blocks.size(head.header) if head is not None else None
        if head is None or wanted != len(payload) - HEADER_SIZE:
            reason = "this datagram has no readable header"
            if datagram.cut:
                reason = f"the capture truncated this datagram by {many(datagram.cut, 'byte')}"
            elif head is not None:
                reason = (
                    f"the length of this datagram contradicts its {head.header.kind.name} header"
                )
            elif len(payload) < HEADER_SIZE:
                reason = "this datagram is too short for a block"
            link = conversation.link
            assert link is not None
            link.counts(to_server=to_server).unreadable += head is None
            link.counts(to_server=to_server).skipped += len(payload)
            if payload:
                items.append(
                    Damage(
                        time, conversation, to_server, offset, len(payload), "skipped", "", reason,
                        payload[:64], (packet,),
                    )
                )  # fmt: skip
            return items
        block, inside = side.blocks.take(
            FoundBlock(
                head.header, head.corrected, head.wrong, payload, HEADER_SIZE, offset, (packet,),
                time, mask,
            )
        )  # fmt: skip
        self._account(side)
        items += [block, *inside]
        if head.header.kind in (Kind.CLOSE, Kind.REFUSE) and block.outcome != "failed":
            items.append(Notice(time, conversation, to_server, "closed", packet))
        return items

    def _account(self, side: Side) -> None:
        self._budget.used += side.blocks.cost - side.cost
        side.cost = side.blocks.cost

    def _leave(self, key: int, conversation: Conversation) -> None:
        """Forget the addresses of a link, whose client has moved."""
        if self._ends.get((conversation.client, conversation.server)) == key:
            del self._ends[conversation.client, conversation.server]

    def _end(self, key: int, why: str) -> list[Item]:
        number = self._linked(key).number
        sides = self._links.pop(key)
        conversation = sides[0].conversation
        self._leave(key, conversation)
        if number is not None and self._named.get((conversation.server, number)) == key:
            del self._named[conversation.server, number]
        items: list[Item] = []
        for side in sides:
            items += side.blocks.end(why)
            self._account(side)
        return items

    def _make_room(self, time: int, packet: int) -> list[Item]:
        items: list[Item] = []
        while len(self._links) >= MAX_LINKS:
            key = next(iter(self._links))
            conversation = self._links[key][0].conversation
            items += self._end(key, "the link is no longer followed")
            items.append(Notice(time, conversation, True, "dropped", packet))
        return items
