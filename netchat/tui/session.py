"""A user's side of a chat, whatever shows it.

What happens changes it (`chat_news`), and so does what the user types (`chat_actions`); both give
back the lines that are to be shown.
"""

from __future__ import annotations

import asyncio
import time

from netchat.chat.client_events import NameRejected
from netchat.chat.room_codes import LOBBY, read_code
from netchat.net.client_driver import ClientDriver
from netchat.tui.lines import Line, error_line
from netchat.tui.people import People
from netchat.wire import Member, RoomKind
from netchat.wording import many

__all__ = ["ChatSession"]

#: Seconds that messages under way get to arrive when the user leaves.
LAST_MOMENT = 2.0


class ChatSession:
    """What one user sees of a chat.

    Args:
        client: the connection.
        address: the server's, to be shown.
        room: code of the room to begin in; the lobby by default.
        has_store: the client's memory is on disk.

    Attributes:
        core: the client's rules.
        wished: the name the user began with.
        current: code of the room the user speaks in; empty if there is none.
        known: codes of the rooms the user has been told to be in.
        awaited: code of the room to begin in, until it is entered.
        turned_away: it could not be entered.
        leaving: codes of the rooms the user has asked to leave.
        crowd: the people seen.
        greet: rooms whose people are shown because they were just entered.
        pages: of the answers to WHO that are not complete yet, by room.
        begun: the server has taken the user in.
        refused: the server does not take the name, and no other one was accepted since.
        retry_at: while the connection is lost: when the next try is (`time.monotonic`).
        told: what the server, or the system, last said about a connection that failed.
    """

    def __init__(
        self, client: ClientDriver, address: str, room: str = "", *, has_store: bool = False
    ) -> None:
        self.client = client
        self.core = client.core
        self.address = address
        self.has_store = has_store
        self.requested_name = self.core.name
        self.announced_rooms = set(self.rooms)
        self.initial_room = (
            (read_code(room) or room) if room else "" if self.announced_rooms else LOBBY
        )
        self.current = self.initial_room
        self.choose()
        self.initial_room_refused = False
        self.leaving: set[str] = set()
        self.people = People()
        self.unlisted_rooms: set[str] = set()
        self.partial_rosters: dict[str, list[Member]] = {}
        self.was_online = False
        self.name_rejection: NameRejected | None = None
        self.retry_at: float | None = None
        self.last_problem = ""

    @property
    def rooms(self) -> list[str]:
        """Codes of the rooms the user is in, the private ones left out."""
        rooms = self.core.memory.rooms.values()
        return [view.code for view in rooms if view.kind is not RoomKind.PRIVATE]

    @property
    def ready(self) -> bool:
        """The room to begin in was entered, and what is said goes out at once."""
        view = self.core.memory.rooms.get(self.current)
        return not self.initial_room and view is not None and view.open

    @property
    def settled(self) -> bool:
        """Everything said has its echo, everything asked its answer, and all of it was shown."""
        return not (self.core.unsent or self.core.requests or self.client.waiting)

    def choose(self) -> None:
        """Speak in some room, if the current one is gone."""
        rooms = self.rooms
        if self.current not in rooms:
            self.current = LOBBY if LOBBY in rooms else next(iter(rooms), "")

    async def leave(self) -> list[Line]:
        """End the session, once what is under way has had a moment to arrive.

        Returns:
            What there is to say about messages that were not delivered.
        """
        until = time.monotonic() + LAST_MOMENT
        while self.core.online and self.core.unsent and time.monotonic() < until:
            await asyncio.sleep(0.02)
        unsent, kept = self.core.unsent, self.core.memory.outbox and not self.core.online
        if self.core.online:
            await self.client.bye()
        if not unsent:
            return []
        text = many(unsent, "message")
        if kept and self.has_store:
            text += f"; start again as {self.requested_name} to send what was kept"
        return [error_line(text, "not delivered")]
