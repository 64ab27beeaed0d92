"""Filters made from separate options: room, user, message types."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeAlias

from netchat.packets.items import DecodedMessage, Item
from netchat.wire import MESSAGES, Message

__all__ = ["ItemFilter", "all_of", "in_room", "make_filter"]

ItemFilter: TypeAlias = Callable[[Item], bool]

_NAMES = frozenset(message.NAME for message in MESSAGES.values())


def make_filter(
    *, room: str | None = None, user: str | None = None, types: Collection[str] = ()
) -> ItemFilter | None:
    """Build a filter for items.

    Args:
        room: Code of a room, as on the wire or as displayed (`7K3F9-2MQ0T`): selects messages about
            this room.
        user: Name of a user: selects this user's conversations.
        types: Names of message types, in any case, such as `SEND`: selects these messages.

    Returns:
        The filter, or None if every item is selected. A filter by room or type selects only messages,
        since a gap has neither.

    Raises:
        ValueError: A type does not exist.
    """
    if room is None and user is None and not types:
        return None
    names = {name.upper() for name in types}
    if unknown := sorted(names - _NAMES):
        raise ValueError(
            f"unknown message type {unknown[0]}; must be one of {', '.join(sorted(_NAMES))}"
        )
    name = user.casefold() if user is not None else None
    codes = {room, room.lower(), room.upper().replace("-", "")} if room is not None else None

    def wanted(item: Item) -> bool:
        if name is not None and item.conversation.user.casefold() != name:
            return False
        if codes is None and not names:
            return True
        if not isinstance(item, DecodedMessage) or (names and item.message.NAME not in names):
            return False
        return codes is None or in_room(item.message, codes)

    return wanted


def in_room(message: Message, codes: Collection[str]) -> bool:
    """Return whether a message is about a room that has one of these codes."""
    if getattr(message, "room", None) in codes:
        return True
    lists = (getattr(message, name, ()) for name in ("membership", "rooms", "positions"))
    return any(entry.room in codes for entries in lists for entry in entries)


def all_of(*filters: ItemFilter | None) -> ItemFilter | None:
    """Return the filter that selects what all of these select; None stands for all items."""
    given = [each for each in filters if each is not None]
    if len(given) < 2:
        return given[0] if given else None
    return lambda item: all(each(item) for each in given)
