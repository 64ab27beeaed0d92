"""Dissection of a captured packet: link layer, tunnels, IPv4 or IPv6, TCP or UDP.

Checksums are not checked: a machine whose network card computes them captures its own packets with
wrong ones.
"""

from __future__ import annotations

import struct
from typing import NamedTuple, TypeAlias

from netchat.packets.capture import packet as links
from netchat.packets.tcp.tunnels import (
    TUNNELS,
    UDP_TUNNELS,
    in_ethernet,
    in_ip,
    in_ppp,
    in_udp,
)

__all__ = [
    "ACK",
    "FIN",
    "FRAGMENT",
    "NOT_TCP",
    "PSH",
    "RST",
    "SYN",
    "Datagram",
    "Fields",
    "Fragment",
    "Segment",
    "dissect",
    "dissect_datagram",
    "flag_names",
    "innermost_ip",
    "locate",
    "locate_fragment",
]

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
_FLAGS = ((SYN, "SYN"), (FIN, "FIN"), (RST, "RST"), (PSH, "PSH"), (ACK, "ACK"))

_IPV4, _IPV6 = 0x0800, 0x86DD
#: 802.1Q, 802.1ad and the earlier number of QinQ: four more bytes, then the next type.
_VLAN = (0x8100, 0x88A8, 0x9100)
_TCP, _UDP, _FRAGMENT = 6, 17, 44

#: Type of an Ethernet frame inside a tunnel, and the deepest nesting of tunnels.
_BRIDGED, _MAX_TUNNELS = 0x6558, 5

#: Results of `dissect` for a packet that may contain a UDP datagram, and for part of an IP packet.
NOT_TCP, FRAGMENT = "not TCP", "IP fragment"

#: IPv6 extension headers whose second byte is their length in units of 8 bytes, less one.
_EXTENSIONS = (0, 43, 60, 135, 139, 140)
_AUTHENTICATION = 51
#: Protocols an IP packet is likely to carry: the above, ICMP and ICMPv6.
_CARRIED = (_TCP, _UDP, _FRAGMENT, *_EXTENSIONS, _AUTHENTICATION, 1, 58)

# Ethernet type, version and header length | total length | fragment | protocol | sequence number |
# acknowledgement | header length | flags: all fields needed of Ethernet, IPv4 and TCP, in one step.
_PLAIN = struct.Struct(">12x3sxHxxHxB14xIIBB").unpack_from
_PLAIN_IPV4 = b"\x08\x00\x45"
_TCP_HEADER = struct.Struct(">4xIIBB").unpack_from
_U16 = struct.Struct(">H").unpack_from

#: Types of ERF records: Ethernet, also with colours and counters, and IP.
_ERF_ETHERNET, _ERF_IPV4, _ERF_IPV6 = (2, 11, 16, 20), 22, 23

#: Numbers of IPv6 in the loopback headers of the BSDs.
_BSD_IPV6 = (10, 24, 28, 30)


class Segment(NamedTuple):
    """TCP segment, with the fields that reassembly needs.

    Attributes:
        key: Source and destination address, then both ports; identifies the direction.
        seq: Sequence number of the first byte.
        ack: Acknowledgement number; valid only with the ACK flag.
        flags: The flags, FIN to CWR.
        payload: The captured bytes of the payload.
        cut: Bytes of the payload after those, which were not captured.
    """

    key: bytes
    seq: int
    ack: int
    flags: int
    payload: bytes
    cut: int


class Datagram(NamedTuple):
    """UDP datagram; the fields are those of `Segment`."""

    key: bytes
    payload: bytes
    cut: int


class Fragment(NamedTuple):
    """Fragment of an IP packet.

    Attributes:
        key: Version, addresses, protocol and identification: equal for the fragments of a packet.
        network: Offset of the IP header in the captured packet.
        protocol: Protocol of the whole packet; valid in its first fragment.
        start: Offset of the fragment in the payload of the whole packet, in bytes.
        has_more: Whether more of the packet follows it.
        payload: The captured bytes of the fragment.
        size: Length of the fragment on the wire, in bytes.
    """

    key: bytes
    network: int
    protocol: int
    start: int
    has_more: bool
    payload: bytes
    size: int


#: Protocol, offset of its header, end of the packet, addresses.
_Located: TypeAlias = tuple[int, int, int, bytes]

#: Fields of a segment.
Fields: TypeAlias = tuple[bytes, int, int, int, bytes, int]


def flag_names(flags: int) -> str:
    """Return the names of TCP flags; PSH only if it is the only one."""
    names = [name for bit, name in _FLAGS if flags & bit]
    return " ".join(name for name in names if name != "PSH") or "PSH" * bool(names)


def dissect(link: int, data: bytes, length: int) -> Fields | str:
    """Find the TCP segment in a packet.

    Args:
        link: The link type.
        data: The packet from the link layer's header on.
        length: Its length on the wire, in bytes.

    Returns:
        The fields of a `Segment`, as a plain tuple for speed; or a short, fixed text that says why
        the packet has no segment.
    """
    if link == links.ETHERNET and len(data) >= 54:
        # Fast path for nearly every packet: Ethernet, IPv4 without options, complete.
        kind, total, fragment, protocol, seq, ack, header, flags = _PLAIN(data)
        if kind == _PLAIN_IPV4 and protocol == _TCP and not fragment & 0x3FFF:
            start = 34 + (header >> 4) * 4
            end = 14 + total
            if 54 <= start <= end <= len(data):
                return data[26:38], seq, ack, flags, data[start:end], 0
    located = locate(link, data, length)
    if isinstance(located, str):
        return located
    protocol, at, end, addresses = located
    return _tcp(data, at, end, length, addresses) if protocol == _TCP else NOT_TCP


def dissect_datagram(link: int, data: bytes, length: int) -> Datagram | None:
    """Find the UDP datagram in a packet, or return None.

    Args:
        link: The link type.
        data: The packet from the link layer's header on.
        length: Its length on the wire, in bytes.
    """
    located = locate(link, data, length)
    if isinstance(located, str):
        return None
    protocol, at, end, addresses = located
    if protocol != _UDP or len(data) < at + 8:
        return None
    size = _U16(data, at + 4)[0]
    if not 8 <= size <= end - at:
        return None
    payload = data[at + 8 : at + size]
    return Datagram(addresses + data[at : at + 4], payload, size - 8 - len(payload))


def locate(link: int, data: bytes, length: int, *, tunnels: bool = True) -> _Located | str:
    """Find the transport header in a packet.

    Args:
        link: The link type.
        data: The packet from the link layer's header on.
        length: Its length on the wire, in bytes.
        tunnels: Whether to look into tunnels; the innermost header counts.
    """
    return _innermost(link, data, length, tunnels=tunnels)[1]


def innermost_ip(link: int, data: bytes, length: int) -> tuple[int, int] | None:
    """Return the version and offset of the innermost IP header of a packet, or None.

    Args:
        link: The link type.
        data: The packet from the link layer's header on.
        length: Its length on the wire, in bytes.
    """
    return _innermost(link, data, length, tunnels=True)[0]


def locate_fragment(link: int, data: bytes, length: int) -> Fragment | None:
    """Return the fragment for which `dissect` returned `FRAGMENT`; None if its header is invalid.

    Args:
        link: The link type.
        data: The packet from the link layer's header on.
        length: Its length on the wire, in bytes.
    """
    found, located = _innermost(link, data, length, tunnels=True)
    if found is None or located != FRAGMENT:
        return None
    version, at = found
    if version == 4:
        place, protocol = at + (data[at] & 0x0F) * 4, data[at + 9]
        field = _U16(data, at + 6)[0]
        start, has_more = (field & 0x1FFF) * 8, bool(field & 0x2000)
        end = at + (_U16(data, at + 2)[0] or length - at)
        key = b"\x04" + data[at + 12 : at + 20] + data[at + 9 : at + 10] + data[at + 4 : at + 6]
    else:
        kind, header = _skip_extensions(data[at + 6], data, at + 40)
        assert kind == _FRAGMENT
        place, protocol = header + 8, data[header]
        field = _U16(data, header + 2)[0]
        start, has_more = field & 0xFFF8, bool(field & 1)
        size = _U16(data, at + 4)[0]
        end = at + 40 + size if size else length
        key = b"\x06" + data[at + 8 : at + 40] + data[header + 4 : header + 8]
    if not place < end <= max(length, len(data)):
        return None
    return Fragment(key, at, protocol, start, has_more, data[place:end], end - place)


def _innermost(
    link: int, data: bytes, length: int, *, tunnels: bool
) -> tuple[tuple[int, int] | None, _Located | str]:
    """Return version and offset of the innermost IP header, and the transport header in it."""
    found = _network_layer(link, data, length)
    if isinstance(found, str):
        carried = _in_link_layer(link, data) if tunnels else None
        found = _carried(carried, data, length) if carried is not None else found
        if isinstance(found, str):
            return None, found
    for _ in range(_MAX_TUNNELS):
        version, at = found
        if at >= len(data):
            return None, "truncated before TCP"
        if not _is_ip(version, data, at, length):
            found = version, at = _by_content(data, at, length) or found
        located = _ipv4(data, at, length) if version == 4 else _ipv6(data, at, length)
        inner = _in_tunnel(located, data, length) if tunnels else None
        if inner is None:
            return found, located
        found = inner
    return None, NOT_TCP


def _in_tunnel(located: _Located | str, data: bytes, length: int) -> tuple[int, int] | None:
    """Return the version and offset of the IP packet inside a tunnel, or None."""
    if isinstance(located, str):
        return None
    protocol, at, _, _ = located
    carried = None
    if protocol in TUNNELS:
        carried = in_ip(protocol, data, at)
    elif protocol == _UDP and len(data) >= at + 8:
        port = _U16(data, at + 2)[0]
        carried = in_udp(port, data, at + 8) if port in UDP_TUNNELS else None
    found = _carried(carried, data, length) if carried is not None else NOT_TCP
    return None if isinstance(found, str) else found


def _carried(carried: tuple[int, int], data: bytes, length: int) -> tuple[int, int] | str:
    """Return the version and offset of an IP packet, given an Ethernet type and its payload's offset."""
    for _ in range(_MAX_TUNNELS):
        kind, at = carried
        if kind == _BRIDGED:
            found = _ethertype(data, at + 12, at + 14, length)
            if not isinstance(found, str):
                return found
            inner = _in_frame(data, at + 12, at + 14)
        elif kind in (_IPV4, _IPV6):
            return 4 if kind == _IPV4 else 6, at
        else:
            inner = in_ethernet(kind, data, at)
        if inner is None:
            return NOT_TCP
        carried = inner
    return NOT_TCP


def _in_link_layer(link: int, data: bytes) -> tuple[int, int] | None:
    """Look for a tunnel directly after the link layer's header."""
    places = {links.ETHERNET: (12, 14), links.SLL: (14, 16), links.SLL2: (0, 20)}
    return _in_frame(data, *places[link]) if link in places else None


def _in_frame(data: bytes, at: int, payload: int) -> tuple[int, int] | None:
    """Look into an Ethernet type that is no IP, after VLAN tags."""
    while len(data) >= at + 2:
        (number,) = _U16(data, at)
        if number not in _VLAN:
            return in_ethernet(number, data, payload)
        at, payload = payload + 2, payload + 4
    return None


def _is_ip(version: int, data: bytes, at: int, length: int) -> bool:
    """Return whether an IP header of a version can begin here."""
    if data[at] >> 4 != version or version not in (4, 6):
        return False
    return version == 6 or len(data) < at + 4 or _U16(data, at + 2)[0] <= length - at


def _by_content(data: bytes, at: int, length: int) -> tuple[int, int] | None:
    """Find the IP header by its bytes, if the label promised one and it is not there.

    Of a cooked packet with several VLAN tags, Linux removes only the first, but labels the packet with
    the type after the last. Other systems keep the label of a removed tag.
    """
    while len(data) >= at + 20:
        version = data[at] >> 4
        # Other data may have the first four bits of IPv6.
        carries = data[at + (6 if version == 6 else 9)]
        if _is_ip(version, data, at, length) and carries in _CARRIED:
            return version, at
        if _U16(data, at + 2)[0] not in (_IPV4, _IPV6, *_VLAN):
            return None
        at += 4
    return None


def _network_layer(link: int, data: bytes, length: int) -> tuple[int, int] | str:
    """Return the IP version and the offset of its header, or a reason."""
    if link == links.ETHERNET:
        return _ethertype(data, 12, 14, length)
    if link == links.SLL:
        return _ethertype(data, 14, 16, length)
    if link == links.SLL2:
        return _ethertype(data, 0, 20, length)
    if link in (links.NULL, links.LOOP):
        # In the capturing machine's byte order; the family is a small number.
        family = max(data[:1] + data[3:4], default=0) if len(data) >= 4 else 0
        if family == 2:
            return 4, 4
        return (6, 4) if family in _BSD_IPV6 else "not IP"
    if link in (links.RAW, links.RAW_BSD, links.RAW_OPENBSD, links.RAW_IPV4, links.RAW_IPV6):
        version = data[0] >> 4 if data else 0
        return (version, 0) if version in (4, 6) else "not IP"
    if link == links.NFLOG:
        return _nflog(data)
    if link in (links.PKTAP, links.PKTAP_APPLE):
        return _pktap(link, data, length)
    if link == links.ERF:
        return _erf(data, length)
    if link == links.CISCO_HDLC:
        return _ethertype(data, 2, 4, length)
    if link in (links.PPP, links.PPP_HDLC):
        found = in_ppp(data, 2 if data[:2] == b"\xff\x03" else 0)
    elif link == links.PPPOE:
        found = in_ethernet(0x8864, data, 0)
    else:
        name = links.OTHER_LINK_NAMES.get(link)
        return f"unknown link type {link}" + (f" ({name})" if name else "")
    return (4 if found[0] == _IPV4 else 6, found[1]) if found is not None else "not IP"


def _nflog(data: bytes) -> tuple[int, int] | str:
    """Find the packet in the attributes of a packet that netfilter logged, in its byte order."""
    at, version = 4, {2: 4, 10: 6}.get(data[0] if data else 0)
    little = _U16(data, 4)[0] > 0xFF if len(data) >= 6 else True  # the first attribute is short
    while len(data) >= at + 4:
        size, kind = struct.unpack_from("<HH" if little else ">HH", data, at)
        if kind & 0x7FFF == 9:
            return (version, at + 4) if version is not None else "not IP"
        if size < 4:
            break
        at += size + -size % 4
    return "truncated before TCP"


def _erf(data: bytes, length: int) -> tuple[int, int] | str:
    """Look into a record of an Endace card, after its extension headers."""
    if len(data) < 16:
        return "truncated before TCP"
    kind, at = data[8], 16
    has_more = kind & 0x80
    while has_more and len(data) > at:
        has_more = data[at] & 0x80
        at += 8
    if kind & 0x7F in _ERF_ETHERNET:
        return _ethertype(data, at + 14, at + 16, length)  # after two bytes of padding
    return {_ERF_IPV4: (4, at), _ERF_IPV6: (6, at)}.get(kind & 0x7F, "not IP")


def _pktap(link: int, data: bytes, length: int) -> tuple[int, int] | str:
    """Look into a packet with the header of macOS, which names its process and its link type."""
    if len(data) < 12:
        return "truncated before TCP"
    size, _, inner = struct.unpack_from("<III", data)
    if inner in (links.PKTAP, links.PKTAP_APPLE) or not 12 <= size <= len(data):
        return "not IP" if link == links.PKTAP else f"unknown link type {link}"
    found = _network_layer(inner, data[size:], length - size)
    return found if isinstance(found, str) else (found[0], found[1] + size)


def _ethertype(data: bytes, at: int, payload: int, length: int) -> tuple[int, int] | str:
    """Read the type at `at`, and those of VLAN tags before the payload."""
    start = payload
    while len(data) >= at + 2:
        (number,) = _U16(data, at)
        if number == _IPV4:
            return 4, payload
        if number == _IPV6:
            return 6, payload
        if number not in _VLAN:
            # The type after a tag may be wrong.
            return (payload > start and _by_content(data, start, length)) or "not IP"
        at, payload = payload + 2, payload + 4
    return "truncated before TCP"


def _ipv4(data: bytes, at: int, length: int) -> _Located | str:
    if len(data) < at + 20:
        return "truncated before TCP"
    header = (data[at] & 0x0F) * 4
    if data[at] >> 4 != 4 or header < 20:
        return "bad IP header"
    if _U16(data, at + 6)[0] & 0x3FFF:
        return FRAGMENT
    total = _U16(data, at + 2)[0] or length - at  # 0: the network card segments it
    kind, place = data[at + 9], at + header
    if kind == _AUTHENTICATION:
        if len(data) < place + 8:
            return "truncated before TCP"
        kind, place = data[place], place + (data[place + 1] + 2) * 4
    return kind, place, at + total, data[at + 12 : at + 20]


def _ipv6(data: bytes, at: int, length: int) -> _Located | str:
    if len(data) < at + 40:
        return "truncated before TCP"
    if data[at] >> 4 != 6:
        return "bad IP header"
    size = _U16(data, at + 4)[0]
    end = at + 40 + size if size else length  # 0: as above, or a jumbogram
    kind, place = _skip_extensions(data[at + 6], data, at + 40)
    if kind == _FRAGMENT and len(data) >= place + 8:
        return FRAGMENT
    if kind in (_FRAGMENT, *_EXTENSIONS, _AUTHENTICATION):
        return "truncated before TCP"
    if kind not in (_TCP, _UDP) and kind not in TUNNELS:
        return NOT_TCP
    return kind, place, end, data[at + 8 : at + 40]


def _skip_extensions(kind: int, data: bytes, place: int) -> tuple[int, int]:
    """Skip IPv6 extension headers; return the next header's kind and offset.

    The header of a fragment ends the search, unless it is a whole packet.
    """
    while len(data) >= place + 8:
        if kind in _EXTENSIONS:
            kind, place = data[place], place + (data[place + 1] + 1) * 8
        elif kind == _AUTHENTICATION:
            kind, place = data[place], place + (data[place + 1] + 2) * 4
        elif (
            kind == _FRAGMENT and not _U16(data, place + 2)[0] & 0xFFF9
        ):  # no offset, no more to come
            kind, place = data[place], place + 8
        else:
            break
    return kind, place


def _tcp(data: bytes, at: int, end: int, length: int, addresses: bytes) -> Segment | str:
    if len(data) < at + 14:
        return "truncated before TCP"
    if end > max(length, len(data)):
        return "bad IP header"  # longer than the packet on the wire: every receiver drops it
    seq, ack, header, flags = _TCP_HEADER(data, at)
    start = at + (header >> 4) * 4
    if header < 0x50 or start > end:
        return "bad TCP header"
    payload = data[start:end]
    cut = end - start - len(payload)
    return Segment(addresses + data[at : at + 4], seq, ack, flags, payload, cut)
