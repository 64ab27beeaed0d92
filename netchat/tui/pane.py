"""One conversation, in a room or with one user: its log and what the user has not seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from netchat.chat.names import fold
from netchat.tui.arrivals import Arrivals
from netchat.tui.entries import Entry
from netchat.tui.mentions import is_mentioned

__all__ = ["MAX_ENTRIES", "Pane", "private_key"]

#: Maximum number of entries in the log of a conversation; the oldest ones go first.
MAX_ENTRIES = 20_000

#: Number of entries that go at once.
_CHUNK = 1_000


def private_key(peer: str) -> str:
    """Return the key of the conversation with a user."""
    return f"@{fold(peer)}"


class Pane:
    """A conversation.

    Args:
        key: Its identity: the code of a room, or `private_key` of the user at the start.
        room: Code of its room; empty for a private conversation without a room.
        peer: Name of the other user, if it is private.

    Attributes:
        entries: Its log.
        revision: Counts the changes of the log that are not appended entries.
        unread: Number of messages that the user has not seen.
        is_mentioned: One of them contains the user's name.
        arrivals: Joins and leaves that are not shown yet.
    """

    def __init__(self, key: str, room: str = "", peer: str = "") -> None:
        self.key = key
        self.room = room
        self.peer = peer
        self.entries: list[Entry] = []
        self.revision = 0
        self.unread = 0
        self.is_mentioned = False
        self.arrivals = Arrivals()

    @property
    def is_private(self) -> bool:
        """Whether it is with one user."""
        return bool(self.peer)

    @property
    def first_seq(self) -> int:
        """Sequence number of the oldest event in the log, or 0."""
        return next((entry.seq for entry in self.entries if entry.seq), 0)

    def append(self, entries: Iterable[Entry], name: str, *, is_seen: bool) -> None:
        """Append entries to the log.

        Args:
            entries: The entries.
            name: The user's name.
            is_seen: Whether the user sees them now.
        """
        for entry in entries:
            self.entries.append(entry)
            if entry.sender and not entry.is_own and not is_seen:
                self.unread += 1
                self.is_mentioned |= is_mentioned(entry.text, name)
        if len(self.entries) > MAX_ENTRIES + _CHUNK:
            del self.entries[:_CHUNK]
            self.revision += 1

    def insert_past(self, entries: Iterable[Entry]) -> bool:
        """Insert events of the history before the log; return whether there were new ones."""
        first = self.first_seq
        older = [entry for entry in entries if not first or entry.seq < first]
        if older:
            self.entries[:0] = older
            self.revision += 1
        return bool(older)

    def update(self, seq: int, change: Callable[[Entry], Entry]) -> bool:
        """Change the entry of an event; return whether the log has it."""
        for at in range(len(self.entries) - 1, -1, -1):
            if self.entries[at].seq == seq:
                self.entries[at] = change(self.entries[at])
                self.revision += 1
                return True
        return False

    def see(self) -> None:
        """Note that the user has seen the log."""
        self.unread, self.is_mentioned = 0, False
