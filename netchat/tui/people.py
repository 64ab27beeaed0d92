"""Who is where, as far as one client has seen: for Tab, and to say things once, not once a room."""

from __future__ import annotations

from netchat.chat.client_events import RoomEvent
from netchat.wire import EventKind, RoomKind

__all__ = ["People"]


class People:
    """The people a client has seen.

    One person who leaves the chat leaves every room, the private ones too; one who takes another
    name does so in every room. `news` tells which of these events is the one to be shown.

    Attributes:
        rooms: who is in each lobby or room, in the order they were seen.
        seen: everybody seen so far and not gone.
    """

    def __init__(self) -> None:
        self.rooms: dict[str, dict[str, None]] = {}
        self.seen: dict[str, None] = {}
        self._renamed = ("", "")

    def fill(self, room: str, names: list[str]) -> None:
        """Learn who is in a room."""
        self.rooms[room] = dict.fromkeys(names)
        self.seen.update(self.rooms[room])

    def forget(self, room: str) -> None:
        """The client is no longer in a room."""
        self.rooms.pop(room, None)

    def is_new(self, happened: RoomEvent) -> bool:
        """Take an event in.

        Returns:
            Whether it is to be shown.
        """
        event = happened.event
        if event.kind == EventKind.LEAVE:
            return self._leave(event.room, event.sender, private=happened.kind is RoomKind.PRIVATE)
        if event.kind == EventKind.RENAME:
            return self._rename(event.sender, event.text)
        self.seen[event.sender] = None
        if happened.kind is not RoomKind.PRIVATE:
            self.rooms.setdefault(event.room, {})[event.sender] = None
        return True

    def _leave(self, room: str, name: str, *, private: bool) -> bool:
        if private:
            # Shown in the rooms that are shared, or has been: the last one took it out of `seen`.
            shown = name not in self.seen or any(name in there for there in self.rooms.values())
        else:
            shown = False
            self.rooms.get(room, {}).pop(name, None)
        if not any(name in there for there in self.rooms.values()):
            self.seen.pop(name, None)
        return not shown

    def _rename(self, old: str, new: str) -> bool:
        for there in (*self.rooms.values(), self.seen):
            if old in there:
                del there[old]
                there[new] = None
        again, self._renamed = self._renamed == (old, new), (old, new)
        return not again
