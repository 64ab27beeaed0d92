"""State of one user's chat, independent of the front end that shows it.

`event_handlers` updates it for events of the client, `actions` for commands of the user.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import NamedTuple

from netchat.chat.client_events import (
    FileProgress,
    LoginFailed,
    LoginRequired,
    NameRejected,
    RoomDescribed,
)
from netchat.chat.room_codes import LOBBY, read_code
from netchat.chat.sealing.room_secret import read_invitation
from netchat.net.client_driver import ClientDriver
from netchat.tui.export import Export
from netchat.tui.lines import Line, error_line, room_name
from netchat.tui.people import People
from netchat.tui.room_messages import RoomMessages
from netchat.wire import BannedUser, FoundMessage, Member, RoomKind
from netchat.wire.file_offers import FileOffer
from netchat.wording import many

__all__ = ["ChatSession", "PendingSearch", "ShownTransfer"]

#: Seconds to wait for acknowledgements when the user leaves.
LAST_MOMENT = 2.0


class ShownTransfer(NamedTuple):
    """A transfer in progress."""

    progress: FileProgress
    begun_at: float
    """Time of the first report (`time.monotonic`)."""

    begun_with: int
    """Bytes that were transferred then."""


@dataclass(slots=True)
class PendingSearch:
    """A search that awaits an answer of the server.

    Attributes:
        words: The words as the user has written them.
        found: The messages found so far, newest first.
        requests: Number of requests that were made.
    """

    words: str
    found: list[FoundMessage] = field(default_factory=list)
    requests: int = 1


class ChatSession:
    """State of one user's chat.

    Args:
        client: Driver of the client.
        room: Code of the room to join first; by default the lobby.
        has_store: The client's state is on disk.

    Attributes:
        core: Sans-I/O core of the client.
        requested_name: User name at the start.
        current: Code of the room that messages go to; empty without a room.
        announced_rooms: Codes of the rooms that the user has been shown to be in.
        initial_room: Code of the room to join first, until it is entered.
        invitation: What to join it with: its code, with the secret of a sealed room.
        initial_room_refused: The server refused the initial room.
        leaving: Codes of the rooms that the user is leaving.
        people: Users seen so far.
        unlisted_rooms: Rooms just entered, whose members will be shown.
        partial_rosters: Members received so far of rosters that span several answers, by room.
        last_server: Address of the server that the client was last online on; empty at first.
        name_rejection: Rejection of the user name, until another one is accepted.
        login_problem: Why the user must log in, or why this failed; None while online.
        account: Name of the user's account; empty for a guest.
        retry_at: Time of the next reconnect (`time.monotonic`), or None while connected.
        last_problem: Last error of the server or the system about a failed connection.
        exports: Logs that are being saved, by the number of the pending HISTORY request.
        descriptions: What the user has been told about rooms.
        offers: Offered files with their rooms, in the order of their numbers.
        offer_numbers: These numbers by room and sequence number.
        transfers: Transfers in progress, by number.
        messages: Messages that the user has seen, by room.
        searches: Searches that await an answer, by the number of the SEARCH request.
        past_count: Number of past messages to show on entering a room; 0 for none.
        entry_requests: Rooms whose past is requested, by the number of the HISTORY request.
        first_live: Sequence number of the first event shown of each room since the user has entered it.
        focus: Code of the private room that commands about messages refer to; empty for the current room.
        bans: Bans received so far of lists that span several answers, by room.
    """

    def __init__(self, client: ClientDriver, room: str = "", *, has_store: bool = False) -> None:
        self.client = client
        self.core = client.core
        self.has_store = has_store
        self.requested_name = self.core.name
        self.announced_rooms = set(self.rooms)
        code, _ = read_invitation(room)
        self.invitation = room or LOBBY
        self.initial_room = (
            (read_code(code) or code) if room else "" if self.announced_rooms else LOBBY
        )
        self.current = self.initial_room
        self.choose()
        self.initial_room_refused = False
        self.leaving: set[str] = set()
        self.people = People()
        self.unlisted_rooms: set[str] = set()
        self.partial_rosters: dict[str, list[Member]] = {}
        self.last_server = ""
        self.name_rejection: NameRejected | None = None
        self.login_problem: LoginRequired | LoginFailed | None = None
        self.account = ""
        self.retry_at: float | None = None
        self.last_problem = ""
        self.exports: dict[int, Export] = {}
        self.descriptions: dict[str, RoomDescribed] = {}
        self.offers: list[tuple[str, FileOffer]] = []
        self.offer_numbers: dict[tuple[str, int], int] = {}
        self.transfers: dict[int, ShownTransfer] = {}
        self.messages: dict[str, RoomMessages] = {}
        self.searches: dict[int, PendingSearch] = {}
        self.past_count = 0
        self.entry_requests: dict[int, str] = {}
        self.first_live: dict[str, int] = {}
        self.focus = ""
        self.bans: dict[str, list[BannedUser]] = {}

    @property
    def was_online(self) -> bool:
        """Whether the client has been online at least once."""
        return bool(self.last_server)

    @property
    def rooms(self) -> list[str]:
        """Codes of the user's rooms, without private ones."""
        rooms = self.core.memory.rooms.values()
        return [view.code for view in rooms if view.kind is not RoomKind.PRIVATE]

    @property
    def role(self) -> int:
        """The user's rights in the current room: 0 member, 1 moderator, 2 owner."""
        view = self.core.memory.rooms.get(self.current)
        return view.role if view is not None else 0

    def title_of(self, room: str) -> str:
        """Return the title of a room, or an empty string."""
        view = self.core.memory.rooms.get(room)
        return view.title if view is not None else ""

    def place(self, room: str) -> str:
        """Return how a sentence names a room: by its title, or by its code if it is not the current one."""
        title = self.title_of(room)
        if title:
            return f"“{title}”"
        return "this room" if room == self.current and room != LOBBY else room_name(room)

    def messages_of(self, room: str) -> RoomMessages:
        """Return the messages of a room that the user has seen."""
        return self.messages.setdefault(room, RoomMessages())

    @property
    def ready(self) -> bool:
        """Whether the initial room is entered and messages can be sent to it."""
        view = self.core.memory.rooms.get(self.current)
        return not self.initial_room and view is not None and view.is_caught_up

    @property
    def settled(self) -> bool:
        """Whether every message and file is acknowledged, every request answered, every event shown."""
        core = self.core
        is_entering = core.credentials is not None
        is_busy = self.client.files.is_busy
        return not (core.unsent or core.requests or self.client.waiting or is_entering or is_busy)

    def choose(self) -> None:
        """Select another current room if the user is no longer in this one."""
        rooms = self.rooms
        if self.current not in rooms:
            self.current = LOBBY if LOBBY in rooms else next(iter(rooms), "")

    async def leave(self) -> list[Line]:
        """End the session after a short wait for acknowledgements.

        Returns:
            An error line if messages were not delivered.
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
            text += f"; start the client again as {self.requested_name} to send them"
        return [error_line(text, "not delivered")]
