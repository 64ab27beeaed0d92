"""A capture that is indexed first and decoded afterwards, both in steps.

For example:

    capture = BrowsedCapture.open("chat.pcapng", Decoder())
    while not capture.index(0.05):
        ...  # `capture.packets` has the packets up to here
    while not capture.decode(0.05):
        ...  # `capture.items` has their messages
"""

from __future__ import annotations

import stat
import time
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from netchat.errors import CaptureError
from netchat.packets.browse.item_store import ItemStore
from netchat.packets.browse.packet_store import PacketStore
from netchat.packets.capture.packet import ETHERNET, Packet
from netchat.packets.capture.reader import read_packets
from netchat.packets.decode.conversation import Conversation, reverse
from netchat.packets.decode.decoder import Decoder
from netchat.packets.items import Item
from netchat.packets.tcp.dissect import FRAGMENT, dissect, dissect_datagram
from netchat.packets.tcp.fragments import FragmentBuffer
from netchat.wording import cannot

__all__ = ["BrowsedCapture"]

#: Packets between two looks at the clock.
_BATCH = 500

#: Instead of a key, for a fragment, whose ports are in another packet.
_FRAGMENT_KEY = b"fragment"

#: First bytes of a file whose packets cannot be read at an offset.
_GZIP = b"\x1f\x8b"


class BrowsedCapture:
    """Capture with an index.

    Args:
        decoder: Decoder of the packets.
        source: The packets of a file; none for a live capture.
        file: File that contains the packets' bytes; None stores them in a temporary file.

    Attributes:
        packets: The packets.
        items: Items that were decoded from them.
        decoder: The decoder.
        problem: Why the file could not be read to its end; empty if it could.
        decoded: Number of packets that were decoded.
        is_indexed: All packets of the file are indexed.
        is_decoded: All of them are decoded.
    """

    def __init__(
        self,
        decoder: Decoder,
        source: Callable[[Callable[[int], object]], Iterator[Packet]] | None = None,
        file: BinaryIO | None = None,
    ) -> None:
        self.decoder = decoder
        self.packets = PacketStore(file)
        self.items = ItemStore(self.packets)
        self.problem = ""
        self.decoded = 0
        self.is_indexed = self.is_decoded = source is None
        on_position = self.packets.offsets.append if file is not None else _ignore
        self._source = source(on_position) if source is not None else iter(())
        self._waiting: Iterator[Packet] | None = None
        self._flows: dict[bytes, int] = {}
        self._fragments = FragmentBuffer()
        self._flow = array("I")  # of each decoded packet; 0 without one
        self._begins: list[tuple[int, int]] = []  # flow and first packet of each conversation
        self._of_flow: dict[int, list[tuple[int, int]]] = {}  # first packets and conversations

    @classmethod
    def open(cls, path: str | Path, decoder: Decoder) -> BrowsedCapture:
        """Open a capture file.

        Args:
            path: Name of a pcap or pcapng file, also compressed by gzip; `-` for standard input.
            decoder: Decoder of the packets; it gets the secrets that the file contains.

        Raises:
            CaptureError: The file cannot be opened.
        """

        def source(on_position: Callable[[int], object]) -> Iterator[Packet]:
            return read_packets(path, decoder.keys.add, on_position)

        file: BinaryIO | None = None
        try:
            # A pipe must be opened only once, by its reader.
            if str(path) != "-" and stat.S_ISREG(Path(path).stat().st_mode):
                file = Path(path).open("rb", buffering=0)  # noqa: SIM115
                if file.read(2) == _GZIP:
                    file.close()
                    file = None
        except OSError as error:
            raise CaptureError(cannot("read", path, error)) from error
        return cls(decoder, source, file)

    def index(self, seconds: float) -> bool:
        """Index packets for a while.

        Returns:
            Whether the file is indexed to its end.
        """
        until = time.perf_counter() + seconds
        batch: list[Packet] = []
        try:
            while time.perf_counter() < until:
                batch.clear()
                batch.extend(islice(self._source, _BATCH))  # keeps those before an error
                self.packets.add(batch)
                if len(batch) < _BATCH:
                    self.is_indexed = True
                    break
        except CaptureError as error:
            self.packets.add(batch)
            self.problem = str(error)
            self.is_indexed = True
        return self.is_indexed

    def decode(self, seconds: float) -> bool:
        """Decode indexed packets for a while.

        Returns:
            Whether all packets are decoded.
        """
        if self.is_decoded:
            return True
        if self._waiting is None:
            self._waiting = self.packets.packets(self.decoded + 1)
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            count = 0
            for packet in self._waiting:
                self._take(packet, self.decoder.feed(packet))
                count += 1
                if count == _BATCH:
                    break
            if count < _BATCH:
                self._waiting = None
                if self.is_indexed:
                    self._add(self.decoder.finish(), None)
                    self.is_decoded = True
                break
        return self.is_decoded

    def feed(self, packets: Iterable[Packet], decode: Callable[[Packet], list[Item]]) -> None:
        """Add packets of a live capture.

        Args:
            packets: The packets.
            decode: Decodes a packet.
        """
        batch = list(packets)
        self.packets.add(batch)
        for packet in batch:
            self._take(packet, decode(packet))

    def add_late(self, items: list[Item]) -> None:
        """Add items that no packet has completed: those of expired timeouts, or of the end."""
        self._add(items, None)

    def _take(self, packet: Packet, items: list[Item]) -> None:
        self.decoded += 1
        _, _, link, data, length = packet
        is_plain = link == ETHERNET and data[12:15] == b"\x08\x00\x45" and not _is_part(data)
        key = data[26:38] if is_plain else _key_of(link, data, length)
        if key == _FRAGMENT_KEY:
            key = self._reassemble(packet)
        self._flow.append(self._flow_of(key) if key else 0)
        if items:
            self._add(items, packet)

    def _reassemble(self, packet: Packet) -> bytes:
        """Add a fragment; return the key of its packet if that is complete, otherwise nothing."""
        whole = self._fragments.feed(packet)
        if whole is None:
            return b""
        key = _key_of(whole.link, whole.data, whole.length)
        for number in self._fragments.packets if key else ():
            if number <= len(self._flow):
                self._flow[number - 1] = self._flow_of(key)
        return key

    def _flow_of(self, key: bytes) -> int:
        flow = self._flows.get(key)
        if flow is None:
            flow = self._flows[key] = self._flows[reverse(key)] = len(self._flows) + 1
        return flow

    def _add(self, items: list[Item], packet: Packet | None) -> None:
        known = len(self.items.conversations)
        for item in items:
            self.items.add(item, packet)
            if len(self.items.conversations) > known:
                known += 1
                first = getattr(item, "packet", 0) or getattr(item, "packets", (0,))[0]
                flow = self._flow[first - 1] if first else 0
                self._of_flow.setdefault(flow, []).append((first, len(self._begins)))
                self._begins.append((flow, first))

    # -- conversations ------------------------------------------------------------------------------

    def conversation_of(self, number: int) -> Conversation | None:
        """Return the conversation that a packet belongs to, or None."""
        if not 0 < number <= len(self._flow):
            return None
        flow = self._flow[number - 1]
        found = [index for first, index in self._of_flow.get(flow, ()) if first <= number]
        return self.items.conversations[found[-1]] if flow and found else None

    def packets_of(self, conversation: Conversation) -> NDArray[np.uint32]:
        """Return the numbers of the packets of a conversation."""
        return self.packets_of_conversations([self.items.conversations.index(conversation)])

    def packets_of_conversations(self, chosen: Sequence[int]) -> NDArray[np.uint32]:
        """Return the numbers of the packets of conversations, given by their indices."""
        flows = np.array(self._flow)
        numbers = np.arange(1, len(flows) + 1, dtype=np.uint32)
        whole = [flow for flow, _ in (self._begins[at] for at in chosen) if self._is_whole(flow)]
        matches = np.isin(flows, whole)
        for index in chosen:  # those that share their addresses and ports with others
            flow, first = self._begins[index]
            if flow and not self._is_whole(flow):
                after = [begin for begin, _ in self._of_flow[flow] if begin > first]
                last = min(after, default=len(flows) + 1)
                matches |= (flows == flow) & (numbers >= first) & (numbers < last)
        return numbers[matches]

    def _is_whole(self, flow: int) -> bool:
        """Return whether all packets of a flow belong to one conversation."""
        return bool(flow) and len(self._of_flow[flow]) == 1

    @property
    def users(self) -> list[str]:
        """Names of the users in the capture."""
        return sorted({each.user for each in self.items.conversations if each.user})

    def close(self) -> None:
        """Close the files."""
        self.packets.close()
        self.items.close()


def _ignore(_: int) -> None:
    """Ignore the offset of a packet whose bytes are copied."""


def _is_part(data: bytes) -> bool:
    """Return whether a packet with plain Ethernet and IPv4 is a fragment."""
    return len(data) > 21 and bool(data[20] & 0x3F or data[21])


def _key_of(link: int, data: bytes, length: int) -> bytes:
    """Return the key of a packet's direction; nothing if it has neither TCP nor UDP."""
    fields = dissect(link, data, length)
    if not isinstance(fields, str):
        return fields[0]
    if fields == FRAGMENT:
        return _FRAGMENT_KEY
    datagram = dissect_datagram(link, data, length)
    return datagram.key if datagram is not None else b""
