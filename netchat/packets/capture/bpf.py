"""Kernel filter for live packets: a small classic BPF program, assembled here.

A program is a list of instructions of 8 bytes: code, jump distances if a comparison holds and if it
does not, and an operand. It returns the number of bytes to keep; 0 drops the packet.
Source: Linux, Documentation/networking/filter.rst.
"""

from __future__ import annotations

import struct
from collections.abc import Collection

from netchat.errors import CaptureError

__all__ = ["NOTHING", "chat_filter"]

_LOAD_WORD, _LOAD_HALF, _LOAD_BYTE = 0x20, 0x28, 0x30  # A = packet[k]
_LOAD_HALF_AT_X, _HEADER_LENGTH = 0x48, 0xB1  # A = packet[X + k]; X = 4 * (packet[k] & 15)
_EQUAL, _ANY_BIT, _RETURN, _SET_X = 0x15, 0x45, 0x06, 0x01

#: Offsets from here on are relative to the IP header, whatever the link layer.
_IP = -0x100000 & 0xFFFFFFFF
#: Pseudo-offsets of metadata that the kernel has about a packet.
_PROTOCOL, _PACKET_TYPE, _HARDWARE = (-0x1000 + n & 0xFFFFFFFF for n in (0, 4, 28))

_OUTGOING = 4  # PACKET_OUTGOING
_LOOPBACK = 772  # ARPHRD_LOOPBACK
_IPV4, _IPV6, _VLANS = 0x0800, 0x86DD, (0x8100, 0x88A8)
_TCP, _UDP = 6, 17
#: IPv6 extension headers. Packets with more than two are left to the decoder.
_EXTENSIONS = (0, 43, 44, 51, 60)

#: Bytes of a packet to keep: all.
_ALL = 0x40000

_Line = tuple[int, str, str, int]  # code, label if true, label if not, operand


def chat_filter(ports: Collection[int]) -> bytes:
    """Build a program that keeps the TCP segments and UDP datagrams of some ports.

    On the loopback interface, where every packet passes twice, it keeps one of the two. It keeps packets
    that it cannot inspect: fragments, extension headers, VLAN tags.

    Args:
        ports: The ports; if empty, all TCP is kept, and no UDP.

    Returns:
        The instructions, for `SO_ATTACH_FILTER`.

    Raises:
        CaptureError: There are more ports than a jump can span.
    """
    carried = (_TCP, _UDP) if ports else (_TCP,)
    lines: list[_Line | str] = [
        (_LOAD_HALF, "", "", _HARDWARE),
        (_EQUAL, "", "network", _LOOPBACK),
        (_LOAD_BYTE, "", "", _PACKET_TYPE),
        (_EQUAL, "drop", "", _OUTGOING),
        "network",
        (_LOAD_HALF, "", "", _PROTOCOL),
        (_EQUAL, "ipv6", "", _IPV6),
        *[(_EQUAL, "keep", "", vlan) for vlan in _VLANS],
        (_EQUAL, "", "drop", _IPV4),
        (_LOAD_BYTE, "", "", _IP + 9),
        *[(_EQUAL, "ipv4", "", protocol) for protocol in carried],
        (_EQUAL, "drop", "drop", 0),
        "ipv4",
        (_LOAD_HALF, "", "", _IP + 6),
        (_ANY_BIT, "keep", "", 0x1FFF),
        (_HEADER_LENGTH, "", "", _IP),
        (_EQUAL, "ports", "ports", 0),
        "ipv6",
        (_LOAD_BYTE, "", "", _IP + 6),
        *[(_EQUAL, "extended", "", kind) for kind in _EXTENSIONS],
        *[(_EQUAL, "plain", "", protocol) for protocol in carried],
        (_EQUAL, "drop", "drop", 0),
        "plain",
        (_SET_X, "", "", 40),
        (_EQUAL, "ports", "ports", 0),
        "extended",
        (_LOAD_BYTE, "", "", _IP + 40),
        *[(_EQUAL, "keep", "", kind) for kind in (*carried, *_EXTENSIONS)],
        (_EQUAL, "drop", "drop", 0),
        "ports",
    ]
    for offset in (0, 2) if ports else ():
        lines.append((_LOAD_HALF_AT_X, "", "", _IP + offset))
        lines += [(_EQUAL, "keep", "", port) for port in sorted(ports)]
    if ports:
        lines += ["drop", (_RETURN, "", "", 0), "keep", (_RETURN, "", "", _ALL)]
    else:
        lines += ["keep", (_RETURN, "", "", _ALL), "drop", (_RETURN, "", "", 0)]
    return _assemble(lines)


def _assemble(lines: list[_Line | str]) -> bytes:
    """Convert labels to jump distances; an empty label is the next instruction."""
    places: dict[str, int] = {}
    program: list[_Line] = []
    for line in lines:
        if isinstance(line, str):
            places[line] = len(program)
        else:
            program.append(line)
    code = b""
    for at, (operation, yes, no, operand) in enumerate(program):
        jumps = [places[label] - at - 1 if label else 0 for label in (yes, no)]
        if max(jumps) > 255:
            raise CaptureError("too many ports for a capture filter")
        code += struct.pack("=HBBI", operation, *jumps, operand)
    return code


#: Program that drops every packet.
NOTHING = _assemble([(_RETURN, "", "", 0)])
