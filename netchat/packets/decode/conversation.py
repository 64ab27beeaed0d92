"""Conversation: one TCP connection or link over UDP, as decoder and views see it."""

from __future__ import annotations

import dataclasses
import ipaddress
from dataclasses import dataclass, field

from netchat.packets.decode.link_state import BlockCounts, LinkState
from netchat.packets.tls.state import TlsCounts, TlsState
from netchat.wire import Hello, Joined, Membership, Message, Renamed, Welcome

__all__ = [
    "Conversation",
    "DirectionCounts",
    "connection_key",
    "endpoints",
    "reverse",
    "show_endpoint",
]

#: Maximum number of rooms remembered per conversation: their number depends on untrusted input.
_MAX_ROOMS = 256


@dataclass(slots=True)
class DirectionCounts:
    """Counters of one direction of a connection.

    Attributes:
        segments: TCP segments, or datagrams.
        offset: Stream offset up to which bytes were delivered or skipped.
        retransmissions: Segments with bytes that were captured before, or late by the time of a
            retransmission.
        out_of_order: Segments that were late by less than that.
        gaps: Number of gaps.
        missing: Bytes in all gaps.
        conflicts: Overlapping segments with different bytes; the first one counts.
        astray: Segments far outside the window, which are ignored.
    """

    segments: int = 0
    offset: int = 0
    retransmissions: int = 0
    out_of_order: int = 0
    gaps: int = 0
    missing: int = 0
    conflicts: int = 0
    astray: int = 0

    @property
    def bytes(self) -> int:
        """Captured bytes of the stream."""
        return self.offset - self.missing


@dataclass(slots=True, eq=False, repr=False)
class Conversation:
    """TCP connection between a client and a server, or a link over UDP.

    Attributes:
        number: Number of the conversation in the capture, from 1.
        client: Address and port of the side that opened the connection, as far as known.
        server: Address and port of the peer.
        began: Time of the first packet, in ns.
        whole: Whether the capture contains its beginning.
        user: Name of the client's user, known from HELLO or WELCOME; otherwise "".
        device: Device id of the client, known from WELCOME; otherwise 0.
        rooms: Memberships of the user that the server sent, by room code.
        to_server: Counters of what the client sent.
        to_client: Counters of what the server sent.
        link: State of the noisy link it uses, or None.
        tls: State of TLS, or None if the connection is in the clear.
        transport: `TCP` or `UDP`.
        origin: Time of the first packet of the capture, in ns; -1 if unknown.
        duplicates: Further streams of the connection, if each packet was captured several times with
            other sequence numbers. Their items belong to this conversation; their counters are separate.
    """

    number: int
    client: tuple[str, int]
    server: tuple[str, int]
    began: int
    whole: bool
    user: str = ""
    device: int = 0
    rooms: dict[str, Membership] = field(default_factory=dict)
    to_server: DirectionCounts = field(default_factory=DirectionCounts)
    to_client: DirectionCounts = field(default_factory=DirectionCounts)
    link: LinkState | None = None
    tls: TlsState | None = None
    transport: str = "TCP"
    origin: int = -1
    duplicates: list[Conversation] = field(default_factory=list)

    def learn(self, message: Message) -> None:
        """Remember names from the messages that contain them."""
        if isinstance(message, Welcome):
            self.user, self.device = message.name, message.device
            for membership in message.rooms:
                self._learn_room(membership)
        elif isinstance(message, Hello):
            self.user = self.user or message.name
        elif isinstance(message, Renamed):
            self.user = message.name
        elif isinstance(message, Joined):
            for membership in message.membership:
                self._learn_room(membership)

    def _learn_room(self, membership: Membership) -> None:
        if len(self.rooms) < _MAX_ROOMS:
            self.rooms[membership.room] = membership

    def elapsed(self, time: int) -> int:
        """Return the time since the first packet of the capture, in ns.

        Args:
            time: A time of capture, in ns.
        """
        return time - (self.origin if self.origin >= 0 else self.began)

    def counts(self, *, to_server: bool) -> DirectionCounts:
        """Return the counters of one direction, for all streams together."""
        counts = [
            conversation.to_server if to_server else conversation.to_client
            for conversation in (self, *self.duplicates)
        ]
        return DirectionCounts(*map(sum, zip(*map(dataclasses.astuple, counts), strict=True)))

    def block_counts(self, *, to_server: bool) -> BlockCounts:
        """Return the block counters of one direction, for all streams together."""
        links = [
            conversation.link
            for conversation in (self, *self.duplicates)
            if conversation.link is not None
        ]
        counts = [link.counts(to_server=to_server) for link in links]
        return BlockCounts(*map(sum, zip(*map(dataclasses.astuple, counts), strict=True)))

    def tls_counts(self, *, to_server: bool) -> TlsCounts:
        """Return the TLS counters of one direction, for all streams together."""
        states = [
            conversation.tls
            for conversation in (self, *self.duplicates)
            if conversation.tls is not None
        ]
        counts = [state.counts(to_server=to_server) for state in states]
        return TlsCounts(*map(sum, zip(*map(dataclasses.astuple, counts), strict=True)))

    def source(self, *, to_server: bool) -> tuple[str, int]:
        """Return the address and port of the sender of one direction."""
        return self.client if to_server else self.server

    def __repr__(self) -> str:
        return f"<Conversation {self.number}: {self.user or '?'!r}, {self}>"

    def __str__(self) -> str:
        return f"{show_endpoint(self.client)} - {show_endpoint(self.server)}"


def show_endpoint(endpoint: tuple[str, int]) -> str:
    """Format an address and a port: `10.0.0.1:6464`, `[::1]:6464`."""
    host, port = endpoint
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def endpoints(key: bytes) -> tuple[tuple[str, int], tuple[str, int]]:
    """Return the source and destination of a direction's key."""
    size = (len(key) - 4) // 2
    source, target = (str(ipaddress.ip_address(key[at : at + size])) for at in (0, size))
    ports = key[2 * size :]
    return (source, int.from_bytes(ports[:2], "big")), (target, int.from_bytes(ports[2:], "big"))


def connection_key(conversation: Conversation) -> bytes:
    """Return the key of a conversation's direction to the server."""
    ends = (conversation.client, conversation.server)
    addresses = b"".join(ipaddress.ip_address(host).packed for host, _ in ends)
    return addresses + b"".join(port.to_bytes(2, "big") for _, port in ends)


def reverse(key: bytes) -> bytes:
    """Return the key of the reverse direction."""
    size = (len(key) - 4) // 2
    return key[size : 2 * size] + key[:size] + key[-2:] + key[-4:-2]
