"""Handlers of sealed messages and device keys on the server, which can read none of them."""

from __future__ import annotations

from netchat.chat.commands import PostSealed, PublishDevice
from netchat.chat.connection import Connection
from netchat.chat.large_replies import refuse_non_member
from netchat.chat.message_counters import answer_repeated, find_last_counter, refuse_large_counter
from netchat.chat.model import Session
from netchat.chat.moderation_handlers import post_refusal
from netchat.chat.ordering import answers, propose
from netchat.chat.outcomes import Outcome, Reason, Rejected
from netchat.chat.server_state import ServerState
from netchat.wire import (
    MAX_SEALED,
    Device,
    DeviceList,
    ErrorCode,
    EventKind,
    Sealed,
    SealedSend,
)

__all__ = [
    "CHECK_SIZE",
    "handle_device",
    "handle_device_list",
    "handle_sealed_send",
    "refuse_unsealing_client",
]

#: Sizes of fields, in bytes; see `netchat.chat.sealing`, which the server does not use.
CHECK_SIZE, KEYS_SIZE, BUNDLE_SIZE, HASH_SIZE, SIGNATURE_SIZE = 16, 64, 128, 32, 64
_WRAP_SIZES = 32, 32, 32

_KINDS = (
    EventKind.EDIT,
    EventKind.DELETE,
    EventKind.REPLY,
    EventKind.REACTION,
    EventKind.SEALED,
    EventKind.REKEY,
    EventKind.FILE,
)

#: Bytes of a sealed message besides its text: the sender's name, lengths, and the tag.
OVERHEAD = 256

#: Cost of publishing device keys, in frames of the rate limit: they are stored.
DEVICE_COST = 5

#: Cost of a DEVICE_LIST, in frames.
DEVICE_LIST_COST = 10

#: Cost of a REKEY for each member, in frames: each gets a new proof, which is stored.
WRAPS_PER_FRAME = 8


def handle_sealed_send(
    state: ServerState, connection: Connection, session: Session, message: SealedSend
) -> None:
    """Handle SEALED_SEND."""
    counter, code = message.counter, message.room
    room = session.rooms.get(code)
    if room is None:
        refuse_non_member(state, connection, code, SealedSend, counter)
        return
    known = find_last_counter(state, connection, session, room, SealedSend, counter)
    if known is None:
        return
    most = state.settings.max_text + OVERHEAD
    problem = _problem(message.sealed[0], most) if message.sealed else "it is empty"
    if problem:
        text = f"The sealed message is invalid: {problem}."
        state.refuse(connection, ErrorCode.BAD_SEAL, text, SealedSend, counter)
        return
    if refuse_large_counter(state, connection, SealedSend, counter):
        return
    connection.allowance -= len(message.sealed[0].wraps) // WRAPS_PER_FRAME
    command = PostSealed(
        session.id, session.attachment, counter, known, state.time, code, message.sealed
    )
    propose(state, command, connection, message)


def _problem(sealed: Sealed, most: int) -> str:
    """Return which field of a sealed message is invalid, or an empty string."""
    is_rekey = sealed.kind == EventKind.REKEY
    if sealed.kind not in _KINDS:
        return f"kind must be {', '.join(map(str, map(int, _KINDS)))}, got {sealed.kind}"
    for name, size, allowed in (
        ("key", len(sealed.key), (KEYS_SIZE,)),
        ("signature", len(sealed.signature), (SIGNATURE_SIZE,)),
        ("view", len(sealed.view), (0, HASH_SIZE)),
        ("previous", len(sealed.previous), (0, HASH_SIZE)),
        ("check", len(sealed.check), (CHECK_SIZE if is_rekey else 0,)),
    ):
        if size not in allowed:
            sizes = " or ".join(map(str, allowed))
            return f"{name} must have {sizes} bytes, got {size}"
    if len(sealed.ciphertext) > most:
        return f"ciphertext must have at most {most} bytes, got {len(sealed.ciphertext)}"
    if bool(sealed.wraps) != is_rekey:
        return "a REKEY, and no other message, must have wraps"
    for wrap in sealed.wraps:
        if (len(wrap.enc), len(wrap.secret), len(wrap.proof)) != _WRAP_SIZES:
            return "each field of a wrap must have 32 bytes"
    return ""


@answers(PostSealed)
def _sent(
    state: ServerState,
    connection: Connection,
    message: SealedSend,
    command: PostSealed,
    outcome: Outcome,
) -> None:
    assert isinstance(outcome, Rejected), "the event is the answer"
    if outcome.reason is Reason.REPEATED:
        room = state.shared.sessions[command.session].rooms[command.room]
        answer_repeated(state, connection, room, message.counter)
        return
    if outcome.reason is Reason.NOT_A_MEMBER:
        refuse_non_member(state, connection, message.room, SealedSend, message.counter)
        return
    if refusal := post_refusal(state, command, outcome.reason):
        state.refuse(connection, *refusal, SealedSend, message.counter)
        return
    code, text = {
        Reason.NO_SUCH_USER: (
            ErrorCode.NO_SUCH_USER,
            "The other user has left; the message was not delivered.",
        ),
        Reason.OLD_EPOCH: (
            ErrorCode.OLD_EPOCH,
            "Another member has changed the room's secret; seal the message with the new one.",
        ),
        Reason.NO_KEYS: (
            ErrorCode.CANNOT_SEAL,
            "The other user's program does not support sealed messages.",
        ),
    }.get(
        outcome.reason,
        (ErrorCode.CANNOT_SEAL, "The room is not sealed: send the message with SEND."),
    )
    state.refuse(connection, code, text, SealedSend, message.counter)


def handle_device(
    state: ServerState, connection: Connection, session: Session, message: Device
) -> None:
    """Handle DEVICE. There is no answer, except to invalid keys."""
    connection.allowance -= DEVICE_COST
    sizes = len(message.keys), len(message.proof)
    wanted = BUNDLE_SIZE, HASH_SIZE if message.room else 0
    if sizes != wanted:
        text = f"Keys and proof must have {wanted[0]} and {wanted[1]} bytes, got {sizes[0]} and {sizes[1]}."
        state.refuse(connection, ErrorCode.BAD_SEAL, text, Device)
        return
    if not message.room and session.keys == message.keys:
        return
    command = PublishDevice(
        session.id,
        session.attachment,
        message.epoch,
        message.room,
        message.keys,
        message.proof,
    )
    propose(state, command)


def handle_device_list(
    state: ServerState,
    connection: Connection,
    session: Session,  # noqa: ARG001 - all handlers share one signature
    message: DeviceList,
) -> None:
    """Handle DEVICE_LIST."""
    connection.allowance -= DEVICE_LIST_COST
    state.queue_reply(connection, message)


def refuse_unsealing_client(
    state: ServerState, connection: Connection, reason: Reason, about: type, request: int
) -> None:
    """Refuse to let a client into a sealed room that has published no keys, or that is full."""
    if reason is Reason.ROOM_FULL:
        code = ErrorCode.SEALED_ROOM_FULL
        text = f"The room is full: a sealed room holds at most {MAX_SEALED} members."
    else:
        code = ErrorCode.NOT_SEALING
        text = (
            "This room is sealed (encrypted end to end), which your program does not support. Use "
            "the current netchat client, or this server's page over https."
        )
    state.refuse(connection, code, text, about, request)
