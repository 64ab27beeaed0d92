"""Commit of a durable batch: answers to requests, and events to the members of rooms."""

from __future__ import annotations

from netchat.chat import delivery
from netchat.chat.commit_actions import (
    AnswerRepeatedSend,
    ClearFeed,
    CloseFeed,
    CommitAction,
    Dismiss,
    FinishBye,
    ForgetErased,
    SendJoined,
    SendMessage,
    SendRoomState,
    SendWelcome,
    Unfollow,
)
from netchat.chat.connection import Connection, RoomFeed
from netchat.chat.effects import ClearHistory, Fanout
from netchat.chat.model import Session
from netchat.chat.moderation_rules import rank
from netchat.chat.persistence import Batch
from netchat.chat.plain_events import FORMS, plain_events, removal_code
from netchat.chat.server_state import ServerState
from netchat.wire import (
    AccountStatus,
    Bye,
    Error,
    Feature,
    Joined,
    Left,
    Membership,
    Read,
    RoomKind,
    RoomState,
    Welcome,
    encode,
)

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
        state.deliveries += len(frames) * len(feed.live)
        if feed.live and feed in batch.uncommon:
            _fan_out_in_forms(state, feed, data)
        elif feed.live:
            state.effects.append(Fanout(list(feed.live), data))
    delivery.serve_leaving(state)
    for action in batch.after:
        _carry_out(state, action)


def _fan_out_in_forms(state: ServerState, feed: RoomFeed, data: bytes) -> None:
    """Send events, some of them uncommon, in the form that each client handles."""
    groups: dict[int, list[Connection]] = {}
    for connection in feed.live:
        groups.setdefault(connection.features & FORMS, []).append(connection)
    for features, connections in groups.items():
        form = data if features == FORMS else plain_events(data, features)
        state.effects.append(Fanout(connections, form))


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
        case Dismiss(connection, text):
            state.detach(connection)
            state.send(connection, Error(removal_code(connection), 0, 0, text, ""))
            state.close(connection)
        case SendRoomState(connection, session, feed):
            if connection.session is session and session.rooms.get(feed.room.code) is feed.room:
                _send_room_state(state, connection, session, feed)
        case ClearFeed(feed, floor):
            feed.oldest = max(feed.oldest, floor)
            feed.tail.clear()
            state.effects.append(ClearHistory(feed.room.id, floor))
            if state.files is not None:
                state.files.clear_room(feed.room.log)
        case ForgetErased(feed, sha256):
            feed.tail.clear()  # it may contain the message
            if sha256 and state.files is not None:
                state.files.erase(feed.room.log, sha256)
        case CloseFeed():
            _close_feed(state, action)


def _send_welcome(state: ServerState, action: SendWelcome) -> None:
    connection, session, positions = action.connection, action.session, action.positions
    if connection.session is not session:
        return
    settings = state.settings
    offered = Feature.MODERATION | Feature.SEALED | Feature.ANNOTATIONS
    if state.servers_frame:
        offered |= Feature.SERVERS
    if settings.accounts != "off":
        offered |= Feature.ACCOUNTS
    if state.files is not None:
        offered |= Feature.FILES
    features = action.features & offered
    starts = [
        (feed, feed.start_position(positions.get(feed.room.code)))
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
            resumed=action.is_resumed,
            token=action.token,
            name=session.name,
            software=state.software,
            rooms=tuple(_membership(feed, session, after) for feed, after in starts),
        ),
    )
    if features & Feature.SERVERS:
        state.follows_servers[connection] = None
        state.write(connection, state.servers_frame)
    if features & Feature.ACCOUNTS:
        account = session.account
        name = account.name if account is not None else ""
        connection.told_role = session.role
        state.send(connection, AccountStatus(0, session.role, name, b""))
    for feed, _ in starts:
        _send_room_state(state, connection, session, feed)
        _send_read_marker(state, connection, session, feed)
    for feed, after in starts:
        state.follow(connection, feed, after)


def _send_joined(state: ServerState, action: SendJoined) -> None:
    connection, session, feed, request, after = action
    if connection.session is not session:
        return
    after = feed.delivered if after is None else max(after, feed.oldest - 1)
    record = _membership(feed, session, after)
    state.send(connection, Joined(request, len(feed.room.members), (record,)))
    _send_room_state(state, connection, session, feed)
    _send_read_marker(state, connection, session, feed)
    state.follow(connection, feed, after)


def _send_room_state(
    state: ServerState, connection: Connection, session: Session, feed: RoomFeed
) -> None:
    room = feed.room
    if connection.features & Feature.MODERATION and room.kind is not RoomKind.PRIVATE:
        flags = room.rules.flags if room.rules is not None else 0
        role = rank(state.shared, session, room)
        state.send(connection, RoomState(role, flags, room.code, room.title))


def _send_read_marker(
    state: ServerState, connection: Connection, session: Session, feed: RoomFeed
) -> None:
    account = session.account
    if account is not None and connection.features & Feature.ANNOTATIONS:
        seq = account.read.get(feed.room.id, 0)
        if seq:
            state.send(connection, Read(seq, feed.room.code))


def _close_feed(state: ServerState, action: CloseFeed) -> None:
    """Send LEFT to the former members of a closed room, all at once."""
    feed, code, connections, lagging = action
    del state.closing[feed]
    for connection in lagging:
        state.unfollow(connection, feed)
    feed.live = {}
    present = [one for one in connections if one in state.connections and not one.finished]
    if present:
        state.effects.append(Fanout(present, encode(Left(0, code))))


def _membership(feed: RoomFeed, session: Session, after: int) -> Membership:
    """Return the record that describes a room to its member."""
    room = feed.room
    return Membership(room.code, room.kind, room.peer_of(session), room.log, after, feed.delivered)
