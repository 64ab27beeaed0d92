"""Timers of the chat server."""

from __future__ import annotations

from netchat.chat.server_state import ServerState
from netchat.wire import ErrorCode, Ping, RoomKind, encode

__all__ = ["tick"]

#: Time between two checks of every connection and room, in seconds.
SWEEP_INTERVAL = 5.0

#: Devices whose counters a room keeps in memory.
MAX_COUNTERS = 4096


def tick(hub: ServerState, now: float) -> None:
    """Handle expired timers. Called a few times per second."""
    _handshakes(hub, now)
    _partial_frames(hub, now)
    _stalls(hub, now)
    _away(hub, now)
    if now - hub.last_sweep >= SWEEP_INTERVAL:
        hub.last_sweep = now
        _silence(hub, now)
        _rooms(hub, now)
        hub.conversation_times = {
            pair: due for pair, due in hub.conversation_times.items() if due > now
        }


def _handshakes(hub: ServerState, now: float) -> None:
    limit = hub.settings.handshake_timeout
    for connection, since in list(hub.half_open.items()):
        if now - since < limit:
            break  # oldest first
        text = f"No HELLO was received within {limit:g} seconds."
        hub.disconnect(connection, ErrorCode.HANDSHAKE_TIMEOUT, text)


def _partial_frames(hub: ServerState, now: float) -> None:
    limit = hub.settings.frame_timeout
    for connection in list(hub.partial_frames):
        if connection.holds:
            # Its bytes may have arrived but not been read: restart the timer once reading resumes.
            connection.partial_since = now
        elif now - connection.partial_since >= limit and not connection.closing:
            text = f"The rest of a frame was not received within {limit:g} seconds."
            hub.disconnect(connection, ErrorCode.FRAME_TIMEOUT, text)


def _stalls(hub: ServerState, now: float) -> None:
    limit = hub.settings.stall_timeout
    for connection in list(hub.stalled_connections):
        if now - connection.stalled_since < limit:
            break  # oldest first
        if not connection.closing:
            text = f"You read nothing for {limit:g} seconds. Reconnect to receive what you missed."
            hub.disconnect(connection, ErrorCode.STALLED, text)


def _away(hub: ServerState, now: float) -> None:
    for session in list(hub.away):
        if now - session.away_since < hub.settings.resume_seconds:
            break  # sessions are in order of their loss
        hub.end_session(session, "connection lost", now)


def _silence(hub: ServerState, now: float) -> None:
    settings = hub.settings
    ping = encode(Ping(0))
    for connection in hub.connections:
        silence = now - connection.heard
        if silence < settings.ping_after:
            connection.ping_sent = False
        elif connection.closing or connection.session is None or connection.holds:
            continue  # other timers cover these
        elif silence >= settings.silence_timeout:
            text = f"Nothing was received for {settings.silence_timeout:g} seconds."
            hub.disconnect(connection, ErrorCode.IDLE_TIMEOUT, text)
        elif not connection.ping_sent:
            connection.ping_sent = True
            hub.write(connection, ping)


def _rooms(hub: ServerState, now: float) -> None:
    for room in list(hub.rooms.values()):
        if (
            room.kind is not RoomKind.LOBBY
            and room.empty_since is not None
            and now - room.empty_since >= hub.settings.room_ttl
        ):
            hub.log("room deleted", room=room.code)
            hub.drop_room(room)
        elif len(room.counters) > MAX_COUNTERS and room.head == room.delivered:
            # The history has all of them now.
            room.counters.clear()
