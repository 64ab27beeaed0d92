"""Frames and messages of items; of a frame with a wrong CRC-32, what it seems to say.

Wireshark dissects such frames too, so that a filter selects the same frames in both.
"""

from __future__ import annotations

import functools

from netchat.errors import PeerError
from netchat.packets.items import Damage, DecodedMessage, Item
from netchat.wire import HEADER_SIZE, Frame, Message, decode

__all__ = ["frame_of", "message_of"]


def frame_of(item: Item) -> bytes | None:
    """Return the frame of an item, with at least a complete header, or None."""
    if isinstance(item, DecodedMessage):
        return item.raw
    if isinstance(item, Damage) and item.cause == "frame" and len(item.raw) >= HEADER_SIZE:
        return item.raw
    return None


def message_of(item: Item) -> Message | None:
    """Return the message of an item, even if its CRC-32 is wrong, or None."""
    if isinstance(item, DecodedMessage):
        return item.message
    if isinstance(item, Damage) and item.error == "BadChecksum" and item.cause == "frame":
        return _decode(item.raw)
    return None


@functools.lru_cache(maxsize=64)
def _decode(raw: bytes) -> Message | None:
    try:
        return decode(Frame(raw[3], raw[HEADER_SIZE:]))
    except PeerError:
        return None
