"""Ordering of commands, and what follows from their changes on this server.

On a single server a command is in order as soon as it is proposed: it is applied at once. In a cluster
the driver appends it to the log, and it is applied when it comes back. Its changes go to the current
batch, and what users see of them waits there until the batch is durable.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from netchat.chat.apply import apply
from netchat.chat.commands import (
    ChatCommand,
    DeleteRoom,
    OpenSession,
    Post,
    PostSealed,
    ResumeSession,
)
from netchat.chat.commit_actions import SendJoined, SendMessage, Unfollow
from netchat.chat.connection import Absence, Connection, RoomFeed
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
from netchat.chat.proposals import Proposal
from netchat.chat.server_state import ServerState
from netchat.wire import Bye, ErrorCode, Left, RoomKind

__all__ = ["FENCED", "answers", "apply_next", "propose"]

#: Answers a request: called with the connection, the request, its command, and the outcome.
Answer = Callable[[ServerState, Connection, Any, Any, Outcome], None]

_ANSWERS: dict[type[ChatCommand], Answer] = {}

#: Reason in BYE for the clients of a server whose lease has ended.
FENCED = "The server was away from its cluster."

_A = TypeVar("_A", bound=Answer)


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
    if not isinstance(outcome, Rejected):
        _follow_up(state, outcome)
        if type(command) in (Post, PostSealed):
            return  # the event is the answer
    elif outcome.reason is Reason.STALE and type(command) not in (OpenSession, ResumeSession):
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
            frames = batch.frames.get(feed)
            if frames is None:
                frames = batch.frames[feed] = []
            frames.append(frame)
            batch.size += len(frame)
        else:
            _FOLLOW_UPS[type(change)](state, change)


def _saved(state: ServerState, change: SessionRow | EpochRow | DeviceRow | DeviceDeleted) -> None:
    state.batch.changes.append(change)


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
            text = "The session was resumed on another connection."
            state.disconnect(connection, ErrorCode.SESSION_MOVED, text)


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


def _session_deleted(state: ServerState, change: SessionDeleted) -> None:
    state.batch.changes.append(change)


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


_FOLLOW_UPS: dict[type[StateChange], Callable[[ServerState, Any], None]] = {
    ConversationOpened: _conversation_opened,
    MembershipDeleted: _member_removed,
    MembershipRow: _member_added,
    RoomDeleted: _room_deleted,
    RoomEmptied: _room_emptied,
    MemberLeft: _room_left,
    RoomRow: _room_created,
    SessionAway: _session_away,
    SessionDeleted: _session_deleted,
    SessionClosed: _session_ended,
    SessionMoved: _session_moved,
    SessionRow: _saved,
    EpochRow: _saved,
    DeviceRow: _saved,
    DeviceDeleted: _saved,
}
