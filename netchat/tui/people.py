"""Users that a client has seen, for completion and to show a leave or rename only once."""

from __future__ import annotations

from netchat.chat.client_events import RoomEvent
from netchat.wire import EventKind, RoomKind

__all__ = ["People"]


class People:
    """Users that a client has seen.

    A user who leaves the chat or changes name causes an event in every shared room, including
    private ones. `update` selects the one to show.

    Attributes:
        rooms: Members of the lobby and of each room, in the order in which they were seen.
        seen: All users seen that have not left.
    """

    def __init__(self) -> None:
        self.rooms: dict[str, dict[str, None]] = {}
        self.seen: dict[str, None] = {}
        self._renamed = ("", "")

    def fill(self, room: str, names: list[str]) -> None:
        """Set the members of a room."""
        self.rooms[room] = dict.fromkeys(names)
        self.seen.update(self.rooms[room])

    def forget(self, room: str) -> None:
        """Remove a room that the client has left."""
        self.rooms.pop(room, None)

    def update(self, room_event: RoomEvent) -> bool:
        """Update the users for an event; return whether the event must be shown."""
        event = room_event.event
        if event.kind in (EventKind.MODERATED, EventKind.ROOM_CHANGED):
            return True
        if event.kind == EventKind.REMOVED:
            self._leave(event.room, event.sender, private=False)
            return True
        if event.kind == EventKind.LEAVE:
            return self._leave(
                event.room, event.sender, private=room_event.kind is RoomKind.PRIVATE
            )
        if event.kind == EventKind.RENAME:
            return self._rename(event.sender, event.text)
        self.seen[event.sender] = None
        if room_event.kind is not RoomKind.PRIVATE:
            self.rooms.setdefault(event.room, {})[event.sender] = None
        return True

    def _leave(self, room: str, name: str, *, private: bool) -> bool:
        if private:
            # A shared room shows the leave, or already has: leaving the last one removed the name
            # from `seen`.
            shown = name not in self.seen or any(name in members for members in self.rooms.values())
        else:
            shown = False
            self.rooms.get(room, {}).pop(name, None)
        if not any(name in members for members in self.rooms.values()):
            self.seen.pop(name, None)
        return not shown

    def _rename(self, old: str, new: str) -> bool:
        for members in (*self.rooms.values(), self.seen):
            if old in members:
                del members[old]
                members[new] = None
        is_repeated, self._renamed = self._renamed == (old, new), (old, new)
        return not is_repeated
