"""Handlers of MODERATE and BANS, and the texts for users whom moderation stops."""

from __future__ import annotations

from collections.abc import Callable

from netchat.chat.commands import ModerateRoom, OfferFile, Post, PostAnnotation, PostSealed
from netchat.chat.commit_actions import SendMessage
from netchat.chat.connection import Connection
from netchat.chat.fair_shares import share_of
from netchat.chat.large_replies import refuse_non_member
from netchat.chat.model import Room, Session
from netchat.chat.moderation_rules import (
    ABOUT_USERS,
    OWNER_ACTIONS,
    entry_problem,
    find_mute,
    rank,
    server_ban,
)
from netchat.chat.names import normalize_name
from netchat.chat.ordering import OperatorRequest, answers, propose
from netchat.chat.outcomes import Outcome, Reason, Rejected
from netchat.chat.room_codes import LOBBY
from netchat.chat.room_moderation import BanRecord, BanScope, MuteRecord
from netchat.chat.server_state import ServerState
from netchat.chat.text import validate_text
from netchat.wire import Bans, ErrorCode, Moderate, Moderated, ModeratorAction, RoomKind
from netchat.wire.moderation_text import HOST, duration_words

__all__ = [
    "MAX_REASON",
    "MAX_TITLE",
    "address_ban",
    "ban_text",
    "bans",
    "entry_refusal",
    "find_address",
    "moderate",
    "mute_text",
    "operate",
    "post_refusal",
    "problem_of",
    "refusal_of",
    "server_ban_text",
]

#: Longest reason and title, in characters.
MAX_REASON, MAX_TITLE = 200, 60

#: Cost of a MODERATE, in frames of the rate limit: it is stored, and each member gets an event.
MODERATE_COST = 50

#: Cost of a page of bans, in frames.
BANS_COST = 20

_BAN_SCOPES = BanScope.NAME | BanScope.DEVICE | BanScope.ADDRESS


def problem_of(action: int, scope: int, text: str) -> str | None:
    """Return why a request of a moderator is not valid, or None."""
    if action not in set(ModeratorAction):
        return f"The action {action} is unknown; actions are 1 to {max(ModeratorAction)}."
    if scope and (action != ModeratorAction.BAN or scope > _BAN_SCOPES):
        return f"The scope of a ban must be 0 to {int(_BAN_SCOPES)}, and of other actions 0, got {scope}."
    limit, what = (
        (MAX_TITLE, "title") if action == ModeratorAction.TITLE else (MAX_REASON, "reason")
    )
    if len(text) > limit:
        return f"A {what} must have at most {limit} characters, got {len(text)}."
    if text and (validate_text(text) is not None or "\n" in text or "\t" in text):
        return f"A {what} must be one line without control characters."
    if what == "title" and text and not any(c.isprintable() and not c.isspace() for c in text):
        return "A title must have a visible character."
    return None


def find_address(state: ServerState, target: str, user: Session | None) -> str:
    """Return the address group to ban, or an empty string if it is unknown.

    Args:
        state: The server's state.
        target: Name of a user or an address.
        user: The user with that name, if there is one.
    """
    if user is not None:
        connection = state.attached.get(user.id)
        absence = state.away.get(user.id)
        return connection.share if connection is not None else absence.share if absence else ""
    is_address = len(target) <= 45 and ("." in target or ":" in target)
    return share_of(target) if is_address else ""


def moderate(
    state: ServerState, connection: Connection, session: Session, message: Moderate
) -> None:
    """Handle MODERATE."""
    connection.allowance -= MODERATE_COST
    room = session.rooms.get(message.room)
    if room is None:
        refuse_non_member(state, connection, message.room, Moderate, message.request)
        return
    problem = problem_of(message.action, message.scope, message.text)
    if problem is None and room.kind is RoomKind.PRIVATE:
        problem = "Private rooms have no moderators."
    if problem is not None:
        state.refuse(connection, ErrorCode.NOT_POSSIBLE, problem, Moderate, message.request)
        return
    about = message.action in ABOUT_USERS
    user = state.shared.by_name.get(message.target) if about else None
    target = user.name if user is not None else normalize_name(message.target)[:MAX_TITLE]
    address = ""
    if message.scope & BanScope.ADDRESS:
        address = find_address(state, target, user)
    command = ModerateRoom(
        session.id,
        session.attachment,
        state.time,
        user.id if user is not None else 0,
        message.action,
        message.scope,
        message.seconds,
        message.room,
        target if about else "",
        address,
        message.text,
    )
    propose(state, command, connection, message)


def operate(
    state: ServerState,
    request: Moderate,
    answer: Callable[[str], None],
) -> None:
    """Carry out an action for the operator of the server.

    Args:
        state: The server's state.
        request: The action.
        answer: Called with what is wrong, or an empty string, once the action has its position in the log.
    """
    problem = problem_of(request.action, request.scope, request.text)
    if problem is not None:
        answer(problem)
        return
    about = request.action in ABOUT_USERS
    user = state.shared.by_name.get(request.target) if about else None
    target = user.name if user is not None else normalize_name(request.target)[:MAX_TITLE]
    command = ModerateRoom(
        0,
        0,
        state.time,
        user.id if user is not None else 0,
        request.action,
        request.scope,
        request.seconds,
        request.room,
        target if about else "",
        find_address(state, target, user) if request.scope & BanScope.ADDRESS else "",
        request.text,
    )

    def answered(outcome: Outcome) -> None:
        answer(refusal_of(command, outcome.reason)[1] if isinstance(outcome, Rejected) else "")

    propose(state, command, None, OperatorRequest(answered))


@answers(ModerateRoom)
def _moderated(
    state: ServerState,
    connection: Connection,
    message: Moderate,
    command: ModerateRoom,
    outcome: Outcome,
) -> None:
    if isinstance(outcome, Rejected):
        session = state.shared.sessions[command.session]
        room = session.rooms.get(command.room)
        is_moderator = room is not None and rank(state.shared, session, room) > 0
        code, text = refusal_of(command, outcome.reason, is_moderator=is_moderator)
        state.refuse(connection, code, text, Moderate, message.request)
        return
    answer = Moderated(message.request, message.action, message.room)
    state.batch.after.append(SendMessage(connection, answer))


def refusal_of(
    command: ModerateRoom, reason: Reason, *, is_moderator: bool = True
) -> tuple[ErrorCode, str]:
    """Return the code and text of the ERROR about a rejected action.

    Args:
        command: The action.
        reason: Why it was rejected.
        is_moderator: Whether a moderator of the room requested it.
    """
    action = command.action
    match reason:
        case Reason.NOT_A_MEMBER:
            return ErrorCode.NOT_A_MEMBER, "You are no longer in this room."
        case Reason.NO_SUCH_ROOM:
            return ErrorCode.NO_SUCH_ROOM, f"There is no room {command.room[:40]}."
        case Reason.NO_SUCH_USER:
            return ErrorCode.NO_SUCH_USER, _no_such_user(command)
        case Reason.NOT_ALLOWED:
            return ErrorCode.NOT_ALLOWED, _not_allowed(command, is_moderator=is_moderator)
        case Reason.TOO_MANY:
            return ErrorCode.TOO_MANY, (
                "This room has the maximum number of bans, mutes or moderators; remove one first."
            )
        case Reason.NOTHING_TO_CHANGE:
            return ErrorCode.NOTHING_TO_CHANGE, _nothing(command)
        case _:
            text = (
                "The lobby cannot be closed."
                if action == ModeratorAction.CLOSE
                else ("This is not possible in this room.")
            )
            return ErrorCode.NOT_POSSIBLE, text


def _no_such_user(command: ModerateRoom) -> str:
    target = command.target or "that name"
    if command.action == ModeratorAction.UNBAN:
        return f"There is no ban of {target} in this room; /bans lists them."
    if command.scope & BanScope.ADDRESS and not command.address:
        return (
            f"The address of {target} is not known to this server; name an address, or ban the name "
            "and the device."
        )
    if command.action in (ModeratorAction.KICK, ModeratorAction.MUTE) and command.user:
        return f"{target} is not in this room."
    return f"There is no user named {target}; /who lists the members."


def _not_allowed(command: ModerateRoom, *, is_moderator: bool) -> str:
    if not is_moderator:
        return "Only a moderator of this room can do this."
    if command.action in OWNER_ACTIONS:
        return "Only an owner can appoint and dismiss moderators."
    if command.scope & BanScope.ADDRESS:
        return "Only an owner can ban an address, because it may be that of many users."
    return f"You cannot do this to {command.target}, who is also a moderator."


def _nothing(command: ModerateRoom) -> str:
    target = command.target
    match command.action:
        case ModeratorAction.UNMUTE:
            return f"{target} is not muted."
        case ModeratorAction.APPOINT:
            return f"{target} is a moderator already."
        case ModeratorAction.DISMISS:
            return f"{target} was not appointed in this room."
        case ModeratorAction.TITLE:
            return "The room has this title already."
        case _:
            return "The room is in this state already."


# -- users whom moderation stops ------------------------------------------------------------------


def _lasting(until: int, time: int) -> str:
    if not until:
        return ""
    seconds = max(1, -(-(until - time) // 1_000_000))
    for unit in (86_400, 3600, 60):
        if seconds > 2 * unit:  # a rough figure is enough
            seconds = -(-seconds // unit) * unit
            break
    return f" for another {duration_words(seconds)}"


def ban_text(ban: BanRecord, place: str, time: int) -> str:
    """Return what a banned user reads.

    Args:
        ban: The ban.
        place: `this server` or `this room`.
        time: The current time, in microseconds since 1970.
    """
    why = f": {ban.reason}" if ban.reason else "."
    return f"{ban.actor or HOST} has banned you from {place}{_lasting(ban.until, time)}{why}"


def mute_text(mute: MuteRecord, time: int) -> str:
    """Return what a muted user reads."""
    why = f": {mute.reason}" if mute.reason else "."
    return f"{mute.actor or HOST} has muted you{_lasting(mute.until, time)}{why}"


def address_ban(state: ServerState, connection: Connection, session: Session | None) -> str:
    """Return why a connection's address may not use the server, or an empty string.

    Args:
        state: The server's state.
        connection: The connection.
        session: The session that it resumes. A moderator at a banned address stays.
    """
    lobby = state.shared.rooms.get(LOBBY)
    if lobby is None or lobby.rules is None or not lobby.rules.bans:
        return ""
    if session is not None and rank(state.shared, session, lobby):
        return ""
    ban = lobby.rules.ban_of(state.time, "", 0, connection.share)
    return ban_text(ban, "this server", state.time) if ban is not None else ""


def server_ban_text(state: ServerState, name: str, device: int) -> str:
    """Return why a user may not use the server; the user is banned."""
    ban = server_ban(state.shared, state.time, name, device)
    return ban_text(ban, "this server", state.time) if ban is not None else "You are banned."


def entry_refusal(
    state: ServerState, connection: Connection, session: Session, room: Room
) -> tuple[ErrorCode, str] | None:
    """Return the code and text of the ERROR for a user who may not enter a room, or None."""
    rules = room.rules
    if rules is None or rank(state.shared, session, room):
        return None
    ban = rules.ban_of(state.time, session.name, session.device, connection.share)
    if ban is not None:
        return ErrorCode.BANNED, ban_text(ban, "this room", state.time)
    if entry_problem(state.shared, session, room, state.time) is not None:
        reason = f" Reason: {rules.lock_reason}" if rules.lock_reason else ""
        return ErrorCode.LOCKED, f"This room is locked: no new members can join.{reason}"
    return None


def post_refusal(
    state: ServerState, command: Post | PostAnnotation | PostSealed | OfferFile, reason: Reason
) -> tuple[ErrorCode, str] | None:
    """Return the code and text of the ERROR for a message that moderation has stopped, or None."""
    if reason is Reason.READ_ONLY:
        return ErrorCode.READ_ONLY, "This room is read-only: only moderators can write here."
    if reason is not Reason.MUTED:
        return None
    session = state.shared.sessions[command.session]
    mute = find_mute(session, session.rooms[command.room], command.time)
    assert mute is not None
    return ErrorCode.MUTED, mute_text(mute, command.time)


def bans(
    state: ServerState,
    connection: Connection,
    session: Session,  # noqa: ARG001 - all handlers share one signature
    message: Bans,
) -> None:
    """Handle BANS."""
    connection.allowance -= BANS_COST
    state.queue_reply(connection, message)
