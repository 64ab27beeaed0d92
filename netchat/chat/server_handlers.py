"""Handlers of the messages that a client with a session may send, one function per message.

A handler checks what this server can decide alone: form, limits, permissions. If the request changes
what all servers share, it proposes a command; the function after it answers from the outcome.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from netchat.chat import account_handlers
from netchat.chat.annotation_handlers import handle_annotate
from netchat.chat.apply import MAX_MEMBERSHIPS
from netchat.chat.commands import (
    CreateRoom,
    CreateSealedRoom,
    EndSession,
    JoinRoom,
    LeaveRoom,
    OpenConversation,
    Post,
    RenameSession,
)
from netchat.chat.commit_actions import FinishBye, SendJoined, SendMessage
from netchat.chat.connection import Connection
from netchat.chat.conversation_limit import PAIR_SECONDS
from netchat.chat.file_handlers import (
    handle_cancel_upload,
    handle_chunk,
    handle_download,
    handle_offer,
    handle_upload,
)
from netchat.chat.handshake import NAME_COST, reserved_seconds
from netchat.chat.large_replies import refuse_non_member
from netchat.chat.message_counters import answer_repeated, find_last_counter, refuse_large_counter
from netchat.chat.model import Room, Session
from netchat.chat.moderation_handlers import bans, entry_refusal, moderate, post_refusal
from netchat.chat.name_table import describe_conflict, describe_registered
from netchat.chat.names import normalize_name, suggest, validate_name
from netchat.chat.ordering import answers, propose
from netchat.chat.outcomes import Outcome, Reason, Rejected
from netchat.chat.room_codes import PRIVATE_MARK, new_code, read_code
from netchat.chat.sealing_handlers import (
    CHECK_SIZE,
    handle_device,
    handle_device_list,
    handle_sealed_send,
    refuse_unsealing_client,
)
from netchat.chat.server_state import ServerState
from netchat.chat.text import validate_text
from netchat.wire import (
    Annotate,
    Bans,
    Bye,
    CancelUpload,
    Chunk,
    Create,
    CreateSealed,
    Device,
    DeviceList,
    Download,
    ErrorCode,
    History,
    Join,
    Leave,
    Login,
    Logout,
    Message,
    Moderate,
    Offer,
    Password,
    Ping,
    Pong,
    Private,
    Register,
    Rename,
    Renamed,
    SealedSend,
    Search,
    Send,
    Upload,
    Who,
)
from netchat.wording import many

__all__ = ["HANDLERS"]

#: Cost of a HISTORY, in frames of the rate limit. Each KiB of the answer costs one more.
HISTORY_COST = 20

#: Cost of a SEARCH, in frames. Each KiB that is searched costs one more.
SEARCH_COST = 20

#: Cost of entering or leaving a room, in frames: it is stored, and every member gets an event. Ten users
#: at the limit thus cause 500 events per second.
MOVE_COST = 20

#: Members of a room for which a WHO costs one more frame.
WHO_MEMBERS = 16

#: Cost of a CREATE, in frames: an empty room is kept for a while.
CREATE_COST = 20


def _send(state: ServerState, connection: Connection, session: Session, message: Send) -> None:
    counter, code, text = message.counter, message.room, message.text
    room = session.rooms.get(code)
    if room is None:
        refuse_non_member(state, connection, code, Send, counter)
        return
    known = find_last_counter(state, connection, session, room, Send, counter)
    if known is None:
        return
    # A character has at most four bytes, so only long texts need counting.
    if len(text) * 4 > state.settings.max_text and len(text.encode()) > state.settings.max_text:
        size, limit = len(text.encode()), state.settings.max_text
        problem = f"The message must be at most {limit} bytes, got {size}. Send it in parts."
        state.refuse(connection, ErrorCode.TEXT_TOO_LONG, problem, Send, counter)
        return
    reason = validate_text(text)
    if reason is not None:
        state.refuse(connection, ErrorCode.TEXT_NOT_ALLOWED, reason, Send, counter)
        return
    if refuse_large_counter(state, connection, Send, counter):
        return
    propose(
        state,
        Post(session.id, session.attachment, counter, known, state.time, code, text),
        connection,
        message,
    )


@answers(Post)
def _sent(
    state: ServerState, connection: Connection, message: Send, command: Post, outcome: Outcome
) -> None:
    assert isinstance(outcome, Rejected), "the event is the answer"
    if outcome.reason is Reason.REPEATED:
        room = state.shared.sessions[command.session].rooms[command.room]
        answer_repeated(state, connection, room, message.counter)
    elif outcome.reason is Reason.NOT_A_MEMBER:
        refuse_non_member(state, connection, message.room, Send, message.counter)
    elif refusal := post_refusal(state, command, outcome.reason):
        state.refuse(connection, *refusal, Send, message.counter)
    elif outcome.reason is Reason.NOT_SEALED:
        problem = "This room is sealed: the server accepts only sealed messages."
        state.refuse(connection, ErrorCode.NOT_SEALED, problem, Send, message.counter)
    else:
        problem = "The other user has left; the message was not delivered."
        state.refuse(connection, ErrorCode.NO_SUCH_USER, problem, Send, message.counter)


def _create(
    state: ServerState, connection: Connection, session: Session, message: Create | CreateSealed
) -> None:
    connection.allowance -= CREATE_COST
    if _exceeds_room_limit(state, connection, session, type(message), message.request):
        return
    code, log = new_code(state.rng), state.rng.getrandbits(63)
    command: CreateRoom | CreateSealedRoom
    if isinstance(message, CreateSealed):
        if len(message.check) != CHECK_SIZE:
            text = f"The check value must have {CHECK_SIZE} bytes, got {len(message.check)}."
            state.refuse(connection, ErrorCode.BAD_SEAL, text, CreateSealed, message.request)
            return
        command = CreateSealedRoom(
            session.id, session.attachment, state.time, log, code, message.check
        )
    else:
        command = CreateRoom(session.id, session.attachment, state.time, log, code)
    propose(state, command, connection, message)


@answers(CreateSealedRoom)
@answers(CreateRoom)
def _created(
    state: ServerState,
    connection: Connection,
    message: Create | CreateSealed,
    command: CreateRoom | CreateSealedRoom,
    outcome: Outcome,
) -> None:
    session = state.shared.sessions[command.session]
    if isinstance(outcome, Rejected):
        if outcome.reason is Reason.EXISTS:  # the code is in use, which is rare: take another one
            _create(state, connection, session, message)
        elif outcome.reason is Reason.NO_KEYS:
            refuse_unsealing_client(
                state, connection, outcome.reason, CreateSealed, message.request
            )
        else:
            _refuse_room_limit(state, connection, session, type(message), message.request)
        return
    room = state.shared.rooms[command.room]
    state.feeds[room.id].share = connection.share
    state.log("room created", name=session.name, room=room.code)
    _answer_entry(state, connection, session, room, message.request, None)


def _join(state: ServerState, connection: Connection, session: Session, message: Join) -> None:
    code = read_code(message.room)
    room = state.shared.rooms.get(code) if code else None
    if code is not None and room is None and state.proposals is not None:
        # Another server of the cluster may just have created it.
        propose(
            state, JoinRoom(session.id, session.attachment, state.time, code), connection, message
        )
    elif room is None:
        _refuse_unknown_room(state, connection, message)
    elif room.code in session.rooms:
        _answer_member(state, connection, session, room, message)
    elif refusal := entry_refusal(state, connection, session, room):
        state.refuse(connection, *refusal, Join, message.request)
    elif not _exceeds_room_limit(state, connection, session, Join, message.request):
        propose(
            state,
            JoinRoom(session.id, session.attachment, state.time, room.code),
            connection,
            message,
        )


@answers(JoinRoom)
def _entered(
    state: ServerState,
    connection: Connection,
    message: Join,
    command: JoinRoom,
    outcome: Outcome,
) -> None:
    session = state.shared.sessions[command.session]
    if isinstance(outcome, Rejected):
        found = state.shared.rooms.get(command.room)
        refusal = entry_refusal(state, connection, session, found) if found is not None else None
        if outcome.reason is Reason.TOO_MANY_ROOMS:
            _refuse_room_limit(state, connection, session, Join, message.request)
        elif outcome.reason in (Reason.BANNED, Reason.LOCKED) and refusal is not None:
            state.refuse(connection, *refusal, Join, message.request)
        elif outcome.reason in (Reason.NO_KEYS, Reason.ROOM_FULL):
            refuse_unsealing_client(state, connection, outcome.reason, Join, message.request)
        else:
            _refuse_unknown_room(state, connection, message)
    else:
        room = state.shared.rooms[command.room]
        known = message.after if message.log == room.log else None
        _answer_entry(state, connection, session, room, message.request, known)


def _refuse_unknown_room(state: ServerState, connection: Connection, message: Join) -> None:
    text = f"There is no room with the code {message.room[:40]}; check it, or create a room."
    state.refuse(connection, ErrorCode.NO_SUCH_ROOM, text, Join, message.request)


def _answer_member(
    state: ServerState, connection: Connection, session: Session, room: Room, message: Join
) -> None:
    """Answer a repeated JOIN, perhaps because the answer was lost: the user is a member already."""
    feed = state.feeds[room.id]
    state.batch.before.append(SendJoined(connection, session, feed, message.request, None))


def _answer_entry(
    state: ServerState,
    connection: Connection,
    session: Session,
    room: Room,
    request: int,
    known: int | None,
) -> None:
    """Answer a request after which a user has entered a room.

    Args:
        state: The server's state.
        connection: The user's connection.
        session: The user's session.
        room: The room.
        request: Number of the request.
        known: The last event of the room that the client has, or None.
    """
    connection.allowance -= MOVE_COST
    feed = state.feeds[room.id]
    if (session.id, room.id) in state.batch.left:
        # The user left and rejoined in one batch: JOINED follows LEFT and the batch's events.
        state.batch.after.append(SendJoined(connection, session, feed, request, None))
    else:
        after = room.head - 1 if known is None else feed.start_position(known)
        state.batch.before.append(SendJoined(connection, session, feed, request, after))
    state.log("room joined", name=session.name, room=room.code, members=len(room.members))


def _exceeds_room_limit(
    state: ServerState,
    connection: Connection,
    session: Session,
    about: type[Message],
    request: int,
) -> bool:
    # A private room that the other user has left counts in no limit.
    count = sum(not room.is_over for room in session.rooms.values())
    if count < _room_limit(state) and _make_place(state, session):
        return False
    _refuse_room_limit(state, connection, session, about, request)
    return True


def _refuse_room_limit(
    state: ServerState,
    connection: Connection,
    session: Session,
    about: type[Message],
    request: int,
) -> None:
    count = sum(not room.is_over for room in session.rooms.values())
    limit = _room_limit(state)
    text = f"You are in {many(count, 'room')}; {limit} is the limit. Leave one first."
    state.refuse(connection, ErrorCode.TOO_MANY_ROOMS, text, about, request)


def _room_limit(state: ServerState) -> int:
    return min(state.settings.max_rooms, MAX_MEMBERSHIPS)


def _make_place(state: ServerState, session: Session) -> bool:
    """Return whether a user can be in one more room, after removing the oldest one that is over."""
    if len(session.rooms) < MAX_MEMBERSHIPS:
        return True
    room = next((room for room in session.rooms.values() if room.is_over), None)
    if room is None:
        return False
    propose(state, LeaveRoom(session.id, session.attachment, 0, state.time, room.code))
    return True


def _leave(state: ServerState, connection: Connection, session: Session, message: Leave) -> None:
    if message.room not in session.rooms:
        refuse_non_member(state, connection, message.room, Leave, message.request)
        return
    connection.allowance -= MOVE_COST
    command = LeaveRoom(session.id, session.attachment, message.request, state.time, message.room)
    propose(state, command, connection, (session, session.rooms[message.room]))


@answers(LeaveRoom)
def _left(
    state: ServerState,
    connection: Connection,
    request: tuple[Session, Room],
    command: LeaveRoom,
    outcome: Outcome,
) -> None:
    session, room = request
    if isinstance(outcome, Rejected):
        refuse_non_member(state, connection, command.room, Leave, command.request)
        return
    state.log("room left", name=session.name, room=room.code, members=len(room.members))


def _who(state: ServerState, connection: Connection, session: Session, message: Who) -> None:
    if (room := session.rooms.get(message.room)) is not None:
        connection.allowance -= len(room.members) // WHO_MEMBERS
    state.queue_reply(connection, message)


def _rename(state: ServerState, connection: Connection, session: Session, message: Rename) -> None:
    connection.allowance -= NAME_COST + len(session.rooms)  # an event in each
    name = normalize_name(message.name)
    problem = validate_name(name)
    if problem is not None:
        _refuse_rename(state, connection, ErrorCode.NAME_NOT_ALLOWED, problem, message)
        return
    if session.account is not None:
        text = f"{session.name} is the name of your account; log out to use another one."
        _refuse_rename(state, connection, ErrorCode.REGISTERED, text, message)
        return
    propose(
        state,
        RenameSession(session.id, session.attachment, state.time, name),
        connection,
        (message, session.name),
    )


@answers(RenameSession)
def _renamed(
    state: ServerState,
    connection: Connection,
    request: tuple[Rename, str],
    command: RenameSession,
    outcome: Outcome,
) -> None:
    (message, old), name = request, command.name
    if isinstance(outcome, Rejected) and outcome.reason is Reason.REGISTERED:
        problem = describe_registered(name, state.shared.accounts[outcome.account])
        _refuse_rename(state, connection, ErrorCode.NAME_TAKEN, problem, message)
        return
    if isinstance(outcome, Rejected):
        if outcome.reason is Reason.BANNED:
            problem = f"The name {name} is banned; choose another one."
            _refuse_rename(state, connection, ErrorCode.NAME_NOT_ALLOWED, problem, message)
            return
        rival = state.shared.sessions[outcome.session]
        problem = describe_conflict(name, rival, reserved_seconds(state, rival))
        _refuse_rename(state, connection, ErrorCode.NAME_TAKEN, problem, message)
        return
    if name != old:
        state.log("renamed", name=old, to=name)
    state.batch.before.append(SendMessage(connection, Renamed(message.request, name)))


def _refuse_rename(
    state: ServerState, connection: Connection, code: ErrorCode, problem: str, message: Rename
) -> None:
    suggestion = suggest(normalize_name(message.name), state.is_name_taken)
    state.refuse(connection, code, problem, Rename, message.request, suggestion)


def _private(
    state: ServerState, connection: Connection, session: Session, message: Private
) -> None:
    other = state.shared.by_name.get(message.name)
    if other is None or other is session:
        text = (
            "That is you; choose another user for a private message."
            if other is session
            else f"There is no user named {normalize_name(message.name)[:40]}; /who lists the members."
        )
        state.refuse(connection, ErrorCode.NO_SUCH_USER, text, Private, message.request)
        return
    room = state.shared.privates.get(frozenset((session.id, other.id)))
    if room is not None:
        _answer_conversation(state, connection, session, room, message)
        return
    if _exceeds_room_limit(state, connection, session, Private, message.request):
        return
    if not state.conversation_limit.allows(
        connection.share, session.id, other.id, state.shared.is_connected, state.now
    ):
        text = (
            f"You have started several conversations with {other.name} in a short time; wait "
            f"{PAIR_SECONDS:g} seconds."
        )
        state.refuse(connection, ErrorCode.TOO_FAST, text, Private, message.request)
        return
    if not _make_place(state, other):
        _refuse_full_user(state, connection, other, message)
        return
    code, log = PRIVATE_MARK + new_code(state.rng), state.rng.getrandbits(63)
    propose(
        state,
        OpenConversation(session.id, session.attachment, other.id, log, code),
        connection,
        message,
    )


@answers(OpenConversation)
def _opened(
    state: ServerState,
    connection: Connection,
    message: Private,
    command: OpenConversation,
    outcome: Outcome,
) -> None:
    session = state.shared.sessions[command.session]
    room = state.shared.privates.get(frozenset((command.session, command.other)))
    if room is not None:  # opened now, or by the other user meanwhile
        _answer_conversation(state, connection, session, room, message)
    elif isinstance(outcome, Rejected) and outcome.reason is Reason.TOO_MANY_ROOMS:
        full = state.shared.sessions[outcome.session]
        if full is session:
            _refuse_room_limit(state, connection, session, Private, message.request)
        else:
            _refuse_full_user(state, connection, full, message)
    else:  # the other user has left meanwhile, or the code is in use
        _private(state, connection, session, message)


def _answer_conversation(
    state: ServerState, connection: Connection, session: Session, room: Room, message: Private
) -> None:
    feed = state.feeds[room.id]
    after = feed.start_position(feed.delivered)
    state.batch.before.append(SendJoined(connection, session, feed, message.request, after))


def _refuse_full_user(
    state: ServerState, connection: Connection, other: Session, message: Private
) -> None:
    text = f"{other.name} has reached the limit of {MAX_MEMBERSHIPS} rooms; try again later."
    state.refuse(connection, ErrorCode.TOO_MANY_ROOMS, text, Private, message.request)


def _history(
    state: ServerState, connection: Connection, session: Session, message: History
) -> None:
    connection.allowance -= HISTORY_COST
    state.queue_reply(connection, message)


def _search(state: ServerState, connection: Connection, session: Session, message: Search) -> None:
    connection.allowance -= SEARCH_COST
    state.queue_reply(connection, message)


def _ping(state: ServerState, connection: Connection, session: Session, message: Ping) -> None:
    state.send(connection, Pong(message.time))


def _pong(state: ServerState, connection: Connection, session: Session, message: Pong) -> None:
    """Do nothing: the time of the last received byte is already recorded."""


def _bye(state: ServerState, connection: Connection, session: Session, message: Bye) -> None:
    why = message.text[:200]
    reason = why if not validate_text(why) else ""
    connection.closing = True
    propose(state, EndSession(session.id, session.attachment, state.time, reason), connection)


@answers(EndSession)
def _ended(
    state: ServerState,
    connection: Connection,
    request: None,
    command: EndSession,
    outcome: Outcome,
) -> None:
    # The server answers once this is durable: the client then knows that its name is free.
    state.batch.after.append(FinishBye(connection))


Handler = Callable[[ServerState, Connection, Session, Any], None]

#: Handler of each message.
HANDLERS: dict[type[Message], Handler] = {
    Send: _send,
    Annotate: handle_annotate,
    Bans: bans,
    Moderate: moderate,
    Create: _create,
    CreateSealed: _create,
    Join: _join,
    Leave: _leave,
    Who: _who,
    Rename: _rename,
    Private: _private,
    History: _history,
    Search: _search,
    SealedSend: handle_sealed_send,
    Device: handle_device,
    DeviceList: handle_device_list,
    Upload: handle_upload,
    Chunk: handle_chunk,
    CancelUpload: handle_cancel_upload,
    Download: handle_download,
    Offer: handle_offer,
    Ping: _ping,
    Pong: _pong,
    Bye: _bye,
    Login: account_handlers.log_in,
    Register: account_handlers.register,
    Password: account_handlers.change_password,
    Logout: account_handlers.log_out,
}
