"""Large replies, which the server sends one at a time as the client reads them."""

from __future__ import annotations

import contextlib
import dataclasses

from netchat.chat.connection import Connection, PartialHistory, PartialSearch, RepeatedSend
from netchat.chat.model import Role, Session
from netchat.chat.moderation_rules import rank
from netchat.chat.plain_events import FORMS, plain_frames
from netchat.chat.search import continue_search, start_search
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
    History,
    HistoryEnd,
    Member,
    Message,
    RoomKind,
    Roster,
    Search,
    Send,
    Who,
    encode,
)

__all__ = ["LOOK_BACK", "refuse_non_member", "send_reply"]

#: Bytes of events in the answer to one HISTORY; the client requests the rest separately.
#: While memory is scarce, the answers are shorter.
HISTORY_BYTES, SCARCE_HISTORY_BYTES = 256 * 1024, 16 * 1024

#: Bytes of such an answer to read and write at a time: half a millisecond of work.
SLICE_BYTES = 16 * 1024

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
        case PartialHistory() as answer:
            _continue_history(state, connection, session, answer)
        case Search() as request:
            start_search(state, connection, session, request)
        case PartialSearch() as answer:
            continue_search(state, connection, session, answer)
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
    """Send the first slice of an answer to HISTORY."""
    room = session.rooms.get(request.room)
    if room is None:
        refuse_non_member(state, connection, request.room, History, request.request)
        return
    feed = state.feeds[room.id]
    first = max(request.first, feed.oldest)
    last = min(request.last, feed.delivered, first + MAX_HISTORY - 1)
    most = min(_answer_bytes(state), SLICE_BYTES)
    frames, begin = (
        state.read_events(room, first, last, most, connection) if last >= first else ([], 0)
    )
    answer = PartialHistory(request, room.id, begin or first, begin or first, last, 0)
    _send_slice(state, connection, answer, frames)


def _continue_history(
    state: ServerState, connection: Connection, session: Session, answer: PartialHistory
) -> None:
    """Send the next slice of an answer to HISTORY.

    The answer ends before a gap: damage is reported when the client requests the rest.
    """
    request = answer.request
    room = session.rooms.get(request.room)
    if room is None or room.id != answer.room:
        refuse_non_member(state, connection, request.room, History, request.request)
        return
    frames: list[bytes] = []
    most = min(_answer_bytes(state) - answer.sent, SLICE_BYTES)
    if most > 0 and answer.next >= state.feeds[room.id].oldest:
        with contextlib.suppress(HistoryError):
            found, begin = state.history.read(room.id, answer.next, answer.last, most)
            frames = found if begin == answer.next else []
    _send_slice(state, connection, answer, frames)


def _send_slice(
    state: ServerState, connection: Connection, answer: PartialHistory, frames: list[bytes]
) -> None:
    """Send the next frames of an answer, and queue the rest or end it."""
    following, sent = answer.next + len(frames), answer.sent + sum(map(len, frames))
    # The next event is probably about as long as the last one.
    has_more = (
        following <= answer.last and frames and sent + len(frames[-1]) <= _answer_bytes(state)
    )
    if connection.features & FORMS != FORMS:
        frames = plain_frames(frames, connection.features)
    if has_more:
        assert connection.pending_replies is not None
        connection.pending_replies.appendleft(answer._replace(next=following, sent=sent))
    else:
        request, oldest = answer.request, state.feeds[answer.room].oldest
        end = HistoryEnd(request.request, answer.first, following - 1, oldest, request.room)
        frames.append(encode(end))
        connection.allowance -= sent >> 10
    state.write(connection, b"".join(frames))


def _answer_bytes(state: ServerState) -> int:
    """Return the approximate limit on the size of an answer to HISTORY."""
    return SCARCE_HISTORY_BYTES if state.is_memory_scarce else HISTORY_BYTES


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
