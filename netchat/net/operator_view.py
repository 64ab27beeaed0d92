"""The operator's view of a server: users, rooms, figures and logs of rooms; and requests to moderate."""

from __future__ import annotations

import contextlib
import time
from heapq import nsmallest
from typing import NamedTuple

import psutil

from netchat.chat.moderation_rules import find_mute, rank
from netchat.chat.room_codes import LOBBY, read_code, show_code
from netchat.chat.room_export import FORMATS, export_log
from netchat.chat.server_log import ServerLog
from netchat.chat.server_state import ServerState
from netchat.net.server_driver import ServerDriver
from netchat.wire import Event, FrameReader, Moderate, ModeratorAction, RoomKind, decode

__all__ = [
    "FigureSampler",
    "Figures",
    "ListedRoom",
    "ListedUser",
    "export_room",
    "list_rooms",
    "list_users",
    "moderation_request",
]

#: Bytes of events in an exported log, and of each read of the history.
MAX_EXPORT, EXPORT_STEP = 16 * 1024 * 1024, 256 * 1024


class ListedUser(NamedTuple):
    """A user."""

    name: str
    is_away: bool
    """The user has lost the connection, and may resume the session."""

    role: int
    """Rights on the server: 0 member, 1 moderator, 2 owner."""

    rooms: tuple[str, ...]
    """Codes of the user's rooms as they are shown, without private ones."""

    muted_in: tuple[str, ...]
    """Those of them in which the user is muted."""


class ListedRoom(NamedTuple):
    """A room that is not private."""

    code: str
    """Its code as it is shown."""

    title: str
    flags: int
    """Modes, as `netchat.chat.room_moderation.RoomFlags`."""

    members: int
    live: int
    """Members who receive the events as they happen, on this server."""

    events: int


class Figures(NamedTuple):
    """Figures of a server at one time."""

    time: float
    """Seconds since 1970."""

    users: int
    away: int
    connections: int
    rooms: int
    slow: int
    """Connections that do not read."""

    messages: int
    """Messages to rooms since the start."""

    bytes_in: int
    bytes_out: int
    warnings: int
    cpu: float
    """Use of the processor by this process since the last figures, in percent of one core."""

    memory: int
    """Resident memory of this process, in bytes."""


class FigureSampler:
    """Takes the figures of a server.

    Args:
        server: The server.
        log: Its log.
    """

    def __init__(self, server: ServerDriver, log: ServerLog) -> None:
        self._server = server
        self._log = log
        self._process = psutil.Process()
        self._cpu, self._memory = 0.0, 0

    def sample(self) -> Figures:
        """Return the figures of this moment."""
        # Reading /proc needs a file descriptor, and none may be free.
        with contextlib.suppress(OSError, psutil.Error):
            self._cpu = self._process.cpu_percent()
            self._memory = self._process.memory_info().rss
        state, traffic = self._server.state, self._server.traffic
        return Figures(
            time.time(),
            len(state.shared.sessions) - len(state.away),
            len(state.away),
            len(state.connections),
            sum(room.kind is not RoomKind.PRIVATE for room in state.shared.rooms.values()),
            len(state.stalled_connections),
            traffic.messages,
            traffic.bytes_in,
            traffic.bytes_out,
            self._log.warnings,
            self._cpu,
            self._memory,
        )


def list_users(state: ServerState, count: int) -> list[ListedUser]:
    """Return the first users, sorted by name."""
    shared = state.shared
    lobby = shared.rooms.get(LOBBY)
    users = nsmallest(count, shared.sessions.values(), key=lambda user: user.name)
    now = int(time.time() * 1e6)
    rows = []
    for user in users:
        rooms = [room for room in user.rooms.values() if room.kind is not RoomKind.PRIVATE]
        muted = [room for room in rooms if room.rules is not None and find_mute(user, room, now)]
        rows.append(
            ListedUser(
                user.name,
                user.is_away,
                rank(shared, user, lobby) if lobby is not None else 0,
                tuple(show_code(room.code) for room in rooms),
                tuple(show_code(room.code) for room in muted),
            )
        )
    return rows


def list_rooms(state: ServerState, count: int) -> list[ListedRoom]:
    """Return the rooms with the most members, the largest first."""
    feeds = [feed for feed in state.feeds.values() if feed.room.kind is not RoomKind.PRIVATE]
    return [
        ListedRoom(
            show_code(feed.room.code),
            feed.room.title,
            feed.room.rules.flags if feed.room.rules is not None else 0,
            len(feed.room.members),
            len(feed.live),
            feed.delivered,
        )
        for feed in nsmallest(count, feeds, key=lambda feed: -len(feed.room.members))
    ]


def export_room(state: ServerState, code: str, suffix: str) -> str | None:
    """Return the log of a room, as far as the history has it.

    Args:
        state: State of the server.
        code: Code of the room.
        suffix: One of the formats of `netchat.chat.room_export`.

    Returns:
        The log, or None if there is no such room or format.
    """
    room = state.shared.rooms.get(code)
    if room is None or room.kind is RoomKind.PRIVATE or suffix not in FORMATS:
        return None
    feed = state.feeds[room.id]
    events: list[Event] = []
    first, size = feed.oldest, 0
    while first <= feed.delivered and size < MAX_EXPORT:
        frames, begin = state.read_events(room, first, feed.delivered, EXPORT_STEP)
        if not frames:
            break
        size += sum(map(len, frames))
        reader = FrameReader(2**24)  # the largest frame of any --max-frame
        for frame in reader.feed(b"".join(frames)):
            event = decode(frame)
            assert isinstance(event, Event)
            events.append(event)
        first = begin + len(frames)
    return export_log(events, suffix, room.code, room.title)


def moderation_request(
    action: str, room: str, target: str = "", *, text: str = "", seconds: int = 0, scope: int = 0
) -> Moderate:
    """Return the request for an action of a moderator.

    Args:
        action: Name of the action, such as `kick`.
        room: Code of the room, as a user may write it.
        target: The user that it is about, or empty.
        text: The reason or title, or empty.
        seconds: Duration of a mute or ban; 0 has no end.
        scope: Scope of a ban.

    Raises:
        ValueError: There is no such action.
        NetchatError: A value does not fit into the request.
    """
    try:
        number = ModeratorAction[action.upper()]
    except KeyError:
        raise ValueError(f"there is no action {action[:40]!r}") from None
    request = Moderate(0, number, scope, seconds, read_code(room) or "", target, text)
    request.encode()
    return request
