"""Decoded items in columns; messages are decoded again when they are shown."""

from __future__ import annotations

import pickle
import tempfile
from array import array
from bisect import bisect_left

import numpy as np

from netchat.packets.browse.packet_store import PacketStore
from netchat.packets.capture.packet import Packet
from netchat.packets.decode.conversation import Conversation
from netchat.packets.items import Block, Damage, DecodedMessage, Gap, Item, Notice, TlsRecord
from netchat.wire import HEADER_SIZE, Frame, decode

__all__ = ["OTHER", "ItemStore"]

#: Type number in the column of items that are not messages.
OTHER = 0

#: Bits of the column of flags.
_TO_SERVER, _REPEATED, _FOUND, _STORED, _LATE = 1, 2, 4, 8, 16


class ItemStore:
    """Items of a capture, in the order in which they were decoded; about 40 bytes of memory per item.

    A message in the clear stays in the file of the packets. Other items are stored in a temporary file.

    Args:
        packets: The packets.

    Attributes:
        conversations: All conversations, by their index.
    """

    def __init__(self, packets: PacketStore) -> None:
        self.conversations: list[Conversation] = []
        self._packets = packets
        self._numbers: dict[Conversation, int] = {}
        self._rooms: dict[str, None] = {}
        self._packet = array("I")  # never decreases
        self._type = array("B")
        self._flags = array("B")
        self._conversation = array("I")
        self._offset = array("Q")  # in the stream
        self._place = array("Q")  # in a file
        self._size = array("I")
        self._late: dict[int, list[int]] = {}  # items that were decoded after other packets
        self._spool = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        self._end = 0

    def __len__(self) -> int:
        return len(self._packet)

    def add(self, item: Item, packet: Packet | None) -> None:
        """Add an item.

        Args:
            item: The item.
            packet: The packet after which it was decoded; None at the end of the capture.
        """
        own = _packet_of(item)
        last = self._packet[-1] if self._packet else 0
        flags = _TO_SERVER * item.to_server
        if own < last:
            self._late.setdefault(own, []).append(len(self._packet))
            own, flags = last, flags | _LATE
        kind, offset = OTHER, 0
        place = -1
        if type(item) is DecodedMessage:
            kind, offset = item.message.TYPE, item.offset
            flags |= _REPEATED * item.repeated | _FOUND * item.found
            if room := getattr(item.message, "room", ""):
                self._rooms.setdefault(room)
            if packet is not None and item.packets == (packet.number,):
                place = packet.data.find(item.raw)
        if place >= 0:
            assert packet is not None
            place += self._packets.offsets[packet.number - 1]
            size = len(item.raw)  # type: ignore[union-attr]
        else:
            flags |= _STORED
            place, size = self._store(item)
        self._packet.append(own)
        self._type.append(kind)
        self._flags.append(flags)
        self._conversation.append(self._number(item.conversation))
        self._offset.append(offset)
        self._place.append(place)
        self._size.append(size)

    def _number(self, conversation: Conversation) -> int:
        number = self._numbers.get(conversation)
        if number is None:
            number = self._numbers[conversation] = len(self.conversations)
            self.conversations.append(conversation)
        return number

    def _store(self, item: Item) -> tuple[int, int]:
        """Write an item to the temporary file, without its conversation."""
        data = pickle.dumps((type(item), tuple(item._replace(conversation=None))))  # type: ignore[arg-type]
        self._spool.write(data)
        place, self._end = self._end, self._end + len(data)
        return place, len(data)

    def __getitem__(self, index: int) -> Item:
        conversation = self.conversations[self._conversation[index]]
        flags, place, size = self._flags[index], self._place[index], self._size[index]
        if flags & _STORED:
            self._spool.seek(place)
            kind, values = pickle.loads(self._spool.read(size))  # noqa: S301 - written above
            self._spool.seek(0, 2)
            found: Item = kind(*values)._replace(conversation=conversation)
            return found
        number = self._packet[index]
        raw = self._packets.read(place, size)
        message = decode(Frame(raw[3], raw[HEADER_SIZE:]))
        return DecodedMessage(
            self._packets.times[number - 1], conversation, bool(flags & _TO_SERVER), message, raw,
            (number,), bool(flags & _REPEATED), self._offset[index], bool(flags & _FOUND),
        )  # fmt: skip

    def of_packet(self, number: int) -> list[int]:
        """Return the indices of the items that a packet completed."""
        first = bisect_left(self._packet, number)
        last = bisect_left(self._packet, number + 1, first)
        found = [index for index in range(first, last) if not self._flags[index] & _LATE]
        return sorted(found + self._late.get(number, []))

    def of_conversation(self, conversation: int) -> list[int]:
        """Return the indices of the items of a conversation, given by its index."""
        if not self._packet:
            return []
        column = np.array(self._conversation)
        return [int(index) for index in np.nonzero(column == conversation)[0]]

    def packet_of(self, index: int) -> int:
        """Return the number of the packet that completed an item."""
        if self._flags[index] & _LATE:
            return next(number for number, found in self._late.items() if index in found)
        return self._packet[index]

    @property
    def rooms(self) -> list[str]:
        """Codes of the rooms that messages name."""
        return list(self._rooms)

    def close(self) -> None:
        """Delete the temporary file."""
        self._spool.close()


def _packet_of(item: Item) -> int:
    """Return the number of the packet that completed an item."""
    if isinstance(item, (DecodedMessage, Damage, Block, TlsRecord)):
        return item.packets[-1] if item.packets else 0
    assert isinstance(item, (Gap, Notice)) or hasattr(item, "packet")
    return item.packet
