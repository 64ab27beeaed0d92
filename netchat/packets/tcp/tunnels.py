"""Encapsulations between the link layer and IP, or between IP and IP.

Ethernet types: PPPoE (RFC 2516), MPLS (RFC 3032, 4385), 802.2 SNAP. In IP: IPv4 and IPv6 (RFC 2003, 4213),
GRE (RFC 2784, 2890) with Ethernet (GRETAP) and ERSPAN in it. In UDP: VXLAN (RFC 7348), GENEVE (RFC 8926).
"""

from __future__ import annotations

import struct

__all__ = ["TUNNELS", "UDP_TUNNELS", "in_ethernet", "in_ip", "in_ppp", "in_udp"]

_U16 = struct.Struct(">H").unpack_from

_IPV4, _IPV6 = 0x0800, 0x86DD
_PPPOE, _MPLS, _MPLS_MULTICAST, _BRIDGED = 0x8864, 0x8847, 0x8848, 0x6558
_ERSPAN, _ERSPAN_3 = 0x88BE, 0x22EB

_IN_IP4, _IN_IP6, _GRE = 4, 41, 47
#: Protocols of IP that are tunnels.
TUNNELS = frozenset((_IN_IP4, _IN_IP6, _GRE))

_VXLAN, _GENEVE = 4789, 6081
#: UDP ports of tunnels.
UDP_TUNNELS = frozenset((_VXLAN, _GENEVE))

#: Protocol numbers of PPP.
_PPP = {0x0021: _IPV4, 0x0057: _IPV6}

#: Payload of a tunnel: an Ethernet type and the offset of its payload; type 0x6558 is an Ethernet frame.
_Found = tuple[int, int]


def in_ethernet(number: int, data: bytes, at: int) -> _Found | None:
    """Look into the payload of an Ethernet type.

    Args:
        number: The type.
        data: The packet.
        at: Offset of the payload.

    Returns:
        The type and the offset of what it carries, or None.
    """
    if number == _PPPOE and len(data) >= at + 8 and data[at] == 0x11 and not data[at + 1]:
        return in_ppp(data, at + 6)
    if number in (_MPLS, _MPLS_MULTICAST):
        return _mpls(data, at)
    # A number up to 1500 is no type, but the length of an 802.3 frame.
    if number <= 1500 and data[at : at + 6] == b"\xaa\xaa\x03\0\0\0" and len(data) >= at + 8:
        return _U16(data, at + 6)[0], at + 8
    return None


def in_ppp(data: bytes, at: int) -> _Found | None:
    """Look into a PPP frame, from its protocol on; the result is that of `in_ethernet`."""
    if len(data) <= at + 1:
        return None
    size = 1 if data[at] & 1 else 2  # the first byte may be left out, if it is 0
    kind = _PPP.get(data[at] if size == 1 else _U16(data, at)[0])
    return (kind, at + size) if kind is not None else None


def _mpls(data: bytes, at: int) -> _Found | None:
    """Skip a stack of labels; guess from the first four bits what follows, as routers do."""
    while len(data) > at + 4:
        is_last = data[at + 2] & 1
        at += 4
        if is_last:
            kind = {4: _IPV4, 6: _IPV6}.get(data[at] >> 4)
            if kind is not None:
                return kind, at
            return (_BRIDGED, at + 4) if data[at] >> 4 == 0 else None  # after a control word
    return None


def in_ip(protocol: int, data: bytes, at: int) -> _Found | None:
    """Look into a tunnel in IP; the arguments and the result are those of `in_ethernet`."""
    if protocol == _IN_IP4:
        return _IPV4, at
    if protocol == _IN_IP6:
        return _IPV6, at
    if protocol != _GRE or len(data) < at + 4 or data[at + 1] & 7:
        return None  # version 1 is PPTP, whose packets are compressed PPP
    flags, kind = data[at], _U16(data, at + 2)[0]
    at += 4 + 4 * sum(bool(flags & bit) for bit in (0x80, 0x20, 0x10))
    if kind == _ERSPAN:  # type II has a header and a sequence number, type I neither
        return _BRIDGED, at + (8 if flags & 0x10 else 0)
    if kind == _ERSPAN_3:
        has_more = len(data) > at + 11 and data[at + 11] & 1
        return _BRIDGED, at + (20 if has_more else 12)
    return kind, at


def in_udp(port: int, data: bytes, at: int) -> _Found | None:
    """Look into a tunnel in UDP.

    Args:
        port: Destination port.
        data: The packet.
        at: Offset of the UDP payload.
    """
    if len(data) < at + 8:
        return None
    if port == _VXLAN:
        return (_BRIDGED, at + 8) if data[at] & 0x08 else None
    if port == _GENEVE and not data[at] >> 6:
        return _U16(data, at + 2)[0], at + 8 + 4 * (data[at] & 0x3F)
    return None
