"""Handler of ANNOTATE: edits, deletions, replies and reactions on the server.

Whether a message exists, and whose it is, only the history knows. The handler reads this one event, and
the command carries what follows from it.
"""

from __future__ import annotations

from netchat.chat.commands import PostAnnotation
from netchat.chat.connection import Connection
from netchat.chat.large_replies import refuse_non_member
from netchat.chat.message_counters import answer_repeated, find_last_counter, refuse_large_counter
from netchat.chat.model import Room, Session
from netchat.chat.moderation_handlers import post_refusal
from netchat.chat.moderation_rules import rank
from netchat.chat.names import fold
from netchat.chat.ordering import answers, propose
from netchat.chat.outcomes import Outcome, Reason, Rejected
from netchat.chat.server_state import ServerState
from netchat.chat.text import validate_text
from netchat.errors import HistoryError
from netchat.wire import (
    HEADER_SIZE,
    Annotate,
    ErrorCode,
    Event,
    EventKind,
    Frame,
    RoomKind,
    decode,
)
from netchat.wire.annotations import ANNOTATIONS, MESSAGE_KINDS, reaction_problem
from netchat.wire.file_offers import parse_offer

__all__ = ["handle_annotate"]

#: Cost of an ANNOTATE, in frames of the rate limit: an event is read from the history.
ANNOTATE_COST = 2

_KINDS = ", ".join(kind.name for kind in sorted(ANNOTATIONS))

_NO_MESSAGE = "There is no message {0} in this room; it may have been deleted."
_NOT_SEALED = "This room is sealed: the server accepts only sealed messages."


def handle_annotate(
    state: ServerState, connection: Connection, session: Session, message: Annotate
) -> None:
    """Handle ANNOTATE."""
    connection.allowance -= ANNOTATE_COST - 1
    counter, code = message.counter, message.room
    room = session.rooms.get(code)
    if room is None:
        refuse_non_member(state, connection, code, Annotate, counter)
        return
    known = find_last_counter(state, connection, session, room, Annotate, counter)
    if known is None:
        return
    refusal = _form_refusal(state, room, message)
    if refusal is not None:
        state.refuse(connection, *refusal, Annotate, counter)
        return
    if refuse_large_counter(state, connection, Annotate, counter):
        return
    try:
        target = _read(state, room, message.target)
    except HistoryError as error:
        state.note_damage(room, error)
        why = "The server's history is damaged: the message cannot be read."
        state.refuse(connection, ErrorCode.STORAGE, why, Annotate, counter)
        return
    if target is None or not _fits(message.kind, target):
        text = _NO_MESSAGE.format(message.target)
        if target is not None and message.kind == EventKind.EDIT:
            text = f"Event {message.target} is not a text, so that it cannot be edited."
        state.refuse(connection, ErrorCode.NO_SUCH_MESSAGE, text, Annotate, counter)
        return
    is_own = _is_own(session, target)
    if not is_own and not _may_change(state, session, room, message.kind):
        state.refuse(
            connection, ErrorCode.NOT_ALLOWED, _not_own(message.kind, message.target), Annotate, counter
        )  # fmt: skip
        return
    offer = parse_offer(target.text) if target.kind == EventKind.FILE else None
    sha256 = offer.sha256 if offer is not None and message.kind == EventKind.DELETE else b""
    command = PostAnnotation(
        session.id,
        session.attachment,
        counter,
        known,
        state.time,
        message.kind,
        message.target,
        int(is_own),
        code,
        message.text,
        sha256,
    )
    propose(state, command, connection, message)


def _form_refusal(
    state: ServerState, room: Room, message: Annotate
) -> tuple[ErrorCode, str] | None:
    """Return why the fields of a message are not allowed, or None."""
    kind, text = message.kind, message.text
    if kind not in ANNOTATIONS:
        problem = f"The kind of an ANNOTATE must be one of {_KINDS}, got {kind}."
        return ErrorCode.NOT_POSSIBLE, problem
    if room.kind is RoomKind.SEALED:
        return ErrorCode.NOT_SEALED, _NOT_SEALED
    if kind == EventKind.DELETE:
        problem = "The text of a deletion must be empty." if text else ""
        return (ErrorCode.TEXT_NOT_ALLOWED, problem) if problem else None
    size, limit = len(text.encode()), state.settings.max_text
    if size > limit:
        problem = f"The message must be at most {limit} bytes, got {size}. Send it in parts."
        return ErrorCode.TEXT_TOO_LONG, problem
    reason = validate_text(text)
    if reason is None and kind == EventKind.REACTION:
        reason = reaction_problem(text) or None
    return (ErrorCode.TEXT_NOT_ALLOWED, reason) if reason is not None else None


def _read(state: ServerState, room: Room, seq: int) -> Event | None:
    """Return an event that members can read, or None; sealed ones are not for the server."""
    feed = state.feeds[room.id]
    if not feed.oldest <= seq <= feed.delivered:
        return None
    frames, first = state.history.read(room.id, seq, seq, 1)
    if first != seq or frames[0][3] != Event.TYPE:
        return None
    event = decode(Frame(Event.TYPE, frames[0][HEADER_SIZE:]))
    assert isinstance(event, Event)
    return event if event.kind in MESSAGE_KINDS else None


def _fits(kind: int, target: Event) -> bool:
    return not (kind == EventKind.EDIT and target.kind == EventKind.FILE)


def _is_own(session: Session, event: Event) -> bool:
    """Return whether a user sent a message: from this device, or with this account."""
    if event.device == session.device:
        return True
    account = session.account
    # Before the registration, a guest may have had the name.
    return (
        account is not None
        and event.time >= account.created
        and fold(event.sender) == fold(account.name)
    )


def _may_change(state: ServerState, session: Session, room: Room, kind: int) -> bool:
    """Return whether a user may do this to the message of another user."""
    if kind == EventKind.DELETE:
        return rank(state.shared, session, room) > 0
    return kind != EventKind.EDIT


def _not_own(kind: int, target: int) -> str:
    does, end = ("edit", "") if kind == EventKind.EDIT else ("delete", " or a moderator")
    return f"Only its sender{end} can {does} message {target}."


@answers(PostAnnotation)
def _answered(
    state: ServerState,
    connection: Connection,
    message: Annotate,
    command: PostAnnotation,
    outcome: Outcome,
) -> None:
    assert isinstance(outcome, Rejected), "the event is the answer"
    counter, reason = message.counter, outcome.reason
    if reason is Reason.REPEATED:
        room = state.shared.sessions[command.session].rooms[command.room]
        answer_repeated(state, connection, room, counter)
    elif reason is Reason.NOT_A_MEMBER:
        refuse_non_member(state, connection, message.room, Annotate, counter)
    elif refusal := post_refusal(state, command, reason):
        state.refuse(connection, *refusal, Annotate, counter)
    elif reason is Reason.NOT_ALLOWED:
        text = _not_own(message.kind, message.target)
        state.refuse(connection, ErrorCode.NOT_ALLOWED, text, Annotate, counter)
    else:
        text = "The other user has left; nothing was delivered."
        state.refuse(connection, ErrorCode.NO_SUCH_USER, text, Annotate, counter)
