"""Chat sessions without a network, and their output."""

from __future__ import annotations

from netchat.chat.client import ChatClient
from netchat.chat.client_events import (
    Online,
    RoomEvent,
    RosterReceived,
)
from netchat.chat.outbox import ClientState, RoomView
from netchat.tui.actions import run_command
from netchat.tui.commands import parse
from netchat.tui.event_handlers import handle_event
from netchat.tui.lines import render
from netchat.tui.session import ChatSession
from netchat.wire import (
    Event,
    EventKind,
    Member,
    RoomKind,
)

ROOM = "7K3F92MQ0T"


class Idle:
    """Client driver without a connection."""

    waiting = 0
    address = "here:6464"
    path = None

    class files:  # noqa: N801 - stands for an attribute
        """Transfers that do nothing."""

        is_busy = False

    def __init__(self, core: ChatClient) -> None:
        self.core = core

    def flush(self) -> None:
        self.core.data_to_send()

    flush_or_drop = flush


def new_session(*rooms: str, begin: str = "") -> ChatSession:
    """Return a session that remembers `rooms` and is not online yet."""
    memory = ClientState()
    for code in rooms:
        kind = RoomKind.LOBBY if code == "lobby" else RoomKind.ROOM
        memory.rooms[code] = RoomView(code, kind, "", 1, 5)
    core = ChatClient("Sourav", memory)
    return ChatSession(Idle(core), begin)  # type: ignore[arg-type]


def online(*rooms: str, begin: str = "") -> ChatSession:
    """Return a session that has been resumed."""
    session = new_session(*rooms, begin=begin)
    session.core.online, session.core.max_text = True, 100
    shown(session, Online("Sourav", True, "netchat"))
    for room in rooms:
        shown(session, RosterReceived(room, 2, (Member("Nova", 0), Member("Sourav", 0)), False))
    session.core.requests.clear()
    return session


def shown(session: ChatSession, event) -> list[str]:
    return [render(x, colour=False, one_line=True) for x in handle_event(session, event)]


def typed(session: ChatSession, line: str) -> list[str]:
    command = parse(line)
    assert command is not None
    return [render(x, colour=False, one_line=True) for x in run_command(session, command)]


def asked(session: ChatSession) -> list:
    return list(session.core.requests.values())


def chat(room: str, sender: str, text: str, kind: EventKind = EventKind.CHAT) -> RoomEvent:
    event = Event(6, 0, 0, 0, kind, room, sender, text)
    return RoomEvent(event, RoomKind.LOBBY if room == "lobby" else RoomKind.ROOM, "", False, False)
