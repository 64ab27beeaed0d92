"""Captured packets and their link types."""

from __future__ import annotations

from typing import NamedTuple

__all__ = [
    "CISCO_HDLC",
    "ERF",
    "ETHERNET",
    "LINK_NAMES",
    "LOOP",
    "MAX_PACKET",
    "NFLOG",
    "NULL",
    "OTHER_LINK_NAMES",
    "PKTAP",
    "PKTAP_APPLE",
    "PPP",
    "PPPOE",
    "PPP_HDLC",
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
PPP = 9
RAW_BSD = 12
RAW_OPENBSD = 14
PPP_HDLC = 50
PPPOE = 51
RAW = 101
CISCO_HDLC = 104
LOOP = 108
SLL = 113
PKTAP_APPLE = 149  # the number that macOS writes, reserved for private use
ERF = 197
RAW_IPV4 = 228
RAW_IPV6 = 229
NFLOG = 239
PKTAP = 258
SLL2 = 276

#: Names of the known link types.
LINK_NAMES = {
    NULL: "BSD loopback",
    ETHERNET: "Ethernet",
    PPP: "PPP",
    PPP_HDLC: "PPP in HDLC framing",
    PPPOE: "PPPoE",
    CISCO_HDLC: "Cisco HDLC",
    PKTAP_APPLE: "Apple PKTAP",
    PKTAP: "Apple PKTAP",
    NFLOG: "Linux NFLOG",
    RAW_BSD: "raw IP",
    RAW_OPENBSD: "raw IP",
    RAW: "raw IP",
    LOOP: "OpenBSD loopback",
    SLL: "Linux cooked",
    ERF: "Endace ERF",
    RAW_IPV4: "raw IPv4",
    RAW_IPV6: "raw IPv6",
    SLL2: "Linux cooked v2",
}

#: Names of link types that are not decoded.
OTHER_LINK_NAMES = {
    6: "Token Ring", 8: "SLIP", 10: "FDDI", 105: "802.11", 107: "Frame Relay",
    119: "802.11 with Prism header", 127: "802.11 with radiotap header", 163: "802.11 with AVS header",
    187: "Bluetooth HCI", 189: "USB of Linux", 192: "PPI", 195: "802.15.4", 201: "Bluetooth HCI",
    220: "USB of Linux", 227: "CAN", 247: "InfiniBand", 249: "USBPcap", 253: "netlink", 272: "nRF sniffer",
}  # fmt: skip


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
