"""Names of file formats that are not read, and the command that converts each.

The formats are those of Wireshark's library, whose `editcap` converts them.
"""

from __future__ import annotations

import re
import shlex
import struct

from netchat.packets.capture.packet import MAX_PACKET

__all__ = ["NEEDED", "conversion", "describe_foreign", "pcap_variant"]

#: Bytes at the beginning of a file that identify its format.
NEEDED = 4200

_COMPRESSED = {
    b"\xfd7zXZ\0": ("xz", "xz -dc"),
    b"BZh": ("bzip2", "bzip2 -dc"),
    b"\x28\xb5\x2f\xfd": ("zstd", "zstd -dc"),
    b"\x04\x22\x4d\x18": ("lz4", "lz4 -dc"),
    b"\x02\x21\x4c\x18": ("lz4", "lz4 -dc"),
    b"PK\x03\x04": ("zip", "unzip -p"),
}

_FORMATS = {
    b"snoop\0\0\0": "a snoop file of Solaris",
    b"\xa1\xb2\xcd\x34": "modified pcap (Kuznetzov's variant)",
    b"\x34\xcd\xb2\xa1": "modified pcap (Kuznetzov's variant)",
    b"\x1c\x00\x01\xac": "a capture of an IXIA tester",
    b"\xac\x01\x00\x1c": "a capture of an IXIA tester",
    b"\x1c\x00\x01\xab": "a capture of an IXIA tester",
    b"\xab\x01\x00\x1c": "a capture of an IXIA tester",
    b"RTSS": "a capture of Microsoft Network Monitor 1",
    b"GMBU": "a capture of Microsoft Network Monitor 2",
    b"TRSNIFF data": "a capture of Sniffer (DOS)",
    b"XCP\0": "a capture of Sniffer (Windows) or NetXray",
    b"VL\0\0": "a capture of NetXray",
    b"\xaa\xaa\xaa\xaa": "a 5View capture",
    b"btsnoop\0": "a btsnoop file of Bluetooth",
    b"ObserverPktBuffe": "a capture of Observer",
    b"\x01\x10\x4c\0\x01\x05": "a capture of Novell LANalyzer",
    b"\x05VNF": "a capture of Visual Networks",
    b"\0\0\x02\0\x12\x05\0\x10": "a capture of a Tektronix K12xx",
    b"\x7fver": "a capture of EtherPeek or OmniPeek",
    b"iptrace ": "a trace of AIX's iptrace",
    b"TR\0d\0": "a trace of HP-UX's nettl",
    b"\0\0\0\x01\0\0\0\0\0\x07\xd0\0": "a trace of HP-UX's nettl",
    b"EyeSDN": "a trace of EyeSDN",
    b"Session Transcript": "a Catapult DCT2000 trace",
}

#: Formats whose packets may have various link types, of which editcap must be told one.
_MIXED = ("a trace of HP-UX's nettl", "a K12 text file")

#: Text anywhere in the first bytes.
_INSIDE = {
    b"NetScaler Performance Data": "a NetScaler trace",
    b"Netscaler V20 Performance Data": "a NetScaler trace",
    b"NetScaler V30 Performance Data": "a NetScaler trace",
    b"NetScaler V35 Performance Data": "a NetScaler trace",
    b"+---------+---------------+----------+": "a K12 text file",
}

#: The hex dump of `tcpdump -x`, `-X`, `xxd` or `od`, and what tcpdump and tshark print.
_HEX_DUMP = re.compile(rb"\s*(?:0x)?[0-9a-fA-F]{4,8}:?\s+[0-9a-fA-F]{2}")
_PRINTED = re.compile(rb"\d\d:\d\d:\d\d\.\d+ |\s*\d+\s+\d+\.\d{6}")
_JSON = re.compile(rb"\s*[\[{]\s*[\"{]")

_LONGEST_RECORD = 65_535

#: Seconds within which the next packet follows, for a guess.
_SOON = 10_000_000

#: Type of ERF records about the capture, which may have no time.
_ERF_METADATA = 27


def conversion(name: str, options: str = "-F pcapng") -> str:
    """Return the command that converts a file for netchat."""
    source = "-" if name == "standard input" else shlex.quote(name)
    return f"editcap {options} {source} - | netchat inspect -"


def describe_foreign(head: bytes, name: str) -> str | None:
    """Return what a file is that is not pcap or pcapng, and how to read it; None if unknown.

    Args:
        head: The first `NEEDED` bytes, or the whole file if it is shorter.
        name: Name of the file.
    """
    for magic, (method, command) in _COMPRESSED.items():
        if head.startswith(magic):
            source = "" if name == "standard input" else f" {shlex.quote(name)}"
            return f"compressed by {method}; decompress it: {command}{source} | netchat inspect -"
    found = next((what for magic, what in _FORMATS.items() if head.startswith(magic)), None)
    found = found or next((what for text, what in _INSIDE.items() if text in head), None)
    if found is not None:
        options = "-T ether -F pcapng" if found in _MIXED else "-F pcapng"
        return f"{found}; convert it: {conversion(name, options)}"
    if _HEX_DUMP.match(head):
        return "a hex dump; convert it: text2pcap FILE chat.pcap"
    if _PRINTED.match(head):
        return "the text that tcpdump or tshark prints; record packets instead: tcpdump -w FILE"
    if _JSON.match(head):
        return "JSON; netchat inspect reads captures, and writes JSON with --json"
    if _is_erf(head):
        return f"a capture of an Endace card (ERF); convert it: {conversion(name)}"
    return None


def _is_erf(head: bytes) -> bool:
    """Return whether records of ERF follow one another: times that grow, types and lengths that fit."""
    at, records, before = 0, 0, 0
    while records < 3 and at + 16 <= len(head):
        time, kind, _, size, _, length = struct.unpack_from("<QBB2s2s2s", head, at)
        size, length = int.from_bytes(size), int.from_bytes(length)
        if not 0 < kind & 0x7F <= 48 or size < 16 or length > _LONGEST_RECORD:
            return False
        if kind & 0x7F == _ERF_METADATA:
            at, records = at + size, records + 1
            continue
        seconds = time >> 32
        if not seconds or (before and abs(seconds - before) > _SOON):
            return False
        at, records, before = at + size, records + 1, seconds
    return records > 1 or (records == 1 and at == len(head))


def pcap_variant(head: bytes, order: str) -> str | None:
    """Return the name of a variant of pcap with the usual magic number but longer records, or None.

    Args:
        head: The first bytes of the file.
        order: Byte order of its numbers.
    """
    if _fits(head, order, 16) is not False:
        return None
    variants = {24: "modified pcap (Red Hat's variant)", 20: "modified pcap (Nokia's variant)"}
    return next((name for size, name in variants.items() if _fits(head, order, size)), None)


def _fits(head: bytes, order: str, size: int) -> bool | None:
    """Return whether the first two records have headers of a size; None if this cannot be told."""
    if len(head) < 24 + size:
        return None
    at = 24
    first = struct.unpack_from(order + "4I", head, at)
    at += size + first[2]
    if not _is_record(first, first):
        return False
    if len(head) < at + 16:
        return None
    return _is_record(struct.unpack_from(order + "4I", head, at), first)


def _is_record(record: tuple[int, ...], first: tuple[int, ...]) -> bool:
    """Return whether the fields of a record are those of a packet soon after the first one."""
    seconds, fraction, captured, length = record
    is_soon = abs(seconds - first[0]) < _SOON
    return is_soon and fraction < 1_000_000_000 and 0 < captured <= min(length, MAX_PACKET)
