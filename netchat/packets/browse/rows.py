"""Rows of the packet list."""

from __future__ import annotations

import datetime
from typing import NamedTuple

from netchat.packets.browse.capture import BrowsedCapture
from netchat.packets.capture.packet import LINK_NAMES, Packet
from netchat.packets.decode.conversation import Conversation, endpoints, show_endpoint
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
from netchat.packets.tcp.dissect import ACK, Segment, dissect, dissect_datagram, flag_names
from netchat.packets.views.blocks import block_summary
from netchat.packets.views.lines import damage
from netchat.packets.views.summary import summary
from netchat.packets.views.tls import record_summary
from netchat.wire.safe_text import show_line
from netchat.wording import many

__all__ = ["PacketRow", "item_text", "packet_row", "show_time"]

#: Protocols by the kind of their messages, for the colours of rows.
_LABELS = {
    DecodedMessage: "message",
    Block: "block",
    TlsRecord: "tls",
    Damage: "damage",
    Gap: "gap",
    Notice: "control",
    Trace: "again",
}

#: Items that a row names; further ones are counted.
_NAMED = 4


class PacketRow(NamedTuple):
    """Row of a packet.

    Attributes:
        number: Number of the packet.
        time: Seconds since the first packet, or the time of day.
        source: Sender: a user, the server or an address, with the port.
        target: Receiver.
        protocol: `NCP`, `link`, `TLS`, `TCP`, `UDP` or another.
        length: Length on the wire, in bytes.
        info: Messages that the packet completes, or what its headers say.
        kind: Most important kind of its items: `message`, `block`, `tls`, `damage`, `gap`, `again`
            (retransmitted or out of order), `control`, `ack` (without payload), `data` (part of a message) or
            `other` (not a chat).
    """

    number: int
    time: str
    source: str
    target: str
    protocol: str
    length: int
    info: str
    kind: str


def packet_row(capture: BrowsedCapture, number: int, *, clock: bool = False) -> PacketRow:
    """Return the row of a packet.

    Args:
        capture: The capture.
        number: Number of the packet.
        clock: Show the time of day.
    """
    packet = capture.packets[number]
    shown_time = show_time(packet.time, capture.packets.times[0], clock=clock)
    fields = dissect(packet.link, packet.data, packet.length)
    if isinstance(fields, str):
        protocol, key, info, kind = _not_tcp(fields, packet)
    else:
        segment = Segment(*fields)
        protocol, key = "TCP", segment.key
        size = len(segment.payload) + segment.cut
        ack = f" ack {segment.ack}" if segment.flags & ACK else ""
        info = f"{flag_names(segment.flags)} seq {segment.seq}{ack}"
        if size:
            info += f", {many(size, 'byte')}"
        kind = "data" if size else "ack"
    conversation = capture.conversation_of(number)
    source, target = _ends(key, conversation)
    if conversation is None:
        kind = "other"
    items = [capture.items[index] for index in capture.items.of_packet(number)]
    if items:
        items.sort(key=lambda item: _rank(_LABELS[type(item)]))
        kind = _LABELS[type(items[0])]
        texts = [item_text(item) for item in items[:_NAMED]]
        info = "  ".join([info, *texts] if kind in ("again", "control") else texts)
        if len(items) > _NAMED:
            info += f"  and {len(items) - _NAMED} more"
        protocol = {"message": "NCP", "block": "link", "tls": "TLS"}.get(kind, protocol)
    elif conversation is not None and kind == "data":
        info = f"part of a message  {info}"
    return PacketRow(
        number, shown_time, source, target, protocol, packet.length, info, kind
    )  # fmt: skip


def _rank(kind: str) -> int:
    order = ("damage", "gap", "message", "block", "tls", "again", "control")
    return order.index(kind)


def show_time(time: int, zero: int, *, clock: bool = False) -> str:
    """Return a time in ns as seconds since `zero`, or as the time of day."""
    if clock:
        try:
            moment = datetime.datetime.fromtimestamp(time // 1_000_000_000)
        except (ValueError, OverflowError, OSError):
            return f"{time / 1e9:.6f}"  # a year outside the calendar: a damaged capture
        return f"{moment:%H:%M:%S}.{time % 1_000_000_000 // 1000:06d}"
    return f"{(time - zero) / 1e9:z.6f}"


def _not_tcp(why: str, packet: Packet) -> tuple[str, bytes, str, str]:
    datagram = dissect_datagram(packet.link, packet.data, packet.length)
    if datagram is not None:
        size = len(datagram.payload) + datagram.cut
        return "UDP", datagram.key, f"datagram of {many(size, 'byte')}", "data"
    return LINK_NAMES.get(packet.link, "other"), b"", why, "other"


def _ends(key: bytes, conversation: Conversation | None) -> tuple[str, str]:
    if not key:
        return "", ""
    pair = endpoints(key)
    if conversation is None:
        return show_endpoint(pair[0]), show_endpoint(pair[1])
    names = [
        f"server:{end[1]}"
        if end == conversation.server
        else f"{show_line(conversation.user)}:{end[1]}"
        if conversation.user
        else show_endpoint(end)
        for end in pair
    ]
    return names[0], names[1]


def item_text(item: Item) -> str:
    """Return an item in a few words."""
    match item:
        case DecodedMessage():
            marks = " [retransmitted]" * item.repeated + " [after resync]" * item.found
            return f"{item.message.NAME} {summary(item.message)}{marks}".rstrip()
        case Gap():
            return f"{many(item.size, 'byte')} missing: {item.reason}"
        case Damage():
            return damage(item)
        case Block():
            return f"{item.header.kind.name} {block_summary(item)}".rstrip()
        case TlsRecord():
            return record_summary(item)
        case Notice():
            return f"connection {item.event}"
        case Trace():
            return f"[TCP {item.note}]"
