"""The state machine of the chat: `apply` changes the shared state by one command.

It is deterministic and total. It reads no clock, no randomness and no history, and it never raises:
a command that is no longer valid at its position in the log is rejected and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from netchat.chat import account_rules
from netchat.chat.commands import (
    AddInvitation,
    ChatCommand,
    ConfirmToken,
    CreateLobby,
    CreateRoom,
    CreateSealedRoom,
    DeleteRoom,
    Disconnect,
    EndLogin,
    EndSession,
    ExpireServer,
    JoinRoom,
    LeaveRoom,
    ModerateRoom,
    OfferFile,
    OpenAccountSession,
    OpenConversation,
    OpenSession,
    Post,
    PostAnnotation,
    PostSealed,
    PublishDevice,
    RegisterAccount,
    RemoveAccount,
    RenameSession,
    ResumeSession,
    RotateCounters,
    SetPassword,
    SetRole,
    StartServer,
)
from netchat.chat.model import Room, Session
from netchat.chat.moderation_rules import (
    entry_problem,
    moderate,
    post_problem,
    rank,
    rights_key,
    server_ban,
)
from netchat.chat.outcomes import (
    ConversationOpened,
    MemberLeft,
    Outcome,
    Reason,
    Rejected,
    SessionAway,
    StateChange,
)
from netchat.chat.persistence import (
    EditRow,
    EpochRow,
    EventErased,
    EventRow,
    MembershipRow,
    RoomDeleted,
    RoomRow,
    RulesRow,
)
from netchat.chat.room_codes import LOBBY
from netchat.chat.room_log import append_event, remove_member
from netchat.chat.room_moderation import RoomRules
from netchat.chat.sealing_rules import post_sealed, publish_device
from netchat.chat.session_rules import attached, end_session, moved, session_row
from netchat.chat.shared_state import SharedState
from netchat.wire import MAX_SEALED, EventKind, RoomKind
from netchat.wire.annotations import ANNOTATIONS, annotation_text

__all__ = ["MAX_MEMBERSHIPS", "apply"]

#: Maximum number of rooms of one user, whatever the settings, private rooms included. RENAME and BYE cause
#: an event in each of them at once, which must not delay other users: 120 events take about 1.5 ms.
MAX_MEMBERSHIPS = 120


def apply(state: SharedState, command: ChatCommand) -> Outcome:
    """Apply the next command of the log to the state, and return what it changed."""
    return _APPLY[type(command)](state, command)


# -- sessions -------------------------------------------------------------------------------------


def _open_session(state: SharedState, command: OpenSession) -> Outcome:
    if command.server not in state.servers:
        return Rejected(Reason.UNKNOWN_SERVER)
    if state.knows_token(command.token):
        return Rejected(Reason.EXISTS)
    before = state.by_device.get(command.device)
    if command.replaces != (before.id if before is not None else 0):
        return Rejected(Reason.STALE)  # delayed until the client had a session elsewhere
    rival = state.by_name.find_conflict(command.name, owner=before)
    if rival is not None:
        return Rejected(Reason.NAME_TAKEN, rival.id)
    registered = state.account_names.find_conflict(command.name)
    if registered is not None:
        return Rejected(Reason.REGISTERED, account=registered.id)
    if server_ban(state, command.time, command.name, command.device) is not None:
        return Rejected(Reason.BANNED)
    changes: list[StateChange] = []
    if before is not None:
        # The client lost its session token. Its device key proves that it owns the old session.
        changes.append(moved(before))
        changes += end_session(state, before, "reconnected without its session", command.time)
    session = Session(state.new_id(), command.name, command.device)
    session.server, session.attachment = command.server, 1
    session.token = command.token
    state.sessions[session.id] = state.by_device[session.device] = session
    state.by_name.add(session)
    if session.token:
        state.by_token[session.token] = session
    return [*changes, session_row(session)]


def _resume_session(state: SharedState, command: ResumeSession) -> Outcome:
    if command.server not in state.servers:
        return Rejected(Reason.UNKNOWN_SERVER)
    session = state.by_token.get(command.used)
    # A command that was delayed until the client had resumed elsewhere must not end that connection.
    if session is None or session.id != command.session or session.attachment != command.attachment:
        return Rejected(Reason.STALE)
    if state.knows_token(command.token):
        return Rejected(Reason.EXISTS)
    for old in {session.token, session.previous} - {command.used}:
        state.by_token.pop(old, None)
    session.token, session.previous = command.token, command.used
    if session.token:
        state.by_token[session.token] = session
    session.server = command.server
    session.attachment += 1
    return [moved(session), session_row(session)]


def _confirm_token(state: SharedState, command: ConfirmToken) -> Outcome:
    session = attached(state, command)
    if session is None or not session.previous:
        return Rejected(Reason.STALE)
    state.by_token.pop(session.previous, None)
    session.previous = b""
    return [session_row(session)]


def _disconnect(state: SharedState, command: Disconnect) -> Outcome:
    session = attached(state, command)
    if session is None or session.is_away:
        return Rejected(Reason.STALE)
    session.server = 0
    return [SessionAway(session.id)]


def _end_session(state: SharedState, command: EndSession) -> Outcome:
    session = attached(state, command)
    if session is None:
        return Rejected(Reason.STALE)
    return end_session(state, session, command.reason, command.time)


def _rename_session(state: SharedState, command: RenameSession) -> Outcome:
    session, name = attached(state, command), command.name
    if session is None:
        return Rejected(Reason.STALE)
    rival = state.by_name.find_conflict(name, owner=session)
    if rival is not None:
        return Rejected(Reason.NAME_TAKEN, rival.id)
    registered = session.account or state.account_names.find_conflict(name)
    if registered is not None:
        return Rejected(Reason.REGISTERED, account=registered.id)
    if server_ban(state, command.time, name, 0) is not None:
        return Rejected(Reason.BANNED)
    state.by_name.remove(session)
    old, session.name = session.name, name
    state.by_name.add(session)
    changes: list[StateChange] = [session_row(session)]
    if name != old:
        changes += [
            append_event(room, EventKind.RENAME, old, name, command.time)
            for room in session.rooms.values()
        ]
    return changes


# -- rooms ----------------------------------------------------------------------------------------


def _create_lobby(state: SharedState, command: CreateLobby) -> Outcome:
    if LOBBY in state.rooms:
        return Rejected(Reason.EXISTS)
    _, row = _new_room(state, LOBBY, RoomKind.LOBBY, command.log)
    return [row]


def _create_room(state: SharedState, command: CreateRoom | CreateSealedRoom) -> Outcome:
    session = attached(state, command)
    if session is None:
        return Rejected(Reason.STALE)
    if command.room in state.rooms:
        return Rejected(Reason.EXISTS)
    if len(session.rooms) >= MAX_MEMBERSHIPS:
        return Rejected(Reason.TOO_MANY_ROOMS, session.id)
    if isinstance(command, CreateRoom):
        room, row = _new_room(state, command.room, RoomKind.ROOM, command.log)
        changes: list[StateChange] = [row]
    elif session.keys:
        room, row = _new_room(state, command.room, RoomKind.SEALED, command.log)
        room.epoch, room.check = 1, command.check
        changes = [row, EpochRow(room.id, room.epoch, room.check)]
    else:
        return Rejected(Reason.NO_KEYS)
    # Its creator moderates it.
    room.rules = RoomRules()
    room.rules.moderators[rights_key(session)] = None
    changes.append(RulesRow(room.id, room.rules.dump()))
    return [*changes, _add_member(session, room), _joined(session, room, command.time)]


def _open_conversation(state: SharedState, command: OpenConversation) -> Outcome:
    session, other = attached(state, command), state.sessions.get(command.other)
    if session is None:
        return Rejected(Reason.STALE)
    if other is None or other is session:
        return Rejected(Reason.NO_SUCH_USER)
    pair = frozenset((session.id, other.id))
    if pair in state.privates or command.room in state.rooms:
        return Rejected(Reason.EXISTS)
    for user in (session, other):
        if len(user.rooms) >= MAX_MEMBERSHIPS:
            return Rejected(Reason.TOO_MANY_ROOMS, user.id)
    room, row = _new_room(state, command.room, RoomKind.PRIVATE, command.log)
    state.privates[pair] = room
    members = [_add_member(user, room) for user in (session, other)]
    return [row, *members, ConversationOpened(other.id, room.id)]


def _join_room(state: SharedState, command: JoinRoom) -> Outcome:
    session, room = attached(state, command), state.rooms.get(command.room)
    if session is None:
        return Rejected(Reason.STALE)
    if room is None or room.kind is RoomKind.PRIVATE:
        return Rejected(Reason.NO_SUCH_ROOM)
    if session in room.members:
        return Rejected(Reason.EXISTS)
    if room.rules is not None:
        problem = entry_problem(state, session, room, command.time)
        if problem is not None:
            return Rejected(problem)
    if len(session.rooms) >= MAX_MEMBERSHIPS:
        return Rejected(Reason.TOO_MANY_ROOMS, session.id)
    if room.kind is RoomKind.SEALED:
        if not session.keys:
            return Rejected(Reason.NO_KEYS)
        if len(room.members) >= MAX_SEALED:
            return Rejected(Reason.ROOM_FULL)
    return [_add_member(session, room), _joined(session, room, command.time)]


def _leave_room(state: SharedState, command: LeaveRoom) -> Outcome:
    session = attached(state, command)
    if session is None:
        return Rejected(Reason.STALE)
    room = session.rooms.get(command.room)
    if room is None:
        return Rejected(Reason.NOT_A_MEMBER)
    changes = remove_member(state, session, room, "", command.time)
    return [*changes, MemberLeft(session.id, room.code, command.request)]


def _post(state: SharedState, command: Post | PostAnnotation | PostSealed | OfferFile) -> Outcome:
    session = state.sessions.get(command.session)
    # After the epoch of its server has ended, an earlier message may have been rejected with it: this one
    # must not overtake that.
    if session is None or session.attachment != command.attachment or session.is_away:
        return Rejected(Reason.STALE)
    room = session.rooms.get(command.room)
    if room is None:
        return Rejected(Reason.NOT_A_MEMBER)
    device, counter = session.device, command.counter
    last = room.counters.get(device)
    if last is None:
        last = room.older_counters.get(device, command.known)
    if counter <= last:
        return Rejected(Reason.REPEATED)
    if room.kind is RoomKind.PRIVATE and len(room.members) < 2:
        return Rejected(Reason.NO_SUCH_USER)
    rules = room.rules
    if rules is not None and (rules.flags or rules.mutes):
        problem = post_problem(state, session, room, rules, command.time)
        if problem is not None:
            return Rejected(problem)
    if isinstance(command, PostSealed):
        return post_sealed(room, session, command)
    if room.kind is RoomKind.SEALED:
        return Rejected(Reason.NOT_SEALED)
    if isinstance(command, PostAnnotation):
        return _annotate(state, room, session, command)
    room.counters[device] = counter
    kind = EventKind.CHAT if type(command) is Post else EventKind.FILE
    return [append_event(room, kind, session.name, command.text, command.time, device, counter)]


def _annotate(state: SharedState, room: Room, session: Session, command: PostAnnotation) -> Outcome:
    target = command.seq
    if command.kind not in ANNOTATIONS or not 0 < target <= room.head:
        return Rejected(Reason.NO_SUCH_MESSAGE)
    kind = EventKind(command.kind)
    # A moderator may delete any message. The right may have ended after the request.
    is_moderating = kind is EventKind.DELETE and rank(state, session, room)
    if kind in (EventKind.EDIT, EventKind.DELETE) and not (command.is_own or is_moderating):
        return Rejected(Reason.NOT_ALLOWED)
    device, counter = session.device, command.counter
    room.counters[device] = counter
    text = annotation_text(kind, target, command.text)
    event = append_event(room, kind, session.name, text, command.time, device, counter)
    if kind is EventKind.EDIT:
        return [event, EditRow(room.id, target, event.seq)]
    # The members of a conversation that can become sealed hash all of its events, and compare them.
    can_seal = room.kind is RoomKind.PRIVATE and any(member.keys for member in room.members)
    if kind is EventKind.DELETE and not can_seal:
        return [event, EventErased(room.id, target, command.sha256)]
    return [event]


def _delete_room(state: SharedState, command: DeleteRoom) -> Outcome:
    room = state.rooms.get(command.room)
    if room is None or room.kind is RoomKind.LOBBY:
        return Rejected(Reason.NO_SUCH_ROOM)
    if room.members or room.head != command.head:
        return Rejected(Reason.STALE)
    del state.rooms[room.code]
    return [RoomDeleted(room.id)]


def _rotate_counters(state: SharedState, command: RotateCounters) -> Outcome:
    room = state.rooms.get(command.room)
    if room is None:
        return Rejected(Reason.NO_SUCH_ROOM)
    if len(room.counters) <= command.above:  # another server was first
        return Rejected(Reason.STALE)
    room.counters, room.older_counters = {}, room.counters
    return []


def _new_room(state: SharedState, code: str, kind: RoomKind, log: int) -> tuple[Room, RoomRow]:
    room = state.rooms[code] = Room(state.new_id(), code, kind, log)
    return room, RoomRow(room.id, code, kind, log)


def _add_member(session: Session, room: Room) -> MembershipRow:
    session.rooms[room.code] = room
    room.members[session] = None
    return MembershipRow(session.id, room.id)


def _joined(session: Session, room: Room, time: int) -> EventRow:
    return append_event(room, EventKind.JOIN, session.name, "", time)


# -- servers --------------------------------------------------------------------------------------


def _start_server(state: SharedState, command: StartServer) -> Outcome:
    if command.server <= state.epoch:
        return Rejected(Reason.STALE)
    state.epoch = command.server
    state.servers[command.server] = command.name
    return []


def _expire_server(state: SharedState, command: ExpireServer) -> Outcome:
    if state.servers.pop(command.server, None) is None:
        return Rejected(Reason.STALE)
    lost = [session for session in state.sessions.values() if session.server == command.server]
    for session in lost:
        session.server = 0
    return [SessionAway(session.id) for session in lost]


_APPLY: dict[type[ChatCommand], Callable[[SharedState, Any], Outcome]] = {
    AddInvitation: account_rules.add_invitation,
    ConfirmToken: _confirm_token,
    CreateLobby: _create_lobby,
    CreateRoom: _create_room,
    CreateSealedRoom: _create_room,
    DeleteRoom: _delete_room,
    Disconnect: _disconnect,
    EndLogin: account_rules.end_login,
    EndSession: _end_session,
    ExpireServer: _expire_server,
    JoinRoom: _join_room,
    LeaveRoom: _leave_room,
    OpenAccountSession: account_rules.open_account_session,
    ModerateRoom: moderate,
    OfferFile: _post,
    OpenConversation: _open_conversation,
    OpenSession: _open_session,
    Post: _post,
    RegisterAccount: account_rules.register_account,
    RemoveAccount: account_rules.remove_account,
    PostAnnotation: _post,
    PostSealed: _post,
    PublishDevice: publish_device,
    RenameSession: _rename_session,
    ResumeSession: _resume_session,
    RotateCounters: _rotate_counters,
    SetPassword: account_rules.set_password,
    SetRole: account_rules.set_role,
    StartServer: _start_server,
}
