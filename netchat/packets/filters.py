"""Which items somebody wants to see."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeAlias

from netchat.packets.items import Decoded, Item
from netchat.wire import MESSAGES, Message

__all__ = ["ItemFilter", "make_filter", "in_room"]

ItemFilter: TypeAlias = Callable[[Item], bool]

_NAMES = frozenset(message.NAME for message in MESSAGES.values())


def make_filter(
    *, room: str | None = None, user: str | None = None, types: Collection[str] = ()
) -> ItemFilter | None:
    """What tells wanted items from others.

    Args:
        room: code of a room, as it is on the wire or as people read it (`7K3F9-2MQ0T`): only messages
            about it.
        user: only conversations of this user.
        types: names of message types, such as `SEND`, in either case: only these.

    Returns:
        None if everything is wanted. Where a room or types are, only messages are: a gap is of no
        type, and in no room.

    Raises:
        ValueError: there is no such type.
    """
    if room is None and user is None and not types:
        return None
    names = {name.upper() for name in types}
    if unknown := sorted(names - _NAMES):
        raise ValueError(
            f"{unknown[0]} is no type of message; there are {', '.join(sorted(_NAMES))}"
        )
    whose = user.casefold() if user is not None else None
    codes = {room, room.lower(), room.upper().replace("-", "")} if room is not None else None

    def wanted(item: Item) -> bool:
        if whose is not None and item.conversation.user.casefold() != whose:
            return False
        if codes is None and not names:
            return True
        if not isinstance(item, Decoded) or (names and item.message.NAME not in names):
            return False
        return codes is None or in_room(item.message, codes)

    return wanted


def in_room(message: Message, codes: Collection[str]) -> bool:
    """Whether a message is about a room that has one of these codes."""
    if getattr(message, "room", None) in codes:
        return True
    lists = (getattr(message, name, ()) for name in ("membership", "rooms", "positions"))
    return any(entry.room in codes for entries in lists for entry in entries)
