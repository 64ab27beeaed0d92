"""Changes of the shared state that several commands make: events, departures, ends of sessions."""

from __future__ import annotations

from typing import NamedTuple

from netchat.chat.model import Room, Session
from netchat.chat.outcomes import RoomEmptied, SessionClosed, StateChange
from netchat.chat.persistence import EventRow, MembershipDeleted, RoomDeleted, SessionDeleted
from netchat.chat.shared_state import SharedState
from netchat.wire import Event, EventKind, RoomKind, seal
from netchat.wire.compiler import compile_packer

__all__ = ["Removal", "append_event", "end_session", "remove_member"]

_pack_event = compile_packer(Event)


class Removal(NamedTuple):
    """Removal of a user by a moderator, for the event that the room sees."""

    action: int
    text: str


def append_event(
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


def remove_member(
    state: SharedState,
    session: Session,
    room: Room,
    reason: str,
    time: int,
    removal: Removal | None = None,
) -> list[StateChange]:
    """End a membership. LEAVE or REMOVED is the last event that this member gets."""
    if room.kind is RoomKind.PRIVATE:
        state.privates.pop(frozenset(member.id for member in room.members), None)
        removal = None
    del session.rooms[room.code], room.members[session]
    event = (
        append_event(room, EventKind.LEAVE, session.name, reason, time)
        if removal is None
        else append_event(
            room, EventKind.REMOVED, session.name, removal.text, time, counter=removal.action
        )
    )
    changes: list[StateChange] = [MembershipDeleted(session.id, room.id), event]
    if not room.members:
        if room.kind is RoomKind.PRIVATE:
            del state.rooms[room.code]
            changes.append(RoomDeleted(room.id))
        elif room.kind is RoomKind.ROOM:
            changes.append(RoomEmptied(room.id))
    return changes


def end_session(
    state: SharedState, session: Session, reason: str, time: int, removal: Removal | None = None
) -> list[StateChange]:
    """End a session: it leaves its rooms, and its name becomes free."""
    changes: list[StateChange] = []
    for room in list(session.rooms.values()):
        changes += remove_member(state, session, room, reason, time, removal)
    del state.sessions[session.id], state.by_device[session.device]
    state.by_name.remove(session)
    state.by_token.pop(session.token, None)
    state.by_token.pop(session.previous, None)
    ended = SessionClosed(session.id, session.name, reason, len(state.sessions))
    return [*changes, SessionDeleted(session.id), ended]
