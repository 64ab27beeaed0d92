"""The state machine of the chat: `apply` changes the shared state by one command.

It is deterministic and total. It reads no clock, no randomness and no history, and it never raises:
a command that is no longer valid in its place in the log is rejected and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from netchat.chat.commands import (
    ChatCommand,
    ConfirmToken,
    CreateLobby,
    CreateRoom,
    CreateSealedRoom,
    DeleteRoom,
    Disconnect,
    EndSession,
    ExpireServer,
    JoinRoom,
    LeaveRoom,
    OpenConversation,
    OpenSession,
    Post,
    PostSealed,
    PublishDevice,
    RenameSession,
    ResumeSession,
    RotateCounters,
    StartServer,
)
from netchat.chat.credentials import short_id
from netchat.chat.model import MemberKeys, Room, Session
from netchat.chat.outcomes import (
    ConversationOpened,
    MemberLeft,
    Outcome,
    Reason,
    Rejected,
    RoomEmptied,
    SessionAway,
    SessionClosed,
    SessionMoved,
    StateChange,
)
from netchat.chat.persistence import (
    DeviceDeleted,
    DeviceRow,
    EpochRow,
    EventRow,
    MembershipDeleted,
    MembershipRow,
    RoomDeleted,
    RoomRow,
    SessionDeleted,
    SessionRow,
)
from netchat.chat.room_codes import LOBBY
from netchat.chat.shared_state import SharedState
from netchat.wire import MAX_SEALED, Event, EventKind, RoomKind, Sealed, SealedEvent, seal
from netchat.wire.compiler import compile_packer

__all__ = ["MAX_MEMBERSHIPS", "apply"]

#: Rooms that one user can be in, whatever the settings, private rooms included. RENAME and BYE cause
#: an event in each of them at once, which must not delay other users: 200 events take about 1.6 ms.
MAX_MEMBERSHIPS = 200

_pack_event = compile_packer(Event)
_pack_sealed_event = compile_packer(SealedEvent)

#: Commands that a user's connection has caused. Those of an earlier connection are stale: the user's
#: next connection cannot know of them, and repeats the request.
_OfConnection = (
    ConfirmToken
    | CreateRoom
    | CreateSealedRoom
    | Disconnect
    | EndSession
    | JoinRoom
    | LeaveRoom
    | OpenConversation
    | PublishDevice
    | RenameSession
)


def apply(state: SharedState, command: ChatCommand) -> Outcome:
    """Apply the next command of the log to the state, and return what it changed."""
    return _APPLY[type(command)](state, command)


# -- sessions -------------------------------------------------------------------------------------


def _open_session(state: SharedState, command: OpenSession) -> Outcome:
    if command.server not in state.servers:
        return Rejected(Reason.UNKNOWN_SERVER)
    if command.token in state.by_token:
        return Rejected(Reason.EXISTS)
    before = state.by_device.get(command.device)
    if command.replaces != (before.id if before is not None else 0):
        return Rejected(Reason.STALE)  # delayed until the client had a session elsewhere
    rival = state.by_name.find_conflict(command.name, owner=before)
    if rival is not None:
        return Rejected(Reason.NAME_TAKEN, rival.id)
    changes: list[StateChange] = []
    if before is not None:
        # The client lost its session token. Its device key proves that it owns the old session.
        changes.append(_moved(before))
        changes += _end(state, before, "reconnected without its session", command.time)
    session = Session(state.new_id(), command.name, command.device)
    session.server, session.attachment = command.server, 1
    session.token = command.token
    state.sessions[session.id] = state.by_device[session.device] = session
    state.by_name.add(session)
    state.by_token[session.token] = session
    return [*changes, _row(session)]


def _resume_session(state: SharedState, command: ResumeSession) -> Outcome:
    if command.server not in state.servers:
        return Rejected(Reason.UNKNOWN_SERVER)
    session = state.by_token.get(command.used)
    # A command that was delayed until the client had resumed elsewhere must not end that connection.
    if session is None or session.id != command.session or session.attachment != command.attachment:
        return Rejected(Reason.STALE)
    if command.token in state.by_token:
        return Rejected(Reason.EXISTS)
    for old in {session.token, session.previous} - {command.used}:
        state.by_token.pop(old, None)
    session.token, session.previous = command.token, command.used
    state.by_token[session.token] = session
    session.server = command.server
    session.attachment += 1
    return [_moved(session), _row(session)]


def _confirm_token(state: SharedState, command: ConfirmToken) -> Outcome:
    session = _attached(state, command)
    if session is None or not session.previous:
        return Rejected(Reason.STALE)
    state.by_token.pop(session.previous, None)
    session.previous = b""
    return [_row(session)]


def _disconnect(state: SharedState, command: Disconnect) -> Outcome:
    session = _attached(state, command)
    if session is None or session.is_away:
        return Rejected(Reason.STALE)
    session.server = 0
    return [SessionAway(session.id)]


def _end_session(state: SharedState, command: EndSession) -> Outcome:
    session = _attached(state, command)
    if session is None:
        return Rejected(Reason.STALE)
    return _end(state, session, command.reason, command.time)


def _attached(state: SharedState, command: _OfConnection) -> Session | None:
    """Return the session of a command, unless it has ended or has another connection."""
    session = state.sessions.get(command.session)
    return session if session is not None and session.attachment == command.attachment else None


def _end(state: SharedState, session: Session, reason: str, time: int) -> list[StateChange]:
    changes: list[StateChange] = []
    for room in list(session.rooms.values()):
        changes += _remove_member(state, session, room, reason, time)
    del state.sessions[session.id], state.by_device[session.device]
    state.by_name.remove(session)
    state.by_token.pop(session.token, None)
    state.by_token.pop(session.previous, None)
    if session.keys:
        changes.append(DeviceDeleted(session.id, 0))
    ended = SessionClosed(session.id, session.name, reason, len(state.sessions))
    return [*changes, SessionDeleted(session.id), ended]


def _rename_session(state: SharedState, command: RenameSession) -> Outcome:
    session, name = _attached(state, command), command.name
    if session is None:
        return Rejected(Reason.STALE)
    rival = state.by_name.find_conflict(name, owner=session)
    if rival is not None:
        return Rejected(Reason.NAME_TAKEN, rival.id)
    state.by_name.remove(session)
    old, session.name = session.name, name
    state.by_name.add(session)
    changes: list[StateChange] = [_row(session)]
    if name != old:
        changes += [
            _event(room, EventKind.RENAME, old, name, command.time)
            for room in session.rooms.values()
        ]
    return changes


def _moved(session: Session) -> SessionMoved:
    return SessionMoved(session.id, tuple(room.id for room in session.rooms.values()))


def _row(session: Session) -> SessionRow:
    return SessionRow(session.id, session.token, session.previous, session.device, session.name)


# -- rooms ----------------------------------------------------------------------------------------


def _create_lobby(state: SharedState, command: CreateLobby) -> Outcome:
    if LOBBY in state.rooms:
        return Rejected(Reason.EXISTS)
    _, row = _new_room(state, LOBBY, RoomKind.LOBBY, command.log)
    return [row]


def _create_room(state: SharedState, command: CreateRoom | CreateSealedRoom) -> Outcome:
    session = _attached(state, command)
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
    return [*changes, _add_member(session, room), _joined(session, room, command.time)]


def _open_conversation(state: SharedState, command: OpenConversation) -> Outcome:
    session, other = _attached(state, command), state.sessions.get(command.other)
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
    session, room = _attached(state, command), state.rooms.get(command.room)
    if session is None:
        return Rejected(Reason.STALE)
    if room is None or room.kind is RoomKind.PRIVATE:
        return Rejected(Reason.NO_SUCH_ROOM)
    if session in room.members:
        return Rejected(Reason.EXISTS)
    if len(session.rooms) >= MAX_MEMBERSHIPS:
        return Rejected(Reason.TOO_MANY_ROOMS, session.id)
    if room.kind is RoomKind.SEALED:
        if not session.keys:
            return Rejected(Reason.NO_KEYS)
        if len(room.members) >= MAX_SEALED:
            return Rejected(Reason.ROOM_FULL)
    return [_add_member(session, room), _joined(session, room, command.time)]


def _leave_room(state: SharedState, command: LeaveRoom) -> Outcome:
    session = _attached(state, command)
    if session is None:
        return Rejected(Reason.STALE)
    room = session.rooms.get(command.room)
    if room is None:
        return Rejected(Reason.NOT_A_MEMBER)
    changes = _remove_member(state, session, room, "", command.time)
    return [*changes, MemberLeft(session.id, room.code, command.request)]


def _post(state: SharedState, command: Post | PostSealed) -> Outcome:
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
    if isinstance(command, PostSealed):
        return _post_sealed(room, session, command)
    if room.kind is RoomKind.SEALED:
        return Rejected(Reason.NOT_SEALED)
    room.counters[device] = counter
    return [_event(room, EventKind.CHAT, session.name, command.text, command.time, device, counter)]


def _post_sealed(room: Room, session: Session, command: PostSealed) -> Outcome:
    if room.kind not in (RoomKind.SEALED, RoomKind.PRIVATE):
        return Rejected(Reason.NOT_SEALED)
    if not all(member.keys for member in room.members):
        return Rejected(Reason.NO_KEYS)
    (sealed,) = command.sealed
    is_rekey = sealed.kind == EventKind.REKEY
    is_unknown = room.kind is RoomKind.SEALED and not room.epoch  # the history was recovered
    if not sealed.epoch or not (is_unknown or sealed.epoch == room.epoch + is_rekey):
        return Rejected(Reason.OLD_EPOCH)
    room.epoch = sealed.epoch - is_rekey
    device, counter, time = session.device, command.counter, command.time
    room.counters[device] = counter
    room.head = seq = room.head + 1
    body = _pack_sealed_event(seq, time, device, counter, room.code, session.name, command.sealed)
    frame = seal(SealedEvent.TYPE, body)
    changes: list[StateChange] = [EventRow(room.id, seq, device, counter, time, frame)]
    return changes + _change_epoch(room, sealed) if is_rekey else changes


def _change_epoch(room: Room, sealed: Sealed) -> list[StateChange]:
    """Start a new epoch: the devices that were given its secret get new proofs, the others none."""
    room.epoch, room.check = sealed.epoch, sealed.check
    changes: list[StateChange] = [EpochRow(room.id, room.epoch, room.check)]
    proofs = {wrap.device: wrap.proof for wrap in sealed.wraps}
    for member, (_, keys, _) in list((room.devices or {}).items()):
        proof = proofs.get(short_id(keys))
        if proof is None:
            changes += _delete_device(room, member)
        else:
            changes.append(_set_device(room, member, MemberKeys(room.epoch, keys, proof)))
    return changes


def _publish_device(state: SharedState, command: PublishDevice) -> Outcome:
    session = _attached(state, command)
    if session is None:
        return Rejected(Reason.STALE)
    if not command.room:
        session.keys = command.keys
        return [DeviceRow(session.id, 0, 0, command.keys, b"")]
    room = session.rooms.get(command.room)
    if room is None or room.kind is not RoomKind.SEALED:
        return Rejected(Reason.NOT_A_MEMBER)
    published = MemberKeys(command.epoch, command.keys, command.proof)
    if command.epoch != room.epoch:
        return Rejected(Reason.OLD_EPOCH)
    return [_set_device(room, session, published)]


def _set_device(room: Room, member: Session, published: MemberKeys) -> DeviceRow:
    if room.devices is None:
        room.devices = {}
    room.devices[member] = published
    return DeviceRow(member.id, room.id, *published)


def _delete_device(room: Room, member: Session) -> list[StateChange]:
    if room.devices is None or room.devices.pop(member, None) is None:
        return []
    return [DeviceDeleted(member.id, room.id)]


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
    return _event(room, EventKind.JOIN, session.name, "", time)


def _remove_member(
    state: SharedState, session: Session, room: Room, reason: str, time: int
) -> list[StateChange]:
    """End a membership. LEAVE is the last event that this member gets."""
    if room.kind is RoomKind.PRIVATE:
        state.privates.pop(frozenset(member.id for member in room.members), None)
    del session.rooms[room.code], room.members[session]
    changes: list[StateChange] = [
        *_delete_device(room, session),
        MembershipDeleted(session.id, room.id),
        _event(room, EventKind.LEAVE, session.name, reason, time),
    ]
    if not room.members:
        if room.kind is RoomKind.PRIVATE:
            del state.rooms[room.code]
            changes.append(RoomDeleted(room.id))
        elif room.kind is not RoomKind.LOBBY:
            changes.append(RoomEmptied(room.id))
    return changes


def _event(
    room: Room,
    kind: EventKind,
    sender: str,
    text: str,
    time: int,
    device: int = 0,
    counter: int = 0,
) -> EventRow:
    """Append an event to a room's log."""
    room.head = seq = room.head + 1
    body = _pack_event(seq, time, device, counter, kind, room.code, sender, text)
    return EventRow(room.id, seq, device, counter, time, seal(Event.TYPE, body))


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
    ConfirmToken: _confirm_token,
    CreateLobby: _create_lobby,
    CreateRoom: _create_room,
    CreateSealedRoom: _create_room,
    DeleteRoom: _delete_room,
    Disconnect: _disconnect,
    EndSession: _end_session,
    ExpireServer: _expire_server,
    JoinRoom: _join_room,
    LeaveRoom: _leave_room,
    OpenConversation: _open_conversation,
    OpenSession: _open_session,
    Post: _post,
    PostSealed: _post,
    PublishDevice: _publish_device,
    RenameSession: _rename_session,
    ResumeSession: _resume_session,
    RotateCounters: _rotate_counters,
    StartServer: _start_server,
}
