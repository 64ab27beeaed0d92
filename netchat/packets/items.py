"""Items that the decoder yields, one class per kind.

For each direction of a conversation, the byte ranges of `DecodedMessage`, `Damage` and `Gap` follow one
another without holes or overlaps, so every byte is accounted for exactly once. If a conversation
was captured several times, this holds for each of its streams.

A conversation over a link has two byte streams per direction, and the rule holds for both. The
connection's stream consists of `Block`, and of `Damage` and `Gap` that are not `inside`. The stream
carried by the blocks consists of `DecodedMessage`, and of `Damage` and `Gap` that are `inside`.

A TLS conversation also has two. The connection's stream consists of `TlsRecord`, and of `Damage` and
`Gap` that are not `inside`; the content of the decrypted records, of messages and what is `inside`.
Where records are missing, the length of their content is computed from theirs, as if they had no
padding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from netchat.packets.decode.conversation import Conversation
from netchat.wire import Message, fields_of

if TYPE_CHECKING:
    from scapy.packet import Packet as ScapyPacket

    from netchat.link.header import Header

__all__ = [
    "Block",
    "Damage",
    "DecodedMessage",
    "Gap",
    "Item",
    "Notice",
    "TlsRecord",
    "Trace",
    "Tracing",
]


class DecodedMessage(NamedTuple):
    """Message whose magic, length, CRC-32 and fields are all valid.

    Attributes:
        time: Capture time of its last byte, in ns since 1970-01-01 UTC.
        conversation: The conversation it belongs to.
        to_server: Whether the client sent it.
        message: The message.
        raw: The frame, header and body.
        packets: Numbers of the packets that carried it; on a link, of those that completed its
            blocks.
        repeated: Whether part of it came from a retransmission.
        offset: Offset of the frame in the direction's byte stream, which begins after SYN or, if SYN
            was not captured, with the first captured byte. On a link, in the stream that the blocks
            carry.
        found: Whether it was found by searching, after a gap or in the middle of a stream, rather
            than directly after the previous frame.
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
        """Length of the frame, in bytes."""
        return len(self.raw)

    @property
    def seconds(self) -> float:
        """Capture time, in seconds since 1970-01-01 UTC."""
        return self.time / 1e9

    @property
    def is_encrypted(self) -> bool:
        """Whether TLS encrypted it; then the capture was decrypted with its secrets."""
        return self.conversation.tls is not None

    @property
    def direction(self) -> str:
        """Direction: `to server` or `to client`."""
        return "to server" if self.to_server else "to client"

    @property
    def user(self) -> str:
        """Name of the client's user, or "" if the capture does not show it."""
        return self.conversation.user

    @property
    def type(self) -> str:
        """Name of the message's type, such as `SEND`."""
        return self.message.NAME

    @property
    def fields(self) -> dict[str, Any]:
        """Fields of the message and their values, in wire order."""
        names = [field.name for field in fields_of(type(self.message))]
        return {name: getattr(self.message, name) for name in names}

    @property
    def scapy(self) -> ScapyPacket:
        """Frame as Scapy layers: `NCP` and the message's layer. Imports Scapy."""
        from netchat.packets.scapy import NCP

        return NCP(self.raw)


class Gap(NamedTuple):
    """Bytes of a stream that the capture does not contain.

    Attributes:
        time: Time at which the decoder stopped waiting for them, in ns.
        conversation: The conversation.
        to_server: Whether the client sent them.
        offset: Offset of the first missing byte in the stream.
        size: Number of missing bytes.
        reason: Why the decoder stopped waiting.
        packet: Number of the packet after the gap, or of the last packet.
        inside: Whether the gap is in the stream that a link carries.
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
    """Captured bytes that are not a valid message, or not a valid block.

    Attributes:
        time: Capture time of the last of them, in ns.
        conversation: The conversation.
        to_server: Whether the client sent them.
        offset: Offset of the first of them in the stream.
        size: Number of bytes.
        cause: `frame`: an invalid frame where one was expected. `broken`: a frame with a gap in it.
            `unfinished`: a frame cut off by the end of the stream or of the capture. `skipped`: bytes
            in which no frame begins. The same names apply to blocks.
        error: Name of the `netchat.errors.PeerError` class that describes the problem of a `frame`,
            or that made the decoder search, for `skipped`. Else "".
        reason: Description of the problem.
        raw: The bytes: all of them for a `frame`, otherwise the first ones.
        packets: Numbers of the packets that carried them; of a long range, the first and the last.
        inside: Whether they are in the stream that a link carries.
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
    """Block of a noisy link: marker, header, coded payload. See `docs/LINK.md`.

    Attributes:
        time: Capture time of its last byte, in ns.
        conversation: The conversation.
        to_server: Whether the client sent it.
        header: The decoded header.
        code: Name of the payload's code, or "" if it has none or an unknown one.
        offset: Offset of the block in the connection's bytes.
        raw: The bytes as captured.
        head: Length of marker and header, in bytes.
        sent: The bytes as sent, as far as they could be decoded: all of them, or the first `head`.
        payload: The decoded payload, or None if decoding failed.
        outcome: Result of decoding the payload. `good`: decoded. `combined`: decoded together with
            earlier copies. `failed`: not decoded. `surplus`: an increment of a block that had arrived, which
            cannot be decoded by itself. `damaged`: delivered with errors, as the link's
            mode requires. `foreign`: ignored, since the block belongs to another link. "": no payload.
        corrected: Symbols corrected in header and payload.
        again: Whether it retransmits bytes of the stream.
        packets: Numbers of the packets that carried it.
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
        """Length of the block, in bytes."""
        return len(self.raw)

    @property
    def repairs(self) -> list[tuple[int, int, int]]:
        """Changed bytes: offset in the block, value captured, value sent."""
        pairs = enumerate(zip(self.raw, self.sent, strict=False))
        return [(at, was, sent) for at, (was, sent) in pairs if was != sent]


class TlsRecord(NamedTuple):
    """TLS record (RFC 8446), decrypted if the secrets are known.

    Attributes:
        time: Capture time of its last byte, in ns.
        conversation: The conversation.
        to_server: Whether the client sent it.
        kind: Content type in its header: 20 change cipher spec, 21 alert, 22 handshake, 23 application
            data, which is also the type of every encrypted record of TLS 1.3.
        offset: Offset of the record in the connection's bytes.
        raw: The record as captured, with its header of 5 bytes.
        packets: Numbers of the packets that carried it.
        repeated: Whether part of it came from a retransmission.
        inner_kind: Content type of what was encrypted; -1 if it was not decrypted or not encrypted.
        content: The content: decrypted, or in the clear; None if it could not be decrypted.
        padding: Number of padding bytes after the content.
        sequence: Sequence number for its key; -1 if it was not decrypted.
        epoch: Secret of its key: `early`, `handshake` or `application`; "" if it was not decrypted.
        text: Description of the handshake messages or the alert in it; otherwise "".
        reason: Why it was not decrypted; "" if it was, or was not encrypted.
    """

    time: int
    conversation: Conversation
    to_server: bool
    kind: int
    offset: int
    raw: bytes
    packets: tuple[int, ...]
    repeated: bool
    inner_kind: int
    content: bytes | None
    padding: int
    sequence: int
    epoch: str
    text: str
    reason: str

    @property
    def size(self) -> int:
        """Length of the record, in bytes."""
        return len(self.raw)

    @property
    def name(self) -> str:
        """Name of the content type, of the content if that was decrypted."""
        from netchat.packets.tls.records import CONTENT_TYPES

        kind = self.kind if self.inner_kind < 0 else self.inner_kind
        return CONTENT_TYPES.get(kind, f"type {kind}")

    @property
    def is_decrypted(self) -> bool:
        """Whether it was encrypted and has been decrypted."""
        return self.sequence >= 0

    @property
    def carries_messages(self) -> bool:
        """Whether it is decrypted application data, which is decoded further."""
        return self.sequence >= 0 and self.inner_kind == 23


class Notice(NamedTuple):
    """Change in the state of a connection.

    Attributes:
        time: Time of the change, in ns.
        conversation: The conversation.
        to_server: Direction of the packet that caused it.
        event: `opened`, `joined` (the capture begins in the middle of the connection), `closed`,
            `reset`, `replaced` (a new connection uses its ports), `doubled` (captured several times)
            or `dropped` (no longer followed, to limit memory use).
        packet: Number of the packet.
    """

    time: int
    conversation: Conversation
    to_server: bool
    event: str
    packet: int


class Trace(NamedTuple):
    """TCP segment; only a decoder with `trace` yields it.

    Attributes:
        time: Capture time, in ns.
        conversation: The conversation.
        to_server: Whether the client sent it.
        packet: Number of the packet.
        flags: The TCP flags.
        offset: Offset of its first byte in the stream.
        size: Length of its payload on the wire, in bytes.
        ack: Offset in the reverse stream up to which it acknowledges, or -1.
        note: What reassembly found: `retransmission`, `out of order`, `after a hole`, `keep-alive`,
            `out of window` or "".
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


Item: TypeAlias = DecodedMessage | Gap | Damage | Block | TlsRecord | Notice | Trace

#: Segments that a decoder yields as a `Trace`: all, none, or `unusual`: those with a note.
Tracing: TypeAlias = bool | Literal["unusual"]
