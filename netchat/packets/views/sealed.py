"""Plaintexts of sealed messages, where the user has given the secret of their room."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from netchat.packets.items import DecodedMessage, Item
from netchat.packets.views.summary import quote
from netchat.wire import SealedEvent, SealedSend, SealedText

__all__ = ["Opener", "as_plaintext", "is_sealed", "plaintext_lines"]

#: Opens a sealed message; returns its plaintext, or why it cannot be opened. The packet tools do not know
#: the chat: their caller brings it.
Opener = Callable[[DecodedMessage], SealedText | str]


def is_sealed(item: Item) -> bool:
    """Return whether an item is a sealed message."""
    return isinstance(item, DecodedMessage) and isinstance(item.message, SealedSend | SealedEvent)


def plaintext_lines(item: Item, opener: Opener | None) -> list[str]:
    """Return lines that show the plaintext of a sealed message, below its fields."""
    if opener is None or not is_sealed(item):
        return []
    assert isinstance(item, DecodedMessage)
    found = opener(item)
    if isinstance(found, str):
        return [f"      plaintext: {found}"]
    return [
        f"      plaintext: name {quote(found.name)}",
        f"                 text {quote(found.text)}",
    ]


def as_plaintext(item: Item, opener: Opener | None) -> dict[str, Any]:
    """Return the plaintext of a sealed message as a key for `as_dict`, or an empty dict."""
    if opener is None or not is_sealed(item):
        return {}
    assert isinstance(item, DecodedMessage)
    found = opener(item)
    if isinstance(found, str):
        return {"plaintext": None, "unopened": found}
    return {"plaintext": {"name": found.name, "text": found.text}}
