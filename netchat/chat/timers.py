"""What happens because time passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netchat.wire import ErrorCode, Ping, RoomKind, encode

if TYPE_CHECKING:
    from netchat.chat.hub import Hub

__all__ = ["tick"]

#: Seconds between two looks at every connection.
SWEEP_EVERY = 5.0

#: Devices whose counters a room remembers without asking the history.
MAX_COUNTERS = 4096


def tick(hub: Hub, now: float) -> None:
    """Give up on whom was waited for, end what is over. Called a few times a second."""
    _handshakes(hub, now)
    _partial_frames(hub, now)
    _stalls(hub, now)
    _away(hub, now)
    if now - hub.swept >= SWEEP_EVERY:
        hub.swept = now
        _silence(hub, now)
        _rooms(hub, now)
        hub.asked = {pair: due for pair, due in hub.asked.items() if due > now}


def _handshakes(hub: Hub, now: float) -> None:
    limit = hub.settings.handshake_timeout
    for connection, since in list(hub.half_open.items()):
        if now - since < limit:
            break  # oldest first
        text = f"No HELLO came within {limit:g} seconds."
        hub.disconnect(connection, ErrorCode.HANDSHAKE_TIMEOUT, text)


def _partial_frames(hub: Hub, now: float) -> None:
    limit = hub.settings.frame_timeout
    for connection in list(hub.partials):
        if connection.holds:
            # Its bytes may be here, unread: its time begins anew when it is read again.
            connection.partial_since = now
        elif now - connection.partial_since >= limit and not connection.closing:
            text = f"The rest of a frame did not come within {limit:g} seconds."
            hub.disconnect(connection, ErrorCode.FRAME_TIMEOUT, text)


def _stalls(hub: Hub, now: float) -> None:
    limit = hub.settings.stall_timeout
    for connection in list(hub.stalls):
        if now - connection.stalled_since < limit:
            break  # oldest first
        if not connection.closing:
            text = f"Nothing was taken in for {limit:g} seconds. Come back for what you missed."
            hub.disconnect(connection, ErrorCode.STALLED, text)


def _away(hub: Hub, now: float) -> None:
    for session in list(hub.away):
        if now - session.away_since < hub.settings.resume_seconds:
            break  # longest away first
        hub.end_session(session, "connection lost", now)


def _silence(hub: Hub, now: float) -> None:
    settings = hub.settings
    ping = encode(Ping(0))
    for connection in hub.connections:
        silence = now - connection.heard
        if silence < settings.ping_after:
            connection.pinged = False
        elif connection.closing or connection.session is None or connection.holds:
            continue  # others look after these
        elif silence >= settings.silence_timeout:
            text = f"Nothing was heard for {settings.silence_timeout:g} seconds."
            hub.disconnect(connection, ErrorCode.IDLE_TIMEOUT, text)
        elif not connection.pinged:
            connection.pinged = True
            hub.write(connection, ping)


def _rooms(hub: Hub, now: float) -> None:
    for room in list(hub.rooms.values()):
        if (
            room.kind is not RoomKind.LOBBY
            and room.empty_since is not None
            and now - room.empty_since >= hub.settings.room_ttl
        ):
            hub.note("room deleted", room=room.code)
            hub.drop_room(room)
        elif len(room.counters) > MAX_COUNTERS and room.head == room.delivered:
            # All of it can be read back from the history now.
            room.counters.clear()
