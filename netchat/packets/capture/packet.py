"""Captured packets and their link types."""

from __future__ import annotations

from typing import NamedTuple

__all__ = [
    "ETHERNET",
    "LINK_NAMES",
    "LOOP",
    "MAX_PACKET",
    "NULL",
    "RAW",
    "RAW_BSD",
    "RAW_IPV4",
    "RAW_IPV6",
    "RAW_OPENBSD",
    "SLL",
    "SLL2",
    "Packet",
]

#: Maximum length of a captured packet, in bytes; a record with a greater length is damaged.
#: Wireshark accepts 256 KiB from Ethernet; 16 MiB leaves room for link types with larger units.
MAX_PACKET = 16 * 1024 * 1024

# Link types in capture files (https://www.tcpdump.org/linktypes.html).
NULL = 0
ETHERNET = 1
RAW_BSD = 12
RAW_OPENBSD = 14
RAW = 101
LOOP = 108
SLL = 113
RAW_IPV4 = 228
RAW_IPV6 = 229
SLL2 = 276

#: Names of the known link types.
LINK_NAMES = {
    NULL: "BSD loopback",
    ETHERNET: "Ethernet",
    RAW_BSD: "raw IP",
    RAW_OPENBSD: "raw IP",
    RAW: "raw IP",
    LOOP: "OpenBSD loopback",
    SLL: "Linux cooked",
    RAW_IPV4: "raw IPv4",
    RAW_IPV6: "raw IPv6",
    SLL2: "Linux cooked v2",
}


class Packet(NamedTuple):
    """Packet as captured.

    Attributes:
        number: Position in the capture, from 1.
        time: Capture time, in ns since 1970-01-01 UTC.
        link: Link type: a key of `LINK_NAMES`, or another one.
        data: The captured bytes, from the link layer's header on.
        length: Length on the wire, in bytes; more than `data` has if the capture truncated it.
    """

    number: int
    time: int
    link: int
    data: bytes
    length: int
