"""`/export`: a room's log, requested in parts and saved to a file."""

from __future__ import annotations

from pathlib import Path

from netchat.chat.client_events import HistoryReceived
from netchat.chat.client_session import ClientSession
from netchat.chat.room_export import FORMATS, export_log
from netchat.errors import NetchatError
from netchat.wire import MAX_HISTORY, Event, History
from netchat.wording import cannot, cut

__all__ = ["Export"]


class Export:
    """A log that is being received.

    Args:
        path: New file. Its suffix determines the format.
        room: Code of the room.
        title: Its title, or empty.

    Attributes:
        events: The events received so far.

    Raises:
        ValueError: The file exists, or its suffix names no format.
    """

    def __init__(self, path: Path, room: str, title: str) -> None:
        self.path = path.expanduser()
        self.events: list[Event] = []
        self._room, self._title = room, title
        self._next = 1
        if self.path.suffix[1:].lower() not in FORMATS:
            suffixes = ", ".join(f".{suffix}" for suffix in FORMATS)
            raise ValueError(f"FILE must end with one of {suffixes}, got {cut(str(path))!r}.")
        if self.path.exists():
            raise ValueError(f"{cut(str(path))} already exists; choose a new file.")

    def ask(self, core: ClientSession) -> int:
        """Request the next events, and return the request's number."""
        last = min(self._next + MAX_HISTORY - 1, self._end(core))
        return core.ask(lambda n: History(n, self._next, last, self._room))

    def add(self, received: HistoryReceived) -> None:
        """Add the answer to the last request."""
        self.events += received.events
        last = received.events[-1].seq if received.events else self._next + MAX_HISTORY - 1
        self._next = max(last + 1, received.oldest)

    def is_complete(self, core: ClientSession) -> bool:
        """Return whether all events up to the last one that the client has were received."""
        return self._next > self._end(core)

    def _end(self, core: ClientSession) -> int:
        view = core.memory.rooms.get(self._room)
        return view.last if view is not None else 0

    def write(self) -> None:
        """Write the file.

        Raises:
            NetchatError: It cannot be written.
        """
        text = export_log(self.events, self.path.suffix[1:].lower(), self._room, self._title)
        try:
            with self.path.open("x", encoding="utf-8", newline="") as file:
                file.write(text)
        except OSError as error:
            raise NetchatError(cannot("write", self.path, error)) from error
