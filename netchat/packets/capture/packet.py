"""One captured packet, as every source of packets hands it over, and the link types known here."""

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

#: Bytes of one packet that a capture may hold; a record that says more is damaged. Wireshark
#: takes 256 KiB from Ethernet; 16 MiB leaves room for link types with larger units.
MAX_PACKET = 16 * 1024 * 1024

# Link types, by the numbers that capture files use (https://www.tcpdump.org/linktypes.html).
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

#: What each known link type is called.
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
    """A packet as it was captured.

    Attributes:
        number: its place in the capture, from 1.
        time: when it was captured, in nanoseconds since 1970-01-01 UTC.
        link: link type, one of the numbers in `LINK_NAMES` or another one.
        data: the bytes that were kept, from the link layer's header on.
        length: bytes it had on the wire; more than `data` has if the capture cut it.
    """

    number: int
    time: int
    link: int
    data: bytes
    length: int
