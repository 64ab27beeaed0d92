"""Opener of captured sealed messages, for `sniff` and `inspect`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netchat.wire import SealedEvent, SealedSend, SealedText

if TYPE_CHECKING:
    from netchat.packets import DecodedMessage
    from netchat.packets.views.sealed import Opener

__all__ = ["make_opener"]


def make_opener(secrets: tuple[bytes, ...]) -> Opener | None:
    """Return a function that opens captured sealed messages, or None without secrets.

    Args:
        secrets: Secrets of rooms, from `--room-secret`.
    """
    if not secrets:
        return None
    from netchat.chat.sealing.capture_opener import CaptureOpener

    opener = CaptureOpener(secrets)

    def open_item(item: DecodedMessage) -> SealedText | str:
        message = item.message
        assert isinstance(message, SealedSend | SealedEvent)
        membership = item.conversation.rooms.get(message.room)
        if membership is None:
            return "the capture does not show how this user entered the room"
        return opener.open(message, membership.log)

    return open_item
