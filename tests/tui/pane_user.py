"""A user with panes, without a network."""

from __future__ import annotations

from netchat.chat.client_events import Online, RoomEntered, RoomEvent
from netchat.chat.outbox import RoomView
from netchat.tui.commands import parse
from netchat.tui.event_handlers import handle_event
from netchat.tui.panes import Panes
from netchat.wire import Event, EventKind, RoomKind
from tests.tui.offline import new_session

__all__ = ["PaneUser"]


class PaneUser:
    """User in the lobby."""

    def __init__(self) -> None:
        self.session = new_session()
        self.panes = Panes(self.session)
        self.now = 0.0
        self.seq = 10
        self.session.core.online, self.session.core.max_text = True, 100
        self.take(Online("Sourav", False, "netchat"))
        self.enter("lobby")

    def take(self, event) -> None:
        self.panes.take(event, handle_event(self.session, event), self.now)

    def enter(self, room: str, kind: RoomKind = RoomKind.ROOM, peer: str = "") -> None:
        kind = RoomKind.LOBBY if room == "lobby" else kind
        self.session.core.memory.rooms[room] = RoomView(room, kind, peer, 1, self.seq)
        self.take(RoomEntered(room, kind, peer, 1, True))

    def event(self, room: str, sender: str, text: str = "", kind=EventKind.CHAT, own=False) -> None:
        self.seq += 1
        view = self.session.core.memory.rooms[room]
        event = Event(self.seq, 0, 0, 0, kind, room, sender, text)
        self.take(RoomEvent(event, view.kind, view.peer, own, False))

    def run(self, line: str) -> None:
        command = parse(line)
        assert command is not None
        self.panes.run(command)

    def log(self, key: str) -> list[str]:
        return [
            f"{entry.sender}: {entry.text}" if entry.sender else entry.text
            for entry in self.panes.conversations[key].entries
        ]

    @property
    def labels(self) -> list[tuple[str, int]]:
        return [(each.label, each.unread) for each in self.panes.state().conversations]
