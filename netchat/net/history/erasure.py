"""Erasure of deleted messages from a history."""

from __future__ import annotations

from dataclasses import replace

from netchat.wire import HEADER_SIZE, Event, EventKind, Frame, decode, encode

__all__ = ["erased_frame"]


def erased_frame(frame: bytes) -> bytes | None:
    """Return the EVENT frame that replaces one of a deleted message.

    It keeps everything but kind and text, so that sequence and counters stay as they are.

    Args:
        frame: An intact EVENT frame.

    Returns:
        None for a sealed message, which the server cannot read and does not erase.
    """
    if frame[3] != Event.TYPE:
        return None
    event = decode(Frame(Event.TYPE, frame[HEADER_SIZE:]))
    assert isinstance(event, Event)
    return encode(replace(event, kind=EventKind.ERASED, text=""))
