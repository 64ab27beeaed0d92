"""Fields of items that are not on the wire of the chat: times, endpoints, conversations, flags.

Names with a dot are Wireshark's.
"""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Callable, Iterable
from typing import Any

from netchat.packets.filters.frames import frame_of
from netchat.packets.filters.kinds import FieldKind, FilterField
from netchat.packets.items import (
    Block,
    Damage,
    DecodedMessage,
    Gap,
    Item,
    Notice,
    TlsRecord,
    Trace,
)
from netchat.wire import MESSAGES

__all__ = ["ITEM_FIELDS", "MESSAGE_TYPES"]

#: Type numbers by name.
MESSAGE_TYPES = {message.NAME: number for number, message in sorted(MESSAGES.items())}


def _type(item: Item) -> Iterable[int]:
    if isinstance(item, DecodedMessage):
        return (item.raw[3],)
    raw = frame_of(item)
    return () if raw is None else (raw[3],)


def _user(item: Item) -> Iterable[str]:
    return (item.conversation.user,) if item.conversation.user else ()


def _size(item: Item) -> Iterable[int]:
    return () if isinstance(item, Notice) else (item.size,)


def _packets(item: Item) -> Iterable[int]:
    return (item.packet,) if isinstance(item, Gap | Notice | Trace) else item.packets


def _is_damaged(item: Item) -> bool:
    return isinstance(item, Damage) or (
        isinstance(item, Block) and item.outcome in ("failed", "damaged")
    )


def _is_retransmitted(item: Item) -> bool:
    match item:
        case DecodedMessage() | TlsRecord():
            return item.repeated
        case Block():
            return item.again
        case Trace():
            return item.note == "retransmission"
        case _:
            return False


@functools.lru_cache(maxsize=4096)
def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(host)


def _addresses(side: str, version: int) -> Callable[[Item], Iterable[Any]]:
    """Return a function that returns the addresses of an item.

    Args:
        side: `src`, `dst`, or "" for both.
        version: IP version, or 0 for both.
    """

    def values(item: Item) -> Iterable[Any]:
        hosts = (_address(host) for host, _ in _ends(item, side))
        return [host for host in hosts if version in (0, host.version)]

    return values


def _ports(side: str, transport: str) -> Callable[[Item], Iterable[int]]:
    """Return a function that returns the ports of an item; `transport` is "" for both."""

    def values(item: Item) -> Iterable[int]:
        if transport not in ("", item.conversation.transport):
            return ()
        return [port for _, port in _ends(item, side)]

    return values


def _ends(item: Item, side: str) -> list[tuple[str, int]]:
    """Return the sender, the receiver, or both."""
    conversation = item.conversation
    ends = []
    if side != "dst":
        ends.append(conversation.source(to_server=item.to_server))
    if side != "src":
        ends.append(conversation.source(to_server=not item.to_server))
    return ends


def _flag(name: str, doc: str, claim: Callable[[Item], bool]) -> FilterField:
    return FilterField(name, FieldKind.FLAG, doc, lambda item: (True,) if claim(item) else ())


def _network_fields() -> list[FilterField]:
    """Return Wireshark's fields of IP, TCP and UDP."""
    sides = {
        "": "Address of either side",
        "src": "Address of the sender",
        "dst": "Address of the receiver",
    }
    found = [FilterField("host", FieldKind.ADDRESS, "Address of either side.", _addresses("", 0))]
    found += [FilterField("port", FieldKind.NUMBER, "Port of either side.", _ports("", ""))]
    for name, version in (("ip", 4), ("ipv6", 6)):
        for side, doc in sides.items():
            values = _addresses(side, version)
            doc = f"{doc} (IPv{version})."
            found.append(FilterField(f"{name}.{side or 'addr'}", FieldKind.ADDRESS, doc, values))
    for name in ("tcp", "udp"):
        for side, doc in sides.items():
            values = _ports(side, name.upper())
            doc = f"{doc.replace('Address', 'Port')} ({name.upper()})."
            found.append(FilterField(f"{name}.{side}port", FieldKind.NUMBER, doc, values))
    return found


_DECLARED = [
    FilterField(
        "type", FieldKind.NUMBER, "Type of the message, such as SEND.", _type, choices=MESSAGE_TYPES
    ),
    FilterField(
        "user", FieldKind.TEXT, "User of the conversation, in any case.", _user, key=str.casefold
    ),
    FilterField(
        "conversation", FieldKind.NUMBER, "Number of the conversation, from 1.",
        lambda item: (item.conversation.number,),
    ),
    FilterField(
        "time", FieldKind.SECONDS, "Seconds since the first packet of the capture.",
        lambda item: (item.conversation.elapsed(item.time) / 1e9,),
    ),
    FilterField("size", FieldKind.NUMBER, "Length of the frame, block, record or gap, in bytes.", _size),
    FilterField("packet", FieldKind.NUMBER, "Numbers of the packets that carried it, from 1.", _packets),
    _flag("message", "Messages.", lambda item: isinstance(item, DecodedMessage)),
    _flag("damaged", "Bytes that are not a valid message, and blocks not decoded.", _is_damaged),
    _flag("gap", "Bytes missing from the capture.", lambda item: isinstance(item, Gap)),
    _flag("retransmitted", "Messages, records and blocks that were retransmitted.", _is_retransmitted),
    _flag("encrypted", "Messages that TLS encrypted.",
          lambda item: isinstance(item, DecodedMessage) and item.is_encrypted),
    _flag("notice", "Changes of a connection, such as its end.", lambda item: isinstance(item, Notice)),
    _flag("to_server", "Items that the client sent.", lambda item: item.to_server),
    _flag("to_client", "Items that the server sent.", lambda item: not item.to_server),
    _flag("tcp", "Items of TCP connections.", lambda item: item.conversation.transport == "TCP"),
    _flag("udp", "Items of links over UDP.", lambda item: item.conversation.transport == "UDP"),
    _flag("tls", "Items of conversations that use TLS.", lambda item: item.conversation.tls is not None),
    *_network_fields(),
]  # fmt: skip

#: The fields, by name.
ITEM_FIELDS = {each.name: each for each in _DECLARED}
ITEM_FIELDS["frame.number"] = ITEM_FIELDS["packet"]
ITEM_FIELDS["frame.time_relative"] = ITEM_FIELDS["time"]
