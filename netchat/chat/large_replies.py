"""Large replies, which the server sends one at a time as the client reads them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from netchat.chat.connection import Connection, RepeatedSend
from netchat.chat.model import Role, Session
from netchat.chat.moderation import rank
from netchat.chat.plain_events import plain_frames
from netchat.chat.server_state import ServerState
from netchat.errors import HistoryError
from netchat.wire import (
    MAX_BAN_PAGE,
    MAX_DEVICES,
    MAX_HISTORY,
    MAX_ROSTER,
    Ack,
    BanList,
    Bans,
    DeviceKeys,
    DeviceList,
    Devices,
    ErrorCode,
    Feature,
    History,
    HistoryEnd,
    Member,
    Message,
    RoomKind,
    Roster,
    Send,
    Who,
    encode,
)

__all__ = ["LOOK_BACK", "refuse_non_member", "send_reply"]

#: Bytes of events in the answer to one HISTORY; the client requests the rest separately.
#: While memory is scarce, the answers are shorter.
HISTORY_BYTES, SCARCE_HISTORY_BYTES = 256 * 1024, 16 * 1024

#: Approximate size of the pieces in which such an answer is written, in bytes. A transport frees a
#: piece when the kernel has taken all of it.
PIECE = 16 * 1024

#: As a number, because an operation with an `IntFlag` takes a microsecond.
_MODERATION = int(Feature.MODERATION)

#: Last events of a room among which a repeated SEND is searched for. A client retransmits a message
#: only after it has caught up without seeing its EVENT, so only very recent messages are repeated.
LOOK_BACK = 4096


def send_reply(state: ServerState, connection: Connection) -> None:
    """Answer the oldest pending request of a connection."""
    session, pending = connection.session, connection.pending_replies
    assert session is not None
    assert pending
    match pending.popleft():
        case Who() as request:
            _send_roster(state, connection, session, request)
        case History() as request:
            _send_history(state, connection, session, request)
        case Bans() as request:
            _send_bans(state, connection, session, request)
        case DeviceList() as request:
            _send_devices(state, connection, session, request)
        case RepeatedSend() as request:
            _answer_repeated_send(state, connection, session, request)


def _send_roster(
    state: ServerState, connection: Connection, session: Session, request: Who
) -> None:
    room = session.rooms.get(request.room)
    if room is None:
        refuse_non_member(state, connection, request.room, Who, request.request)
        return
    names = sorted((m for m in room.members if m.name > request.after), key=lambda m: m.name)
    elsewhere = state.other_servers if connection in state.follows_servers else {}
    page = tuple(
        Member(m.name, 1 if m.is_away else elsewhere.get(m.server, 0)) for m in names[:MAX_ROSTER]
    )
    more = len(names) > MAX_ROSTER
    state.send(connection, Roster(request.request, len(room.members), more, room.code, page))


def _send_bans(state: ServerState, connection: Connection, session: Session, request: Bans) -> None:
    room = session.rooms.get(request.room)
    if room is None:
        refuse_non_member(state, connection, request.room, Bans, request.request)
        return
    role = rank(state.shared, session, room)
    if not role:
        text = "Only moderators can list the bans."
        state.refuse(connection, ErrorCode.NOT_ALLOWED, text, Bans, request.request)
        return
    bans = (
        room.rules.list_bans(request.after, state.time, MAX_BAN_PAGE + 1)
        if room.rules is not None
        else []
    )
    if role < Role.OWNER:  # an address says where a user is
        bans = [dataclasses.replace(ban, address="") for ban in bans]
    more = len(bans) > MAX_BAN_PAGE
    page = tuple(bans[:MAX_BAN_PAGE])
    state.send(connection, BanList(request.request, more, room.code, page))


def _send_devices(
    state: ServerState, connection: Connection, session: Session, request: DeviceList
) -> None:
    room = session.rooms.get(request.room)
    if room is None:
        refuse_non_member(state, connection, request.room, DeviceList, request.request)
        return
    listed = (
        [DeviceKeys(m.name, *keys) for m, keys in (room.devices or {}).items()]
        if room.kind is RoomKind.SEALED
        else [DeviceKeys(m.name, 0, m.keys, b"") for m in room.members if m.keys]
        if room.kind is RoomKind.PRIVATE
        else []
    )
    following = sorted((d for d in listed if d.name > request.after), key=lambda d: d.name)
    more = len(following) > MAX_DEVICES
    page = tuple(following[:MAX_DEVICES])
    answer = Devices(request.request, more, room.epoch, room.check, room.code, page)
    state.send(connection, answer)


def _send_history(
    state: ServerState, connection: Connection, session: Session, request: History
) -> None:
    room = session.rooms.get(request.room)
    if room is None:
        refuse_non_member(state, connection, request.room, History, request.request)
        return
    feed = state.feeds[room.id]
    first = max(request.first, feed.oldest)
    last = min(request.last, feed.delivered, first + MAX_HISTORY - 1)
    most = SCARCE_HISTORY_BYTES if state.is_memory_scarce else HISTORY_BYTES
    frames, begin = (
        state.read_events(room, first, last, most, connection) if last >= first else ([], 0)
    )
    begin = begin or first
    if not connection.features & _MODERATION:
        frames = plain_frames(frames)
    end = HistoryEnd(request.request, begin, begin + len(frames) - 1, feed.oldest, room.code)
    frames.append(encode(end))
    connection.allowance -= sum(map(len, frames)) >> 10
    for piece in _pieces(frames):
        state.write(connection, piece)


def _pieces(frames: list[bytes]) -> Iterator[bytes]:
    """Yield frames joined to pieces of at least `PIECE` bytes, except for the last one."""
    piece: list[bytes] = []
    size = 0
    for frame in frames:
        piece.append(frame)
        size += len(frame)
        if size >= PIECE:
            yield b"".join(piece)
            piece, size = [], 0
    if piece:
        yield b"".join(piece)


def _answer_repeated_send(
    state: ServerState, connection: Connection, session: Session, request: RepeatedSend
) -> None:
    feed, counter = request
    room = feed.room
    try:
        seq = state.history.find(room.id, session.device, counter, feed.delivered - LOOK_BACK)
    except HistoryError as error:
        state.note_damage(room, error)
        problem = (
            "The server's history is damaged; this message may or may not be delivered already."
        )
        state.refuse(connection, ErrorCode.STORAGE, problem, Send, counter)
        return
    if seq:
        state.send(connection, Ack(counter, seq, room.code))
        return
    problem = (
        f"The counter must be above your device's last one, got {counter}, and no message with "
        f"it is among the room's last {LOOK_BACK} events. Use a larger counter."
    )
    state.refuse(connection, ErrorCode.OUT_OF_ORDER, problem, Send, counter)


def refuse_non_member(
    state: ServerState, connection: Connection, code: str, about: type[Message], reference: int
) -> None:
    """Refuse a request about a room that the user is not in."""
    text = f"You are not in the room {code[:40]}; join it first."
    state.refuse(connection, ErrorCode.NOT_A_MEMBER, text, about, reference)
