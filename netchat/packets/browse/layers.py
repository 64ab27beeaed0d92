"""Tree of a packet: headers of each layer, then the messages that it completes, with their fields."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from netchat.packets.browse.capture import BrowsedCapture
from netchat.packets.browse.rows import item_text, show_time
from netchat.packets.capture.packet import ETHERNET, LINK_NAMES, Packet
from netchat.packets.items import Block, Damage, DecodedMessage, Item, TlsRecord
from netchat.packets.tcp.dissect import FRAGMENT, flag_names, locate, locate_fragment
from netchat.packets.views.frame_fields import frame_fields
from netchat.packets.views.sealed import Opener, plaintext_lines
from netchat.packets.views.tree import tree_lines
from netchat.wording import many

__all__ = ["Node", "packet_tree"]

# Fields of the headers as (name, offset, size, how to show it).
_Table = tuple[tuple[str, int, int, str], ...]
_ETHERNET: _Table = (
    ("destination", 0, 6, "mac"), ("source", 6, 6, "mac"), ("type", 12, 2, "hex"),
)  # fmt: skip
_IPV4: _Table = (
    ("version, header length", 0, 1, "hex"), ("service", 1, 1, "hex"),
    ("total length", 2, 2, "number"), ("identification", 4, 2, "hex"),
    ("flags, fragment offset", 6, 2, "hex"), ("time to live", 8, 1, "number"),
    ("protocol", 9, 1, "number"), ("checksum", 10, 2, "hex"), ("source", 12, 4, "ip"),
    ("destination", 16, 4, "ip"),
)  # fmt: skip
_IPV6: _Table = (
    ("version, class, flow", 0, 4, "hex"), ("payload length", 4, 2, "number"),
    ("next header", 6, 1, "number"), ("hop limit", 7, 1, "number"), ("source", 8, 16, "ip"),
    ("destination", 24, 16, "ip"),
)  # fmt: skip
_TCP: _Table = (
    ("source port", 0, 2, "number"), ("destination port", 2, 2, "number"),
    ("sequence number", 4, 4, "number"), ("acknowledgement", 8, 4, "number"),
    ("header length", 12, 1, "words"), ("flags", 13, 1, "flags"), ("window", 14, 2, "number"),
    ("checksum", 16, 2, "hex"), ("urgent pointer", 18, 2, "number"),
)  # fmt: skip
_UDP: _Table = (
    ("source port", 0, 2, "number"), ("destination port", 2, 2, "number"),
    ("length", 4, 2, "number"), ("checksum", 6, 2, "hex"),
)  # fmt: skip


@dataclass(slots=True)
class Node:
    """Node of the tree, with its bytes.

    Attributes:
        label: What it is, with its value.
        offset: Offset of its bytes in `data`.
        size: Number of bytes; 0 without any.
        data: Bytes that are shown while it is selected: those of the packet, or of a message that
            several packets carry.
        doc: Meaning of a field.
        children: Nodes inside it.
        is_open: Its children are shown at first.
    """

    label: str
    offset: int
    size: int
    data: bytes
    doc: str = ""
    children: list[Node] = field(default_factory=list)
    is_open: bool = False


def packet_tree(capture: BrowsedCapture, number: int, opener: Opener | None = None) -> list[Node]:
    """Return the nodes of a packet.

    Args:
        capture: The capture.
        number: Number of the packet.
        opener: Opens sealed messages; None shows their fields only.
    """
    packet = capture.packets[number]
    data = packet.data
    when = show_time(packet.time, 0, clock=True)
    length = many(packet.length, "byte")
    if packet.length > len(data):
        length += f", {many(len(data), 'byte')} captured"
    nodes = [Node(f"Packet {number}: {length} at {when}", 0, len(data), data)]
    nodes += _headers(packet)
    for index in capture.items.of_packet(number):
        nodes.append(_item_node(capture.items[index], data, opener))
    return nodes


def _headers(packet: Packet) -> list[Node]:
    data, nodes = packet.data, []
    located = locate(packet.link, data, packet.length)
    if packet.link == ETHERNET and len(data) >= 14:
        nodes.append(_layer("Ethernet", data, 0, 14, _ETHERNET))
    if isinstance(located, str):
        fragment = locate_fragment(packet.link, data, packet.length)
        if located == FRAGMENT and fragment is not None:
            is_ipv4, ip = fragment.key[0] == 4, fragment.network
            table, size = (_IPV4, 20) if is_ipv4 else (_IPV6, 40)
            nodes.append(_layer("IPv4" if is_ipv4 else "IPv6", data, ip, size, table))
            start, end = fragment.start, fragment.start + fragment.size
            more = "more follow" if fragment.has_more else "the last"
            label = f"Fragment: bytes {start} to {end} of the packet, {more}"
            nodes.append(Node(label, ip + size, len(data) - ip - size, data))
        if not nodes:
            name = LINK_NAMES.get(packet.link, f"link type {packet.link}")
            nodes.append(Node(f"{name}: {located}", 0, len(data), data))
        return nodes
    protocol, at, end, addresses = located
    is_ipv4 = len(addresses) == 8
    ip = data.find(addresses[: len(addresses) // 2]) - (12 if is_ipv4 else 8)
    if not nodes and ip > 0:
        name = LINK_NAMES.get(packet.link, f"link type {packet.link}")
        nodes.append(Node(name, 0, ip, data))
    if ip >= 0:
        table = _IPV4 if is_ipv4 else _IPV6
        nodes.append(_layer("IPv4" if is_ipv4 else "IPv6", data, ip, at - ip, table))
    if protocol == 6 and len(data) >= at + 13:
        size = (data[at + 12] >> 4) * 4
        nodes.append(_layer("TCP", data, at, size, _TCP))
        if size > 20:
            nodes[-1].children.append(Node(f"options: {size - 20} bytes", at + 20, size - 20, data))
        payload = at + size
    elif protocol == 17:
        nodes.append(_layer("UDP", data, at, 8, _UDP))
        payload = at + 8
    else:
        return nodes
    end = min(end, len(data))
    if payload < end:
        nodes.append(Node(f"Payload: {many(end - payload, 'byte')}", payload, end - payload, data))
    return nodes


def _layer(name: str, data: bytes, at: int, size: int, table: _Table) -> Node:
    children, values = [], {}
    for title, offset, width, form in table:
        raw = data[at + offset : at + offset + width]
        if len(raw) == width:
            values[title] = _shown(raw, form)
            children.append(Node(f"{title}: {values[title]}", at + offset, width, data))
    ends = [
        (values.get(f"source{port}"), values.get(f"destination{port}")) for port in (" port", "")
    ]
    ends_text = next((f"{one} → {two}" for one, two in ends if one and two), "")
    flags = f"  {values['flags']}" if "flags" in values else ""
    return Node(f"{name}: {ends_text}{flags}", at, min(size, len(data) - at), data, "", children)


def _shown(raw: bytes, form: str) -> str:
    number = int.from_bytes(raw, "big")
    match form:
        case "mac":
            return raw.hex(":")
        case "ip":
            return str(ipaddress.ip_address(raw))
        case "hex":
            return f"{number:#0{2 + 2 * len(raw)}x}"
        case "flags":
            return flag_names(number)
        case "words":
            return f"{(number >> 4) * 4} bytes"
        case _:
            return str(number)


def _item_node(item: Item, packet: bytes, opener: Opener | None) -> Node:
    raw: bytes = getattr(item, "raw", b"")
    title = item_text(item)
    data, base = packet, packet.find(raw) if raw else 0
    if base < 0:
        assert isinstance(item, (Block, Damage, DecodedMessage, TlsRecord))
        data, base = raw, 0
        title += f"  ({many(len(raw), 'byte')} from {many(len(item.packets), 'packet')})"
    if not isinstance(item, DecodedMessage):
        node = Node(title, base, len(raw), data, is_open=True)
        node.children = [Node(line[6:], base, len(raw), data) for line in tree_lines(item)]
        return node
    node = Node(title, base, len(raw), data, is_open=True)
    header = Node("header", base, 16, data)
    for each in frame_fields(raw, hides_secrets=False):
        child = Node(f"{each.path}: {each.text}", base + each.offset, each.size, data, each.doc)
        (header if each.is_header else node).children.append(child)
    node.children.insert(0, header)
    node.children += [Node(line.strip(), 0, 0, data) for line in plaintext_lines(item, opener)]
    return node
