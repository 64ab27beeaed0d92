"""Copy of a captured chat with stand-ins for everything that identifies people.

Names, room codes, texts, tokens, and IP and MAC addresses get stand-ins of the same length: the same one
wherever the original appears. The stand-ins depend on the order of appearance only, so nothing about
the originals can be computed from them but their lengths. CRCs and checksums are right for the new bytes.
Times, ports, sequence numbers and everything else about TCP remain.

Packets without a chat are left out, and bytes of a stream that are not a valid message become zeros.
"""

from __future__ import annotations

import ipaddress
import struct
from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from netchat.errors import BadBody, CaptureError
from netchat.packets.capture.packet import (
    ETHERNET,
    LINK_NAMES,
    NFLOG,
    PKTAP,
    PKTAP_APPLE,
    SLL,
    SLL2,
    Packet,
)
from netchat.packets.capture.reader import read_packets
from netchat.packets.capture.writer import open_writer
from netchat.packets.decode.conversation import Conversation
from netchat.packets.decode.decoder import Decoder
from netchat.packets.items import Block, Damage, DecodedMessage, TlsRecord, Trace
from netchat.packets.tcp.dissect import locate
from netchat.packets.tcp.fragments import defragmented
from netchat.wire import (
    DEFAULT_PORT,
    HEADER_SIZE,
    MAX_FRAME,
    MESSAGES,
    Event,
    EventKind,
    checksum,
    walk,
)
from netchat.wire.annotations import ANNOTATIONS
from netchat.wire.fields import BLOB, TEXT
from netchat.wire.moderation_text import KINDS

__all__ = ["Anonymised", "StandIns", "anonymise"]

#: Fields with the name of a user, and with a room's code. Other texts are texts.
_NAMES = frozenset(("name", "sender", "peer", "suggestion", "after", "actor", "target"))
_ROOMS = frozenset(("room", "code"))

#: Texts that identify no user: names of programs.
_KEPT = frozenset(("software",))

#: Codes that are the same everywhere.
_PUBLIC_ROOMS = frozenset((b"", b"lobby"))

_WORDS = (
    b"lorem ipsum dolor sit amet consetetur sadipscing elitr sed diam nonumy eirmod tempor invidunt ut "
    b"labore et dolore magna aliquyam erat "
)
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_CODE = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

#: Maximum size of a capture's chat, in bytes: it is kept in memory.
_MAX_KEPT = 512 * 1024 * 1024

_TCP = 6

#: Link types whose headers have more about the machine than its addresses.
_DETAILED = (NFLOG, PKTAP, PKTAP_APPLE)


class Anonymised(NamedTuple):
    """Result of a copy.

    Attributes:
        packets: Number of packets written.
        left_out: Number of packets left out, because they do not belong to a chat.
        names: Number of distinct names.
        texts: Number of distinct texts.
        addresses: Number of distinct IP addresses.
    """

    packets: int
    left_out: int
    names: int
    texts: int
    addresses: int


class StandIns:
    """Stand-ins of the same length: the same one for the same original, another one for another.

    Only if there are more originals of one length than stand-ins, several share one.

    Attributes:
        tables: Stand-ins by kind and original.
    """

    def __init__(self) -> None:
        self.tables: defaultdict[str, dict[bytes, bytes]] = defaultdict(dict)
        self._counts: defaultdict[tuple[str, int], int] = defaultdict(int)

    def count(self, kind: str) -> int:
        """Return the number of distinct originals of a kind."""
        return len(self.tables[kind])

    def _number(self, kind: str, length: int) -> int:
        number = self._counts[kind, length]
        self._counts[kind, length] += 1
        return number

    def name(self, original: bytes) -> bytes:
        """Return a name: `User` and letters, or only letters if it is short."""
        # Names differ in more than case.
        key = original.decode("utf-8", "replace").casefold().encode()
        table = self.tables["name"]
        found = table.get(key)
        if found is None or len(found) != len(original):
            number, size = self._number("name", len(original)), len(original)
            digits = _digits(number, _LETTERS, size if size < 5 else size - 4)
            found = (b"User" + digits if size >= 5 else digits)[:size].capitalize()
            table[key] = found
        return found

    def room(self, original: bytes) -> bytes:
        """Return a room's code; that of the lobby is kept."""
        if original in _PUBLIC_ROOMS:
            return original
        return self._made("room", original, _CODE)

    def text(self, original: bytes) -> bytes:
        """Return a text of pseudo-Latin; line feeds remain."""
        table = self.tables["text"]
        if original not in table:
            start = 6 * self._number("text", len(original)) % len(_WORDS)
            words = (_WORDS[start:] + _WORDS * (len(original) // len(_WORDS) + 1))[: len(original)]
            # A text must not begin or end with a space.
            words = bytes(
                ord("x") if byte == 32 and at in (0, len(words) - 1) else byte
                for at, byte in enumerate(words)
            )
            table[original] = bytes(
                10 if was == 10 else byte for was, byte in zip(original, words, strict=True)
            )
        return table[original]

    def notice(self, original: bytes) -> bytes:
        """Return the text of an event of moderation: the duration in its second line remains."""
        actor, *rest = original.split(b"\n", 2)
        first = self.name(actor) if actor else actor
        return b"\n".join([first, *(line if line.isdigit() else self.text(line) for line in rest)])

    def annotation(self, original: bytes) -> bytes:
        """Return the text of an edit, a reply and the like; the number and a reaction's sign remain."""
        number, feed, rest = original.partition(b"\n")
        sign = rest[:1] if rest[:1] in (b"+", b"-") else b""
        rest = rest[len(sign) :]
        return number + feed + sign + (self.text(rest) if rest else b"")

    def blob(self, original: bytes) -> bytes:
        """Return bytes for a token or an id; zeros remain."""
        if not any(original):
            return original
        table = self.tables["blob"]
        if original not in table:
            number = self._number("blob", len(original)) + 1
            table[original] = number.to_bytes(8, "big").rjust(len(original), b"\0")[
                -len(original) :
            ]
        return table[original]

    def ip(self, original: bytes) -> bytes:
        """Return an IP address: 10.0.0.1, fd00::1 and so on; a loopback address is kept."""
        if ipaddress.ip_address(original).is_loopback:
            return original
        table = self.tables["ip"]
        if original not in table:
            number = self._number("ip", len(original)) + 1
            network = b"\x0a" if len(original) == 4 else b"\xfd"
            table[original] = network + number.to_bytes(len(original) - 1, "big")
        return table[original]

    def mac(self, original: bytes) -> bytes:
        """Return a locally administered MAC address; zeros remain."""
        if not any(original):
            return original
        table = self.tables["mac"]
        if original not in table:
            number = self._number("mac", len(original)) + 1
            table[original] = b"\2" + number.to_bytes(len(original) - 1, "big")
        return table[original]

    def _made(self, kind: str, original: bytes, alphabet: str) -> bytes:
        table = self.tables[kind]
        if original not in table:
            number = self._number(kind, len(original))
            table[original] = _digits(number, alphabet, len(original)).upper()
        return table[original]

    def frame(self, raw: bytes) -> bytes:
        """Return a frame with stand-ins in its fields, and the right CRC-32."""
        body = bytearray(raw[HEADER_SIZE:])
        cls = MESSAGES[raw[3]]
        spans = list(walk(cls, bytes(body)))
        kinds = (
            [span.value for span in spans if span.path == "kind"] if issubclass(cls, Event) else []
        )
        is_rename = EventKind.RENAME in kinds
        is_notice = not KINDS.isdisjoint(kinds)
        is_annotation = not ANNOTATIONS.isdisjoint(kinds)
        for span in spans:
            kind, name = span.field.kind, span.field.name
            if kind not in (TEXT, BLOB) or name in _KEPT:
                continue
            start = span.start + kind.size
            original = bytes(body[start : span.end])
            if not original:
                continue
            if kind is BLOB:
                new = self.blob(original)
            elif name in _NAMES or (name == "text" and is_rename):
                new = self.name(original)
            elif name == "text" and is_notice:
                new = self.notice(original)
            elif name == "text" and is_annotation:
                new = self.annotation(original)
            elif name in _ROOMS:
                new = self.room(original)
            else:
                new = self.text(original)
            body[start : span.end] = new
        frame = raw[:12] + bytes(4) + bytes(body)
        return frame[:12] + checksum(frame).to_bytes(4, "big") + frame[HEADER_SIZE:]


def _digits(number: int, alphabet: str, size: int) -> bytes:
    """Return a number in the digits of an alphabet, padded to `size` with the first one."""
    text = ""
    while number or not text:
        number, digit = divmod(number, len(alphabet))
        text = alphabet[digit] + text
    return text.rjust(size, alphabet[0])[-size:].encode()


class _Stream:
    """New bytes of one direction, by offset; what is not a message is zeros."""

    def __init__(self) -> None:
        self._starts = array("q")
        self._parts: list[bytes] = []

    def add(self, offset: int, data: bytes) -> None:
        if self._starts and offset < self._starts[-1]:
            return  # a duplicate of the stream has the same bytes
        self._starts.append(offset)
        self._parts.append(data)

    def take(self, offset: int, size: int) -> bytes:
        out = bytearray(size)
        at = max(0, bisect_right(self._starts, offset) - 1)
        while at < len(self._starts) and self._starts[at] < offset + size:
            start, part = self._starts[at], self._parts[at]
            first, last = max(start, offset), min(start + len(part), offset + size)
            if first < last:
                out[first - offset : last - offset] = part[first - start : last - start]
            at += 1
        return bytes(out)


def anonymise(
    source: str | Path,
    target: str | Path,
    ports: Collection[int] = (DEFAULT_PORT,),
    *,
    limit: int = MAX_FRAME,
) -> Anonymised:
    """Copy the chat in a capture, with stand-ins for what identifies people.

    Fragmented IP packets are reassembled in the copy.

    Args:
        source: The capture.
        target: The copy, readable by its owner only: pcap if it ends in `.pcap`, otherwise pcapng.
        ports: TCP ports of chat servers; see `Decoder`.
        limit: Maximum length of a frame, in bytes.

    Raises:
        CaptureError: A file cannot be read or written, or both are the same; or the capture has TLS,
            links or tunnels, whose contents cannot be rewritten.
    """
    if Path(target).exists() and Path(target).samefile(source):
        raise CaptureError(f"{target} is the capture itself; name another file")
    new = StandIns()
    streams, segments = _decode(source, new, ports, limit)
    if any(p.number in segments and _is_in_tunnel(p) for p in defragmented(read_packets(source))):
        raise CaptureError(
            "the chat is inside a tunnel, such as GRE or VXLAN, whose addresses cannot be rewritten; "
            "capture it outside of the tunnel"
        )
    named = {p.link for p in read_packets(source) if p.link in _DETAILED}
    if named:
        raise CaptureError(
            f"the headers of {LINK_NAMES[named.pop()]} name interfaces, users or processes, which cannot "
            "be replaced; capture on an Ethernet interface"
        )
    written = left_out = 0
    link = next((packet.link for packet in read_packets(source)), ETHERNET)
    with open_writer(target, link) as out:
        for packet in defragmented(read_packets(source)):
            found = segments.get(packet.number)
            data = None
            if found is not None:
                conversation, to_server, offset, size = found
                payload = streams[conversation, to_server].take(offset, size) if size else b""
                data = _rewritten(packet, payload, new)
            if data is None:
                left_out += 1
                continue
            written += 1
            out.write(packet._replace(data=data))
    return Anonymised(written, left_out, new.count("name"), new.count("text"), new.count("ip"))


def _decode(
    source: str | Path, new: StandIns, ports: Collection[int], limit: int
) -> tuple[
    dict[tuple[Conversation, bool], _Stream], dict[int, tuple[Conversation, bool, int, int]]
]:
    """Return the new bytes of each direction, and the offset of each segment's payload in it."""
    streams: dict[tuple[Conversation, bool], _Stream] = defaultdict(_Stream)
    segments: dict[int, tuple[Conversation, bool, int, int]] = {}
    decoder = Decoder(ports, limit=limit, trace=True)

    def items() -> Iterator[object]:
        for packet in read_packets(source):
            yield from decoder.feed(packet)
        yield from decoder.finish()

    kept = 0
    for item in items():
        if isinstance(item, TlsRecord):
            raise CaptureError(
                f"{source} contains TLS, which cannot be anonymised; --strip-secrets removes its secrets"
            )
        if isinstance(item, Block):
            raise CaptureError(f"{source} contains a link, whose blocks cannot be anonymised")
        if isinstance(item, Trace):
            is_known = item.note != "out of window"
            size = item.size if is_known else 0
            segments[item.packet] = (item.conversation, item.to_server, item.offset, size)
        elif isinstance(item, DecodedMessage):
            frame = new.frame(item.raw)
            streams[item.conversation, item.to_server].add(item.offset, frame)
            kept += len(frame) + 200
        elif isinstance(item, Damage) and item.cause == "frame" and len(item.raw) >= HEADER_SIZE:
            streams[item.conversation, item.to_server].add(item.offset, _damaged(item.raw, new))
        if kept > _MAX_KEPT:
            raise CaptureError(
                f"{source} is too large to be anonymised; cut it into parts: editcap -c 1000000"
            )
    return streams, segments


def _damaged(raw: bytes, new: StandIns) -> bytes:
    """Return a damaged frame with stand-ins; its CRC-32 remains wrong by the same bits."""
    try:
        frame = new.frame(raw)
    except (BadBody, KeyError):
        return raw[:HEADER_SIZE] + bytes(len(raw) - HEADER_SIZE)
    difference = int.from_bytes(raw[12:16], "big") ^ checksum(raw)
    crc = int.from_bytes(frame[12:16], "big") ^ difference
    return frame[:12] + crc.to_bytes(4, "big") + frame[HEADER_SIZE:]


# -- packets ----------------------------------------------------------------------------------------


def _is_in_tunnel(packet: Packet) -> bool:
    """Return whether a packet of a chat has more addresses than those that are replaced."""
    located = locate(packet.link, packet.data, packet.length, tunnels=False)
    return isinstance(located, str) or located[0] != _TCP


def _rewritten(packet: Packet, payload: bytes, new: StandIns) -> bytes | None:
    """Return a packet with other addresses and another payload; None if it cannot be rewritten."""
    located = locate(packet.link, packet.data, packet.length, tunnels=False)
    if isinstance(located, str) or located[0] != _TCP:
        return None
    _, at, end, addresses = located
    data = bytearray(packet.data)
    size = len(addresses) // 2
    # With options or extension headers, the header is longer: the addresses tell where it begins.
    network = packet.data.rfind(addresses, 0, at) - (12 if size == 4 else 8)
    if network < 0 or len(data) < at + 20:
        return None
    first = network + (12 if size == 4 else 8)
    source, target = new.ip(addresses[:size]), new.ip(addresses[size:])
    data[first : first + 2 * size] = source + target
    _link_layer(packet.link, data, new)
    if size == 4:
        data[network + 20 : at] = bytes(at - network - 20)  # options may have addresses
        data[network + 10 : network + 12] = bytes(2)
        struct.pack_into(">H", data, network + 10, _checksum(bytes(data[network:at])))
    start = at + (data[at + 12] >> 4) * 4
    stop = min(end, len(data))
    data[start:stop] = payload[: max(0, stop - start)].ljust(max(0, stop - start), b"\0")
    del data[stop:]  # padding of short Ethernet frames, and whatever follows the packet
    data += bytes(len(packet.data) - len(data))
    if stop == end:
        data[at + 16 : at + 18] = bytes(2)
        pseudo = source + target + struct.pack(">IHH", end - at, 0, _TCP)
        if size == 4:
            pseudo = source + target + struct.pack(">BBH", 0, _TCP, end - at)
        struct.pack_into(">H", data, at + 16, _checksum(pseudo + bytes(data[at:stop])))
    return bytes(data)


def _link_layer(link: int, data: bytearray, new: StandIns) -> None:
    """Replace the addresses in the link layer's header."""
    if link == ETHERNET:
        data[0:12] = new.mac(bytes(data[0:6])) + new.mac(bytes(data[6:12]))
    elif link in (SLL, SLL2):
        at = 4 if link == SLL else 11
        length = data[at + 1] if link == SLL else data[at]
        at = 6 if link == SLL else 12
        if 0 < length <= 8:
            data[at : at + length] = new.mac(bytes(data[at : at + length]))


def _checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071)."""
    data += bytes(len(data) % 2)
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
