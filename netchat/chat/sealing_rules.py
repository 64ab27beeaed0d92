"""Rules of sealed messages: epochs, and the keys of devices."""

from __future__ import annotations

from netchat.chat.commands import PostSealed, PublishDevice
from netchat.chat.credentials import short_id
from netchat.chat.model import MemberKeys, Room, Session
from netchat.chat.outcomes import Outcome, Reason, Rejected, StateChange
from netchat.chat.persistence import DeviceRow, EpochRow, EventRow
from netchat.chat.room_log import delete_device
from netchat.chat.session_rules import attached
from netchat.chat.shared_state import SharedState
from netchat.wire import EventKind, RoomKind, Sealed, SealedEvent, seal
from netchat.wire.compiler import compile_packer

__all__ = ["post_sealed", "publish_device"]

_pack_sealed_event = compile_packer(SealedEvent)


def post_sealed(room: Room, session: Session, command: PostSealed) -> Outcome:
    """Append a sealed message to a room, and start a new epoch if it is a REKEY."""
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
            changes += delete_device(room, member)
        else:
            changes.append(_set_device(room, member, MemberKeys(room.epoch, keys, proof)))
    return changes


def publish_device(state: SharedState, command: PublishDevice) -> Outcome:
    """Store the keys of a user's device, for private messages or as a room's member."""
    session = attached(state, command)
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
