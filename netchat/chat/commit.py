"""Commit of a durable batch: answers to requests, and events to the members of rooms."""

from __future__ import annotations

from netchat.chat import delivery
from netchat.chat.commit_actions import (
    AnswerRepeatedSend,
    CommitAction,
    FinishBye,
    SendJoined,
    SendMessage,
    SendWelcome,
    Unfollow,
)
from netchat.chat.effects import Fanout
from netchat.chat.model import Room, Session
from netchat.chat.persistence import Batch
from netchat.chat.server_state import ServerState
from netchat.version import __version__
from netchat.wire import Bye, Joined, Membership, Welcome

__all__ = ["commit"]


def commit(state: ServerState, batch: Batch) -> None:
    """Carry out the actions of a durable batch, and send its events between them."""
    for action in batch.before:
        _carry_out(state, action)
    for room, frames in batch.frames.items():
        data = b"".join(frames)
        first = room.delivered + 1
        room.delivered += len(frames)
        room.tail.add(first, room.delivered, data)
        if room.live:
            state.effects.append(Fanout(list(room.live), data))
    delivery.serve_leaving(state)
    for action in batch.after:
        _carry_out(state, action)


def _carry_out(state: ServerState, action: CommitAction) -> None:
    match action:
        case SendWelcome():
            _send_welcome(state, action)
        case SendJoined():
            _send_joined(state, action)
        case SendMessage(connection, message):
            state.send(connection, message)
        case Unfollow(connection, room):
            state.unfollow(connection, room)
        case AnswerRepeatedSend(connection, request):
            state.queue_reply(connection, request)
        case FinishBye(connection):
            state.detach(connection)
            state.send(connection, Bye(""))
            state.close(connection)


def _send_welcome(state: ServerState, action: SendWelcome) -> None:
    connection, session, positions = action.connection, action.session, action.positions
    if connection.session is not session:
        return
    settings = state.settings
    rooms = [
        (room, room.start_position((positions or {}).get(room.code)))
        for room in action.rooms
        if session.rooms.get(room.code) is room
    ]
    state.send(
        connection,
        Welcome(
            features=0,
            session=session.id,
            device=session.device,
            time=state.wall(action.now),
            max_frame=settings.max_frame,
            max_text=settings.max_text,
            resume_seconds=int(settings.resume_seconds),
            resumed=positions is not None,
            token=action.token,
            name=session.name,
            software=f"netchat {__version__}",
            rooms=tuple(_membership(room, session, after) for room, after in rooms),
        ),
    )
    for room, after in rooms:
        state.follow(connection, room, after)


def _send_joined(state: ServerState, action: SendJoined) -> None:
    connection, session, room, request, after = action
    if connection.session is not session:
        return
    after = room.delivered if after is None else max(after, room.oldest - 1)
    record = _membership(room, session, after)
    state.send(connection, Joined(request, len(room.members), (record,)))
    state.follow(connection, room, after)


def _membership(room: Room, session: Session, after: int) -> Membership:
    """Return the record that describes a room to its member."""
    return Membership(room.code, room.kind, room.peer_of(session), room.log, after, room.delivered)
