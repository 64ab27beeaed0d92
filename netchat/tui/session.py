"""A user's side of a chat, whatever shows it.

What happens changes it (`chat_news`), and so does what the user types (`chat_actions`); both give
back the lines that are to be shown.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from netchat.chat.client_events import ClientEvent, NameRejected, Offline, SessionEnded
from netchat.chat.room_codes import LOBBY, read_code
from netchat.errors import CannotConnect, NetchatError
from netchat.net.client_driver import ClientDriver
from netchat.tui.event_handlers import take
from netchat.tui.lines import Line, harmless, mistake
from netchat.tui.people import Crowd
from netchat.wire import Member, RoomKind
from netchat.wording import many

__all__ = ["Conversation"]

#: Seconds in which a server answers HELLO; what does not is something else.
ANSWER_TIMEOUT = 10.0

#: The same over a link. It has a timeout of its own for a peer that has no link; loading or compiling
#: its codes, at both ends, comes on top.
LINK_ANSWER_TIMEOUT = 60.0

#: Seconds that messages under way get to arrive when the user leaves.
LAST_MOMENT = 2.0


class Conversation:
    """What one user sees of a chat.

    Args:
        client: the connection.
        address: the server's, to be shown.
        room: code of the room to begin in; the lobby by default.
        remembers: the client's memory is on disk.

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
        self, client: ClientDriver, address: str, room: str = "", *, remembers: bool = False
    ) -> None:
        self.client = client
        self.core = client.core
        self.address = address
        self.remembers = remembers
        self.wished = self.core.name
        self.known = set(self.rooms)
        self.awaited = (read_code(room) or room) if room else "" if self.known else LOBBY
        self.current = self.awaited
        self.choose()
        self.turned_away = False
        self.leaving: set[str] = set()
        self.crowd = Crowd()
        self.greet: set[str] = set()
        self.pages: dict[str, list[Member]] = {}
        self.begun = False
        self.refused: NameRejected | None = None
        self.retry_at: float | None = None
        self.told = ""

    @property
    def rooms(self) -> list[str]:
        """Codes of the rooms the user is in, the private ones left out."""
        rooms = self.core.memory.rooms.values()
        return [view.code for view in rooms if view.kind is not RoomKind.PRIVATE]

    @property
    def ready(self) -> bool:
        """The room to begin in was entered, and what is said goes out at once."""
        view = self.core.memory.rooms.get(self.current)
        return not self.awaited and view is not None and view.is_caught_up

    @property
    def settled(self) -> bool:
        """Everything said has its echo, everything asked its answer, and all of it was shown."""
        return not (self.core.unsent or self.core.requests or self.client.waiting)

    def choose(self) -> None:
        """Speak in some room, if the current one is gone."""
        rooms = self.rooms
        if self.current not in rooms:
            self.current = LOBBY if LOBBY in rooms else next(iter(rooms), "")

    async def listen(self) -> AsyncIterator[tuple[ClientEvent, list[Line]]]:
        """What happens, and the lines that tell of it; ends when the user has left.

        It also ends when the server does not take the name at first: see `refused`.

        Raises:
            CannotConnect: there was no connection for too long, or no chat server behind it.
            NetchatError: the server ended the session.
        """
        timeout = ANSWER_TIMEOUT if self.client.path is None else LINK_ANSWER_TIMEOUT
        timer = asyncio.get_running_loop().call_later(timeout, self._no_answer)
        try:
            async for event in self.client.events():
                timer.cancel()
                yield event, take(self, event)
                if isinstance(event, Offline) and not self.begun:
                    what = (
                        "is no place to chat" if self.client.path is None else "was not understood"
                    )
                    raise CannotConnect(f"{self.address} {what}: {harmless(self.told)}.")
                if self.refused and not self.begun:
                    return
                if isinstance(event, SessionEnded) and not event.wanted:
                    if self.core.ended:
                        raise NetchatError(harmless(event.why))
                    raise CannotConnect(f"{self.address}: {harmless(event.why)}")
        finally:
            timer.cancel()

    def _no_answer(self) -> None:
        self.client.why_lost = "what listens there does not answer as a chat server"
        self.client.drop()

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
        if kept and self.remembers:
            text += f"; start again as {self.wished} to send what was kept"
        return [mistake(text, "not delivered")]
