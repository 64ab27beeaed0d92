"""One TCP connection or link over UDP, as the decoder and its views know it."""

from __future__ import annotations

import dataclasses
import ipaddress
from dataclasses import dataclass, field

from netchat.packets.decode.link_state import BlockCounts, LinkState
from netchat.wire import Hello, Joined, Membership, Message, Renamed, Welcome

__all__ = ["Conversation", "Counts", "endpoints", "reverse", "show_endpoint"]

#: Rooms remembered of one conversation: what it says of them is somebody else's.
_MAX_ROOMS = 256


@dataclass(slots=True)
class Counts:
    """What was seen of one direction of a connection.

    Attributes:
        segments: TCP segments, or datagrams.
        offset: place in its stream up to which bytes were delivered or given up.
        retransmissions: segments that brought bytes again, or late enough to be sent again.
        out_of_order: segments that came late, by less than a retransmission takes.
        gaps: places where bytes are missing.
        missing: how many bytes.
        conflicts: overlapping segments that did not agree; the first one counts.
        astray: segments far outside the window; they are not looked at.
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
        """Bytes of its stream that were there."""
        return self.offset - self.missing


@dataclass(slots=True, eq=False, repr=False)
class Conversation:
    """A TCP connection between a client and a server, or a link over UDP.

    Attributes:
        number: counts the chat's connections in a capture, from 1.
        client: address and port of the side that opened it, as far as can be known.
        server: address and port of the other side.
        began: time of its first packet, in ns.
        whole: whether the capture has its beginning.
        user: name of the client's user, once HELLO or WELCOME told it; else "".
        device: the client's device id, once WELCOME told it; else 0.
        rooms: what the server told about the rooms the user is in, by code.
        to_server: counts of what the client sent.
        to_client: counts of what the server sent.
        link: the noisy link that it is spoken over; None if it is not.
        transport: `TCP` or `UDP`.
        duplicates: further streams of the connection, where each packet was captured several times with
            other sequence numbers. Their items are this conversation's, their counts are their own.
    """

    number: int
    client: tuple[str, int]
    server: tuple[str, int]
    began: int
    whole: bool
    user: str = ""
    device: int = 0
    rooms: dict[str, Membership] = field(default_factory=dict)
    to_server: Counts = field(default_factory=Counts)
    to_client: Counts = field(default_factory=Counts)
    link: LinkState | None = None
    transport: str = "TCP"
    duplicates: list[Conversation] = field(default_factory=list)

    def learn(self, message: Message) -> None:
        """Remember names from the messages that tell them."""
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

    def counts(self, *, to_server: bool) -> Counts:
        """What was seen of one direction, in all streams."""
        counts = [
            conversation.to_server if to_server else conversation.to_client
            for conversation in (self, *self.duplicates)
        ]
        return Counts(*map(sum, zip(*map(dataclasses.astuple, counts), strict=True)))

    def block_counts(self, *, to_server: bool) -> BlockCounts:
        """What was seen of the blocks of one direction, in all streams."""
        links = [
            conversation.link
            for conversation in (self, *self.duplicates)
            if conversation.link is not None
        ]
        counts = [link.counts(to_server=to_server) for link in links]
        return BlockCounts(*map(sum, zip(*map(dataclasses.astuple, counts), strict=True)))

    def source(self, *, to_server: bool) -> tuple[str, int]:
        """Address and port of the sender of one direction."""
        return self.client if to_server else self.server

    def __repr__(self) -> str:
        return f"<Conversation {self.number}: {self.user or '?'!r}, {self}>"

    def __str__(self) -> str:
        return f"{show_endpoint(self.client)} - {show_endpoint(self.server)}"


def show_endpoint(endpoint: tuple[str, int]) -> str:
    """An address and a port as people write them: `10.0.0.1:6464`, `[::1]:6464`."""
    host, port = endpoint
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def endpoints(key: bytes) -> tuple[tuple[str, int], tuple[str, int]]:
    """Source and destination that a direction's key names."""
    size = (len(key) - 4) // 2
    source, target = (str(ipaddress.ip_address(key[at : at + size])) for at in (0, size))
    ports = key[2 * size :]
    return (source, int.from_bytes(ports[:2], "big")), (target, int.from_bytes(ports[2:], "big"))


def reverse(key: bytes) -> bytes:
    """The key of the other direction."""
    size = (len(key) - 4) // 2
    return key[size : 2 * size] + key[:size] + key[-2:] + key[-4:-2]
