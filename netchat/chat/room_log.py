"""Changes to a room that several commands make: events and departures."""

from __future__ import annotations

from typing import NamedTuple

from netchat.chat.model import Room, Session
from netchat.chat.outcomes import RoomEmptied, StateChange
from netchat.chat.persistence import DeviceDeleted, EventRow, MembershipDeleted, RoomDeleted
from netchat.chat.shared_state import SharedState
from netchat.wire import Event, EventKind, RoomKind, seal
from netchat.wire.compiler import compile_packer

__all__ = ["Removal", "append_event", "delete_device", "remove_member"]

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
    changes = [*delete_device(room, session), MembershipDeleted(session.id, room.id), event]
    if not room.members:
        if room.kind is RoomKind.PRIVATE:
            del state.rooms[room.code]
            changes.append(RoomDeleted(room.id))
        elif room.kind is not RoomKind.LOBBY:
            changes.append(RoomEmptied(room.id))
    return changes


def delete_device(room: Room, member: Session) -> list[StateChange]:
    """Delete the keys of a member's device in a sealed room."""
    if room.devices is None or room.devices.pop(member, None) is None:
        return []
    return [DeviceDeleted(member.id, room.id)]
