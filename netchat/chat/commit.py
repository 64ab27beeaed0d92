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
from netchat.chat.connection import RoomFeed
from netchat.chat.effects import Fanout
from netchat.chat.model import Session
from netchat.chat.persistence import Batch
from netchat.chat.server_state import ServerState
from netchat.wire import Bye, Feature, Joined, Membership, Welcome

__all__ = ["commit"]


def commit(state: ServerState, batch: Batch) -> None:
    """Carry out the actions of a durable batch, and send its events between them."""
    for action in batch.before:
        _carry_out(state, action)
    for feed, frames in batch.frames.items():
        data = b"".join(frames)
        first = feed.delivered + 1
        feed.delivered += len(frames)
        feed.tail.add(first, feed.delivered, data)
        if feed.live:
            state.effects.append(Fanout(list(feed.live), data))
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
        case Unfollow(connection, feed):
            state.unfollow(connection, feed)
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
    known = Feature.SEALED | Feature.SERVERS if state.servers_frame else Feature.SEALED
    features = action.features & known
    starts = [
        (feed, feed.start_position((positions or {}).get(feed.room.code)))
        for feed in action.feeds
        if session.rooms.get(feed.room.code) is feed.room
    ]
    state.send(
        connection,
        Welcome(
            features=features,
            session=session.id,
            device=session.device,
            time=action.time,
            max_frame=settings.max_frame,
            max_text=settings.max_text,
            resume_seconds=int(settings.resume_seconds),
            resumed=positions is not None,
            token=action.token,
            name=session.name,
            software=state.software,
            rooms=tuple(_membership(feed, session, after) for feed, after in starts),
        ),
    )
    if features & Feature.SERVERS:
        state.follows_servers[connection] = None
        state.write(connection, state.servers_frame)
    for feed, after in starts:
        state.follow(connection, feed, after)


def _send_joined(state: ServerState, action: SendJoined) -> None:
    connection, session, feed, request, after = action
    if connection.session is not session:
        return
    after = feed.delivered if after is None else max(after, feed.oldest - 1)
    record = _membership(feed, session, after)
    state.send(connection, Joined(request, len(feed.room.members), (record,)))
    state.follow(connection, feed, after)


def _membership(feed: RoomFeed, session: Session, after: int) -> Membership:
    """Return the record that describes a room to its member."""
    room = feed.room
    return Membership(room.code, room.kind, room.peer_of(session), room.log, after, feed.delivered)
