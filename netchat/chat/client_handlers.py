"""Handlers of the messages that a client receives, one function per message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from netchat.chat.client_events import (
    AccountChanged,
    Acknowledged,
    ActionCompleted,
    BansReceived,
    EventsMissed,
    HistoryReceived,
    LoginFailed,
    LoginRequired,
    NameChanged,
    NameRejected,
    Online,
    RequestRefused,
    RoomDescribed,
    RoomEntered,
    RoomEvent,
    RoomLeft,
    RosterReceived,
    SearchCompleted,
    SessionEnded,
    Undelivered,
    WarningReceived,
)
from netchat.chat.client_session import ClientSession
from netchat.chat.names import fold
from netchat.chat.outbox import RoomView, shown_text, unsealed_message
from netchat.chat.room_moderation import RoomFlags
from netchat.errors import Unexpected
from netchat.wire import (
    AccountStatus,
    Ack,
    Annotate,
    BanList,
    Bye,
    Chunk,
    Create,
    CreateSealed,
    Devices,
    Download,
    Error,
    ErrorCode,
    Event,
    EventKind,
    Feature,
    Found,
    History,
    HistoryEnd,
    Join,
    Joined,
    Leave,
    Left,
    Membership,
    Message,
    Moderated,
    ModeratorAction,
    Offer,
    Ping,
    Pong,
    Private,
    Renamed,
    Role,
    RoomKind,
    RoomState,
    Roster,
    SealedEvent,
    SealedSend,
    Search,
    Send,
    Servers,
    Upload,
    UploadState,
    Welcome,
    encode,
)
from netchat.wire.moderation_text import KINDS, describe, parse_notice

__all__ = ["HANDLERS"]

#: Errors after which reconnecting would fail again.
_FATAL = {
    ErrorCode.BAD_FRAME,
    ErrorCode.UNEXPECTED,
    ErrorCode.SESSION_MOVED,
    ErrorCode.REMOVED,
}

#: Modes that actions set (True) or end.
_FLAGS: dict[int, tuple[int, bool]] = {
    ModeratorAction.LOCK: (RoomFlags.LOCKED, True),
    ModeratorAction.UNLOCK: (RoomFlags.LOCKED, False),
    ModeratorAction.READ_ONLY: (RoomFlags.READ_ONLY, True),
    ModeratorAction.WRITABLE: (RoomFlags.READ_ONLY, False),
}

#: The smallest code of an error after which the server does not close the connection.
FIRST_REFUSAL = 100

#: Maximum number of events that are kept while an earlier one is missing.
_MAX_OUT_OF_ORDER = 4096


def _welcome(client: ClientSession, message: Welcome) -> None:
    if client.online:
        raise Unexpected("WELCOME was sent twice")
    client.online = True
    client.name, client.device = message.name, message.device
    client.max_text, client.max_frame = message.max_text, message.max_frame
    client.has_accounts = bool(message.features & Feature.ACCOUNTS)
    client.has_moderation = bool(message.features & Feature.MODERATION)
    client.has_annotations = bool(message.features & Feature.ANNOTATIONS)
    if not client.has_annotations:
        _drop_annotations(client)
    memory = client.memory
    memory.token = message.token
    client.events.append(Online(message.name, bool(message.resumed), message.software))
    _start_sealing(client, message)
    current = {m.room for m in message.rooms}
    gone = [view for code, view in memory.rooms.items() if code not in current]
    pending, client.requests = client.requests, {}
    for membership in message.rooms:
        asked_for = {RoomKind.ROOM: Create, RoomKind.SEALED: CreateSealed}.get(membership.kind)  # type: ignore[call-overload]
        unknown = asked_for is not None and membership.room not in memory.rooms
        created = [n for n, r in pending.items() if isinstance(r, asked_for)] if unknown else []
        if created:  # the server created the room, but its answer was lost
            del pending[created[0]]
        answered = created[0] if created else 0
        _enter(client, membership, 0, asked=bool(created), request=answered)
    for view in gone:
        if message.resumed or view.kind is RoomKind.PRIVATE:
            _forget(client, view, "the conversation is over")
        else:
            # A new session: join again, and continue after the last event of the old one.
            client.ask(lambda n, v=view: Join(n, v.log, v.last, v.code))  # type: ignore[misc]
    for number, request in pending.items():
        done = (isinstance(request, Join) and request.room in memory.rooms) or (
            isinstance(request, Leave) and request.room not in memory.rooms
        )
        if not done:
            client.requests[number] = request
            client.out.append(encode(request))
    asked = {fold(r.name) for r in client.requests.values() if isinstance(r, Private)}
    for name in memory.private:
        if name not in asked:  # an earlier client ended before it got the room
            client.ask(lambda n, name=name: Private(n, name))  # type: ignore[misc]
    client.files.online(message.features)
    if client.pending_bye:
        client.out.append(client.pending_bye)


def _drop_annotations(client: ClientSession) -> None:
    """Give up what an older server would end the connection for."""
    for counter, message in list(client.memory.outbox.items()):
        if isinstance(message, Annotate):
            del client.memory.outbox[counter]
            why = "this server is too old to edit, delete, answer or react"
            client.events.append(Undelivered(shown_text(message), why, counter))
    for number, request in list(client.requests.items()):
        if isinstance(request, Search):
            del client.requests[number]
            text = "This server is too old to search."
            error = Error(ErrorCode.NOT_POSSIBLE, Search.TYPE, number, text, "")
            client.events.append(RequestRefused(error, request))


def _start_sealing(client: ClientSession, message: Welcome) -> None:
    """Publish the keys of this device, if the server supports sealed messages."""
    if not (client.can_seal and message.features & Feature.SEALED):
        client.sealing = None
        return
    if client.sealing is None:
        from netchat.chat.client_sealing import ClientSealing  # imports `cryptography`

        state = client.memory.sealing
        client.sealing = state.used = ClientSealing(client, state.dump())
    client.sealing.online()


def _joined(client: ClientSession, message: Joined) -> None:
    if len(message.membership) != 1:
        raise Unexpected(f"JOINED must name one room, got {len(message.membership)}")
    request = client.requests.pop(message.request, None)
    membership = message.membership[0]
    asked = bool(message.request)
    view = _enter(client, membership, message.members, asked=asked, request=message.request)
    if view.kind is RoomKind.PRIVATE:
        names = {fold(view.peer)}
        if isinstance(request, Private):  # the other user may have a new name by now
            names.add(fold(request.name))
        for name in names:
            for text in client.memory.private.pop(name, []):
                client.say(view.code, text)


def _enter(
    client: ClientSession,
    membership: Membership,
    members: int,
    *,
    asked: bool = False,
    request: int = 0,
) -> RoomView:
    """Set a room's position on this connection, adding the room if it is new."""
    rooms = client.memory.rooms
    view = rooms.get(membership.room)
    known = view is not None and view.log == membership.log
    if view is None or not known:
        try:
            kind = RoomKind(membership.kind)
        except ValueError:
            raise Unexpected(f"a room's kind must be 1 to 4, got {membership.kind}") from None
        view = rooms[membership.room] = RoomView(
            membership.room, kind, membership.peer, membership.log, membership.last
        )
    elif not view.is_positioned and membership.last > view.last:
        client.events.append(EventsMissed(view.code, view.last + 1, membership.last))
    if not view.is_positioned:
        view.is_positioned = True
        view.last, view.head = membership.last, membership.head
    view.peer = membership.peer or view.peer
    if not known or asked:
        client.events.append(RoomEntered(view.code, view.kind, view.peer, members, asked, request))
    if client.sealing is not None:
        client.sealing.entered(view, request)
    _finish_catching_up(client, view)
    return view


def _finish_catching_up(client: ClientSession, view: RoomView) -> None:
    """Once the room's head is reached, retransmit the unacknowledged messages."""
    if view.is_caught_up or view.last < view.head:
        return
    view.is_caught_up = True
    if client.sealing is not None and view.code in client.sealing.rooms:
        client.sealing.transmit(view.code)
        return
    waiting = [one for one in client.memory.outbox.values() if one.room == view.code]
    client.out += [encode(unsealed_message(one)) for one in waiting]


def _event(client: ClientSession, event: Event | SealedEvent) -> None:
    view = client.memory.rooms.get(event.room)
    if view is None:
        return
    if event.seq <= view.last:
        _add_to_history(client, event)
    elif event.seq == view.last + 1:
        _apply(client, view, event)
        _apply_out_of_order(client, view)
    elif len(view.out_of_order) < _MAX_OUT_OF_ORDER:
        if not view.out_of_order:
            first, last = view.last + 1, event.seq - 1
            client.gap_requests.add(client.ask(lambda n: History(n, first, last, view.code)))
        view.out_of_order[event.seq] = event


def _apply_out_of_order(client: ClientSession, view: RoomView) -> None:
    """Apply the early events that are next in order."""
    while (event := view.out_of_order.pop(view.last + 1, None)) is not None:
        _apply(client, view, event)
    _finish_catching_up(client, view)


def _add_to_history(client: ClientSession, event: Event | SealedEvent) -> None:
    """Add an event that was applied before to the HISTORY request that it answers, if any."""
    for number, events in client.history_replies.items():
        asked = client.requests.get(number)
        if (
            isinstance(asked, History)
            and asked.room == event.room
            and asked.first <= event.seq <= asked.last
            and (not events or events[-1].seq < event.seq)
        ):
            events.append(event)
            return


def _apply(client: ClientSession, view: RoomView, event: Event | SealedEvent) -> None:
    view.last = event.seq
    own = bool(event.device) and event.device == client.device
    if own:
        client.memory.outbox.pop(event.counter, None)
    late = event.seq <= view.head
    if client.sealing is not None:
        client.sealing.apply(view, event, own=own, late=late)
    elif isinstance(event, Event):
        client.events.append(RoomEvent(event, view.kind, view.peer, own, late))
    if isinstance(event, SealedEvent):
        return
    if event.kind in KINDS:
        _apply_moderation(client, view, event, late=late)
    if view.kind is not RoomKind.PRIVATE:
        return
    if event.kind == EventKind.RENAME and event.sender == view.peer:
        view.peer = event.text
    elif event.kind == EventKind.LEAVE and event.sender != client.name:
        # The other user has left, and another user may take the name.
        view.peer = ""
        if not any(isinstance(r, Leave) and r.room == view.code for r in client.requests.values()):
            client.leave(view.code)


def _apply_moderation(client: ClientSession, view: RoomView, event: Event, *, late: bool) -> None:
    """Follow a moderator's change of a room."""
    notice = parse_notice(event)
    if event.kind == EventKind.REMOVED:
        if event.sender == client.name:
            view.removal = describe(notice)
    elif event.kind == EventKind.ROOM_CHANGED and not late:  # else ROOM_STATE was later
        if notice.action == ModeratorAction.CLOSE:
            view.removal = describe(notice)
        elif notice.action == ModeratorAction.TITLE:
            view.title = notice.text
        elif (change := _FLAGS.get(notice.action)) is not None:
            flag, is_set = change
            view.flags = view.flags | flag if is_set else view.flags & ~flag
        else:
            return
        client.events.append(_describe_room(view))


def _describe_room(view: RoomView) -> RoomDescribed:
    return RoomDescribed(
        view.code,
        view.title,
        view.role,
        bool(view.flags & RoomFlags.LOCKED),
        bool(view.flags & RoomFlags.READ_ONLY),
    )


def _room_state(client: ClientSession, message: RoomState) -> None:
    view = client.memory.rooms.get(message.room)
    if view is not None:
        view.title, view.role, view.flags = message.title, message.role, message.modes
        client.events.append(_describe_room(view))


def _moderated(client: ClientSession, message: Moderated) -> None:
    client.requests.pop(message.request, None)
    client.events.append(ActionCompleted(message.room, message.action, message.request))


def _ban_list(client: ClientSession, message: BanList) -> None:
    client.requests.pop(message.request, None)
    client.events.append(
        BansReceived(message.room, message.bans, bool(message.more), message.request)
    )


def _history_end(client: ClientSession, message: HistoryEnd) -> None:
    events = client.history_replies.get(message.request)
    asked = client.requests.get(message.request)
    if events is None or not isinstance(asked, History):
        return
    if message.first <= message.last < asked.last:  # cut short by its size: request the rest
        rest = History(message.request, message.last + 1, asked.last, asked.room)
        client.requests[message.request] = rest
        client.out.append(encode(rest))
        return
    del client.requests[message.request], client.history_replies[message.request]
    if message.request in client.gap_requests:
        client.gap_requests.remove(message.request)
        _skip_gap(client, message.room)
    else:
        shown, sealed, unsealed = _open_past(client, message.room, events)
        client.events.append(
            HistoryReceived(message.room, shown, message.oldest, message.request, sealed, unsealed)
        )


def _open_past(
    client: ClientSession, room: str, events: list[Event | SealedEvent]
) -> tuple[tuple[Event, ...], dict[int, tuple[str, ...]], dict[int, tuple[str, ...]]]:
    if client.sealing is not None:
        opened: tuple[tuple[Event, ...], dict[int, tuple[str, ...]], dict[int, tuple[str, ...]]]
        opened = client.sealing.open_past(room, events)
        return opened
    return tuple(event for event in events if isinstance(event, Event)), {}, {}


def _found(client: ClientSession, message: Found) -> None:
    client.requests.pop(message.request, None)
    client.events.append(
        SearchCompleted(message.room, message.messages, message.searched, message.request)
    )


def _skip_gap(client: ClientSession, room: str) -> None:
    """Skip events that the server no longer has, and continue after them."""
    view = client.memory.rooms.get(room)
    if view is None or not view.out_of_order:
        return
    following = min(view.out_of_order)
    client.events.append(EventsMissed(view.code, view.last + 1, following - 1))
    view.last = following - 1
    _apply_out_of_order(client, view)


def _ack(client: ClientSession, message: Ack) -> None:
    if client.memory.outbox.pop(message.counter, None) is not None:
        client.events.append(Acknowledged(message.room, message.counter, message.seq))
        if client.sealing is not None:
            client.sealing.transmit(message.room)


def _roster(client: ClientSession, message: Roster) -> None:
    client.requests.pop(message.request, None)
    client.events.append(
        RosterReceived(
            message.room,
            message.total,
            message.members,
            bool(message.more),
            message.request,
            tuple(server.address for server in client.servers),
        )
    )


def _renamed(client: ClientSession, message: Renamed) -> None:
    client.requests.pop(message.request, None)
    client.name = message.name
    client.events.append(NameChanged(message.name, message.request))


def _left(client: ClientSession, message: Left) -> None:
    client.requests.pop(message.request, None)
    view = client.memory.rooms.get(message.room)
    if view is not None:
        _forget(client, view, "you left the room before it was acknowledged", view.removal)


def _forget(client: ClientSession, view: RoomView, undelivered: str, why: str = "") -> None:
    """Remove a room from the client's state.

    Args:
        client: The client.
        view: The room.
        undelivered: Why its unacknowledged messages are not delivered.
        why: Why the server refuses to let the user back in, if it does.
    """
    del client.memory.rooms[view.code]
    if client.sealing is not None:
        client.sealing.left(view.code)
    client.files.left(view.code)
    for counter, send in list(client.memory.outbox.items()):
        if send.room == view.code:
            del client.memory.outbox[counter]
            client.events.append(Undelivered(shown_text(send), undelivered, counter))
    client.events.append(RoomLeft(view.code, why))


def _upload_state(client: ClientSession, message: UploadState) -> None:
    client.files.state(message)


def _chunk(client: ClientSession, message: Chunk) -> None:
    client.files.chunk(message)


def _servers(client: ClientSession, message: Servers) -> None:
    client.servers = message.servers


def _devices(client: ClientSession, message: Devices) -> None:
    if client.sealing is not None and message.request in client.requests:
        client.sealing.listed(message)


def _ping(client: ClientSession, message: Ping) -> None:
    client.out.append(encode(Pong(message.time)))


def _pong(client: ClientSession, message: Pong) -> None:
    """Do nothing: the driver records when the last byte arrived."""


def _bye(client: ClientSession, message: Bye) -> None:
    if client.pending_bye:
        client.ended = True
        # The token of an account logs in again.
        token = b"" if client.is_logging_out else client.memory.token
        client.memory.forget_session()
        if client.account:
            client.memory.token = token
        client.events.append(SessionEnded(message.text, wanted=True))
    else:
        client.close_reason = message.text


def _account_status(client: ClientSession, message: AccountStatus) -> None:
    try:
        role = Role(message.role)
    except ValueError:
        role = Role.MEMBER  # one of a later version
    if client.credentials is not None and not client.online:
        client.credentials = None
        client.memory.token = b""
        client.account = message.name
        client.send_hello(message.name)
        return
    client.requests.pop(message.request, None)
    if message.token:
        client.memory.token = message.token
    client.account, client.role = message.name, role
    client.events.append(AccountChanged(message.name, role, message.request))


def _entry_refused(client: ClientSession, error: Error) -> None:
    """Handle the refusal of a login or registration before HELLO."""
    client.credentials = None
    why = error.text
    if error.code in (ErrorCode.BAD_FRAME, ErrorCode.UNEXPECTED):
        why = f"The server does not support accounts: {error.text}"
    client.events.append(LoginFailed(why, error.code, error.suggestion))
    if error.code < FIRST_REFUSAL:
        client.ended = True
        client.events.append(SessionEnded(why, wanted=False))
    elif client.memory.token:  # continue the session of before
        client.send_hello(client.name)
    else:
        client.is_name_refused = True


def _error(client: ClientSession, error: Error) -> None:
    if client.credentials is not None and not client.online:
        _entry_refused(client, error)
    elif error.code == ErrorCode.LOGIN_REQUIRED and not client.online:
        client.is_name_refused = True
        client.events.append(LoginRequired(client.name, error.text, error.suggestion))
    elif error.code in (ErrorCode.NAME_TAKEN, ErrorCode.NAME_NOT_ALLOWED) and not client.online:
        client.is_name_refused = True
        client.events.append(NameRejected(error.text, error.suggestion))
    elif error.code in _FATAL or (error.code == ErrorCode.SERVER_FULL and not client.memory.token):
        client.ended = True
        client.events.append(SessionEnded(error.text, wanted=False))
    elif error.about in (Upload.TYPE, Chunk.TYPE, Download.TYPE):
        client.files.refused(error)
    elif error.about in (Send.TYPE, Annotate.TYPE, SealedSend.TYPE, Offer.TYPE):
        is_old = error.code == ErrorCode.OLD_EPOCH
        sealing = client.sealing
        if sealing is not None and sealing.refused(error.reference, is_old=is_old, why=error.text):
            return
        send = client.memory.outbox.pop(error.reference, None)
        if send is not None:
            if sealing is not None:
                sealing.dropped(send)
            client.events.append(Undelivered(shown_text(send), error.text, error.reference))
    elif error.about:
        request = client.requests.pop(error.reference, None)
        client.history_replies.pop(error.reference, None)
        client.gap_requests.discard(error.reference)
        if isinstance(request, Private) and client.memory.private.get(fold(request.name)):
            for text in client.memory.private.pop(fold(request.name)):
                client.events.append(Undelivered(text, error.text))
        elif isinstance(request, Join) and request.room in client.memory.rooms:
            why = "" if error.code == ErrorCode.NO_SUCH_ROOM else error.text
            _forget(client, client.memory.rooms[request.room], error.text, why)
        else:
            client.events.append(RequestRefused(error, request))
    else:
        client.events.append(WarningReceived(error))


#: Handler of each message.
HANDLERS: dict[type[Message], Callable[[Any, Any], None]] = {
    Welcome: _welcome,
    Joined: _joined,
    Event: _event,
    SealedEvent: _event,
    Devices: _devices,
    Ack: _ack,
    HistoryEnd: _history_end,
    Found: _found,
    Roster: _roster,
    Renamed: _renamed,
    Left: _left,
    Ping: _ping,
    Pong: _pong,
    Bye: _bye,
    Error: _error,
    Servers: _servers,
    AccountStatus: _account_status,
    RoomState: _room_state,
    Moderated: _moderated,
    BanList: _ban_list,
    UploadState: _upload_state,
    Chunk: _chunk,
}
