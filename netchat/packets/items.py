"""What comes out of the decoder, one kind of item a class.

Of each direction of a conversation (of each of its streams, if it was captured several times with
other sequence numbers), the byte ranges of `Decoded`, `Damage` and `Gap` follow one
another without holes and without overlaps: no byte is left out in silence, and none counts twice.
If it is spoken over a link there are two streams in each direction, and that is so in both: the
connection's has `Block`, and `Damage` and `Gap` that are not `inside`; the one that the blocks carry
has `Decoded`, and `Damage` and `Gap` that are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from netchat.packets.decode.conversation import Conversation
from netchat.wire import Message, fields_of

if TYPE_CHECKING:
    from scapy.packet import Packet as ScapyPacket

    from netchat.link.header import Header

__all__ = ["Block", "Damage", "Decoded", "Gap", "Item", "Notice", "Trace"]


class Decoded(NamedTuple):
    """A message: magic, length, CRC-32 and every field of it were right.

    Attributes:
        time: when the last of its bytes was captured, in ns since 1970-01-01 UTC.
        conversation: the TCP connection it was in.
        to_server: its direction.
        message: the message.
        raw: the frame, header and body.
        packets: numbers of the packets that brought it; on a link, of those that completed its
            blocks.
        repeated: whether part of it came by a retransmission.
        offset: where in the direction's byte stream the frame begins. The stream begins at 0
            behind SYN or, if that was not captured, with the first byte that was. On a link it is
            the stream that the blocks carry.
        found: whether it was found by searching, behind a gap or in the middle of a stream,
            rather than directly behind the frame in front of it.
    """

    time: int
    conversation: Conversation
    to_server: bool
    message: Message
    raw: bytes
    packets: tuple[int, ...]
    repeated: bool
    offset: int
    found: bool

    @property
    def size(self) -> int:
        """Bytes of the frame."""
        return len(self.raw)

    @property
    def seconds(self) -> float:
        """When, in seconds since 1970-01-01 UTC."""
        return self.time / 1e9

    @property
    def direction(self) -> str:
        """`to server` or `to client`."""
        return "to server" if self.to_server else "to client"

    @property
    def user(self) -> str:
        """Whose connection it is; "" where the capture does not tell."""
        return self.conversation.user

    @property
    def type(self) -> str:
        """The message's type, such as `SEND`."""
        return self.message.NAME

    @property
    def fields(self) -> dict[str, Any]:
        """The message's fields and their values, in their order on the wire."""
        names = [field.name for field in fields_of(type(self.message))]
        return {name: getattr(self.message, name) for name in names}

    @property
    def scapy(self) -> ScapyPacket:
        """The frame as Scapy's layers: `NCP` and the message's own. Imports Scapy."""
        from netchat.packets.scapy.layer import NCP

        return NCP(self.raw)


class Gap(NamedTuple):
    """Bytes of a stream that the capture does not have.

    Attributes:
        time: when it was clear that they would not come any more.
        conversation: the TCP connection.
        to_server: the direction.
        offset: where in the stream they are missing.
        size: how many.
        reason: why they are given up.
        packet: number of the packet behind the gap, or of the last one that was seen.
        inside: whether it is in the stream that a link carries, rather than in the connection's.
    """

    time: int
    conversation: Conversation
    to_server: bool
    offset: int
    size: int
    reason: str
    packet: int
    inside: bool = False


class Damage(NamedTuple):
    """Bytes that were captured, but are no message, or no block of a link.

    Attributes:
        time: when the last of them was captured.
        conversation: the TCP connection.
        to_server: the direction.
        offset: where in the stream they begin.
        size: how many.
        cause: `frame`, a frame in its place that is wrong; `broken`, a frame with a gap in it;
            `unfinished`, a frame that the end of the stream or of the capture cuts off;
            `skipped`, bytes in which no frame begins. On a link, of blocks the same.
        error: the kind of `netchat.errors.PeerError` that says what is wrong with a `frame`; also
            for `skipped`, where it was the reason to search. Else "".
        reason: a sentence on it.
        raw: the bytes, all of them for a `frame`, else the first.
        packets: numbers of the packets that brought them; of a long run the first and the last.
        inside: whether they are in the stream that a link carries, rather than in the connection's.
    """

    time: int
    conversation: Conversation
    to_server: bool
    offset: int
    size: int
    cause: str
    error: str
    reason: str
    raw: bytes
    packets: tuple[int, ...]
    inside: bool = False


class Block(NamedTuple):
    """A block of a noisy link: marker, header, coded payload. See `docs/LINK.md`.

    Attributes:
        time: when the last of its bytes was captured.
        conversation: the connection.
        to_server: its direction.
        header: what its header says; it could be read, or this would be no block.
        code: the code of its payload; "" if it has none, or one that is not known.
        offset: where in the bytes of the connection it begins.
        raw: the bytes, as they were captured.
        head: how many of them are marker and header.
        sent: the bytes as they were sent, as far as decoding tells: all of them, or the head.
        payload: the payload as it was decoded; None if that failed.
        outcome: what became of the payload: `good`; `combined`, decoded together with earlier
            copies of it; `failed`; `damaged`, handed over as it is, as the link's mode wants it;
            `foreign`, not looked at because the block is of another link; "" if there is none.
        corrected: symbols that were corrected, in header and payload.
        again: whether it brings a place of the stream again.
        packets: numbers of the packets that brought it.
    """

    time: int
    conversation: Conversation
    to_server: bool
    header: Header
    code: str
    offset: int
    raw: bytes
    head: int
    sent: bytes
    payload: bytes | None
    outcome: str
    corrected: int
    again: bool
    packets: tuple[int, ...]

    @property
    def size(self) -> int:
        """Bytes of it."""
        return len(self.raw)

    @property
    def repairs(self) -> list[tuple[int, int, int]]:
        """Bytes that arrived wrong: place in the block, as captured, as sent."""
        pairs = enumerate(zip(self.raw, self.sent, strict=False))
        return [(at, was, sent) for at, (was, sent) in pairs if was != sent]


class Notice(NamedTuple):
    """Something that happened to a connection.

    Attributes:
        time: when.
        conversation: the TCP connection.
        to_server: the direction of the packet that did it.
        event: `opened`, `joined` (the capture begins in its middle), `closed`, `reset`,
            `replaced` (its ports were taken by a new connection) or `dropped` (not followed any
            more, for want of memory).
        packet: number of the packet.
    """

    time: int
    conversation: Conversation
    to_server: bool
    event: str
    packet: int


class Trace(NamedTuple):
    """One TCP segment, for views that draw them; only a decoder with `trace` yields it.

    Attributes:
        time: when it was captured.
        conversation: the TCP connection.
        to_server: its direction.
        packet: the packet's number.
        flags: the TCP flags.
        offset: place of its first byte in the stream.
        size: bytes of its payload on the wire.
        ack: place in the other direction's stream up to which it acknowledges, or -1.
        note: what the reassembly saw in it: `retransmission`, `out of order`, `behind a hole`,
            `keep-alive`, `astray` or "".
    """

    time: int
    conversation: Conversation
    to_server: bool
    packet: int
    flags: int
    offset: int
    size: int
    ack: int
    note: str


Item: TypeAlias = Decoded | Gap | Damage | Block | Notice | Trace
