"""Ordering of commands, and what follows from their changes on this server.

On a single server a command is in order as soon as it is proposed: it is applied at once. In a cluster
the driver appends it to the log, and it is applied when it comes back. Its changes go to the current
batch, and what users see of them waits there until the batch is durable.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from netchat.chat.apply import apply
from netchat.chat.commands import (
    ChatCommand,
    DeleteRoom,
    OfferFile,
    OpenSession,
    Post,
    PostAnnotation,
    PostSealed,
    ResumeSession,
)
from netchat.chat.commit_actions import (
    ClearFeed,
    CloseFeed,
    Dismiss,
    ForgetErased,
    SendJoined,
    SendMessage,
    SendRoomState,
    Unfollow,
)
from netchat.chat.connection import Absence, Connection, RoomFeed
from netchat.chat.outcomes import (
    ConversationOpened,
    MemberLeft,
    Outcome,
    Reason,
    Rejected,
    RoleChanged,
    RoomClosed,
    RoomEmptied,
    SessionAway,
    SessionClosed,
    SessionMoved,
    SessionRemoved,
    StateChange,
)
from netchat.chat.persistence import (
    AccountDeleted,
    AccountRow,
    AuditRow,
    Change,
    DeviceDeleted,
    DeviceRow,
    EditRow,
    EpochRow,
    EventErased,
    EventRow,
    HistoryCleared,
    InvitationDeleted,
    InvitationRow,
    MembershipDeleted,
    MembershipRow,
    RoomDeleted,
    RoomRow,
    RulesRow,
    SessionDeleted,
    SessionRow,
)
from netchat.chat.plain_events import KIND_AT, LAST_PLAIN
from netchat.chat.proposals import Proposal
from netchat.chat.server_state import ServerState
from netchat.wire import AccountStatus, Bye, ErrorCode, Left, ModeratorAction, Role, RoomKind
from netchat.wire.moderation_text import HOST

__all__ = ["FENCED", "OperatorRequest", "answers", "apply_next", "propose"]

#: Answers a request: called with the connection, the request, its command, and the outcome.
Answer = Callable[[ServerState, Connection, Any, Any, Outcome], None]

_ANSWERS: dict[type[ChatCommand], Answer] = {}

#: Reason in BYE for the clients of a server whose lease has ended.
FENCED = "The server was away from its cluster."

#: Commands whose event is the answer.
_MESSAGES = (Post, PostAnnotation, PostSealed, OfferFile)

#: Commands that no session has caused, so that they are answered even if they are stale.
_OF_NO_SESSION = (OpenSession, ResumeSession)

_A = TypeVar("_A", bound=Answer)


class OperatorRequest(NamedTuple):
    """A request of the operator of the server, who has no connection."""

    answer: Callable[[Outcome], None]
    """Called with the outcome of its command."""


def answers(kind: type[ChatCommand]) -> Callable[[_A], _A]:
    """Declare the function that answers the requests that were proposed as a type of command.

    It is not called for a stale request, whose connection has lost its session; HELLO is never stale.
    """

    def declare(answer: _A) -> _A:
        _ANSWERS[kind] = answer
        return answer

    return declare


def propose(
    state: ServerState,
    command: ChatCommand,
    connection: Connection | None = None,
    request: object = None,
) -> None:
    """Propose a command, and answer the request that it came from.

    Args:
        state: The server's state.
        command: The command.
        connection: The connection to answer to, or None if there is nothing to answer.
        request: The request, for the answer.
    """
    if state.proposals is None:
        apply_next(state, command, connection, request)
    else:
        state.proposals.add(Proposal(command, connection, request))


def apply_next(
    state: ServerState,
    command: ChatCommand,
    connection: Connection | None = None,
    request: object = None,
) -> None:
    """Apply the next command of the log; the arguments are those of `propose`."""
    outcome = apply(state.shared, command)
    if type(request) is OperatorRequest:
        request.answer(outcome)
    if not isinstance(outcome, Rejected):
        _follow_up(state, outcome)
        if type(command) in _MESSAGES:
            return  # the event is the answer
    elif outcome.reason is Reason.STALE and type(command) not in _OF_NO_SESSION:
        return  # its session has left the connection, which is closed
    if connection is not None:
        _ANSWERS[type(command)](state, connection, request, command, outcome)


def _follow_up(state: ServerState, changes: list[StateChange]) -> None:
    """Add changes to the batch, and update the connections and feeds of this server."""
    batch = state.batch
    for change in changes:
        if type(change) is EventRow:
            number, device, frame = change.room, change.device, change.frame
            batch.rows.append(change)
            if device:
                batch.counters[number, device] = change.counter
            feed = state.feeds[number]
            # Of a SEALED_EVENT, this is the first byte of the length of its room's code: 0.
            if frame[KIND_AT] > LAST_PLAIN:
                batch.uncommon.add(feed)
            frames = batch.frames.get(feed)
            if frames is None:
                frames = batch.frames[feed] = []
            frames.append(frame)
            batch.size += len(frame)
        else:
            _FOLLOW_UPS[type(change)](state, change)


def _saved(state: ServerState, change: Change) -> None:
    state.batch.changes.append(change)


def _account_saved(state: ServerState, change: AccountRow) -> None:
    state.batch.changes.append(change)
    account = state.shared.accounts.get(change.id)
    if account is None or account.session is None:
        return
    connection = state.attached.get(account.session.id)
    if connection is not None and connection.told_role not in (None, change.role):
        connection.told_role = Role(change.role)
        status = AccountStatus(0, change.role, change.name, b"")
        state.batch.after.append(SendMessage(connection, status))


def _session_moved(state: ServerState, change: SessionMoved) -> None:
    absence = state.away.pop(change.id, None)
    if absence is not None:
        state.user_shares.release(absence.share)
    connection = state.attached.pop(change.id, None)
    if connection is not None:
        state.user_shares.release(connection.share)
        for number in change.rooms:  # the session may have left them by now
            state.feeds[number].live.pop(connection, None)
        state.detach(connection)
        if connection in state.connections:
            state.disconnect(connection, ErrorCode.SESSION_MOVED, change.text)


def _session_away(state: ServerState, change: SessionAway) -> None:
    connection = state.attached.pop(change.id, None)
    share = connection.share if connection is not None else ""
    if connection is None:  # it was on another server
        state.user_shares.acquire(share)
    state.away[change.id] = Absence(state.now, share)
    if connection in state.connections:  # the cluster has declared this server expired
        assert connection is not None
        state.detach(connection)
        state.send(connection, Bye(FENCED))
        state.close(connection)


def _session_ended(state: ServerState, change: SessionClosed) -> None:
    user = state.attached.pop(change.id, None) or state.away.pop(change.id, None)
    if user is not None:
        state.user_shares.release(user.share)
    state.log("left", name=change.name, why=change.reason, users=change.remaining)


def _room_created(state: ServerState, change: RoomRow) -> None:
    state.batch.changes.append(change)
    state.feeds[change.id] = RoomFeed(state.shared.rooms[change.code])


def _room_deleted(state: ServerState, change: RoomDeleted) -> None:
    state.batch.changes.append(change)
    room = state.feeds[change.id].room
    if room.kind is not RoomKind.PRIVATE:
        state.log("room deleted", room=room.code)
    state.remove_feed(change.id)


def _room_emptied(state: ServerState, change: RoomEmptied) -> None:
    feed = state.feeds[change.id]
    # An address above its share of empty rooms loses its own rooms, not those of others.
    has_space = state.empty_shares.allows(feed.share)
    state.mark_empty(feed)
    if not has_space:
        propose(state, DeleteRoom(feed.room.head, feed.room.code))


def _member_added(state: ServerState, change: MembershipRow) -> None:
    state.batch.changes.append(change)
    state.mark_occupied(state.feeds[change.room])


def _member_removed(state: ServerState, change: MembershipDeleted) -> None:
    batch = state.batch
    batch.changes.append(change)
    batch.left.add((change.session, change.room))
    connection = state.attached.get(change.session)
    if connection is not None and not connection.finished:
        feed = state.feeds[change.room]
        state.leaving.setdefault(connection, []).append(feed)
        batch.after.append(Unfollow(connection, feed))


def _room_left(state: ServerState, change: MemberLeft) -> None:
    connection = state.attached.get(change.session)
    if connection is not None:
        state.batch.after.append(SendMessage(connection, Left(change.request, change.room)))


def _conversation_opened(state: ServerState, change: ConversationOpened) -> None:
    connection = state.attached.get(change.session)
    if connection is not None:
        session, feed = state.shared.sessions[change.session], state.feeds[change.room]
        state.batch.before.append(SendJoined(connection, session, feed, 0, 0))


def _rules_changed(state: ServerState, change: RulesRow) -> None:
    state.batch.changes.append(change)


def _audited(state: ServerState, change: AuditRow) -> None:
    state.batch.changes.append(change)
    action = ModeratorAction(change.action).name.lower()
    state.log(
        "moderated",
        name=change.actor or HOST,
        action=action,
        room=change.room,
        target=change.target,
        why=change.text,
    )


def _session_removed(state: ServerState, change: SessionRemoved) -> None:
    connection = state.attached.get(change.id)
    if connection is not None and not connection.finished:
        connection.closing = True  # ignore later frames
        state.batch.after.append(Dismiss(connection, change.text))


def _role_changed(state: ServerState, change: RoleChanged) -> None:
    """Send a user's role in the room, and in all rooms if it is the lobby."""
    connection, session = state.attached.get(change.session), state.shared.sessions[change.session]
    if connection is None:
        return
    changed = state.feeds[change.room].room
    rooms = session.rooms.values() if changed.kind is RoomKind.LOBBY else (changed,)
    for room in rooms:
        feed = state.feeds[room.id]
        state.batch.after.append(SendRoomState(connection, session, feed))


def _history_cleared(state: ServerState, change: HistoryCleared) -> None:
    state.batch.changes.append(change)
    state.batch.after.append(ClearFeed(state.feeds[change.room], change.floor))


def _event_erased(state: ServerState, change: EventErased) -> None:
    state.batch.changes.append(change)
    state.batch.after.append(ForgetErased(state.feeds[change.room], change.sha256))


def _room_closed(state: ServerState, change: RoomClosed) -> None:
    feed, attached, leaving = state.feeds[change.room], state.attached, state.leaving
    found = map(attached.get, change.sessions)
    connections = [one for one in found if one is not None and not one.finished]
    lagging = [one for one in connections if one not in feed.live]
    for connection in lagging:  # they get the last events first
        leaving.setdefault(connection, []).append(feed)
    state.closing[feed] = None
    state.batch.after.append(CloseFeed(feed, change.code, connections, lagging))


_FOLLOW_UPS: dict[type[StateChange], Callable[[ServerState, Any], None]] = {
    AccountDeleted: _saved,
    AccountRow: _account_saved,
    AuditRow: _audited,
    ConversationOpened: _conversation_opened,
    InvitationDeleted: _saved,
    InvitationRow: _saved,
    HistoryCleared: _history_cleared,
    MembershipDeleted: _member_removed,
    MembershipRow: _member_added,
    RoomDeleted: _room_deleted,
    RoomEmptied: _room_emptied,
    MemberLeft: _room_left,
    RoleChanged: _role_changed,
    RoomClosed: _room_closed,
    RoomRow: _room_created,
    RulesRow: _rules_changed,
    SessionAway: _session_away,
    SessionDeleted: _saved,
    SessionClosed: _session_ended,
    SessionMoved: _session_moved,
    SessionRemoved: _session_removed,
    SessionRow: _saved,
    EpochRow: _saved,
    DeviceRow: _saved,
    DeviceDeleted: _saved,
    EditRow: _saved,
    EventErased: _event_erased,
}
