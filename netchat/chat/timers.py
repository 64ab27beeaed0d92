"""Timers of the chat server."""

from __future__ import annotations

from netchat.chat.commands import DeleteRoom, EndSession, RotateCounters
from netchat.chat.ordering import propose
from netchat.chat.server_state import ServerState
from netchat.wire import ErrorCode, Ping, encode

__all__ = ["tick"]

#: Time between two checks of every connection and room, in seconds.
SWEEP_INTERVAL = 5.0

#: Maximum number of devices whose counters a room keeps in memory, not counting those before the last
#: rotation.
MAX_COUNTERS = 4096


def tick(state: ServerState) -> None:
    """Handle expired timers. Called a few times per second."""
    now = state.now
    _handshakes(state, now)
    _partial_frames(state, now)
    _stalls(state, now)
    if state.files is not None:
        state.files.tick()
    if state.proposals is None:
        _away(state, now)
    if now - state.last_sweep >= SWEEP_INTERVAL:
        state.last_sweep = now
        _silence(state, now)
        if state.proposals is not None:
            if not state.proposals.is_available:
                return  # proposals that repeat until they are applied would fill its queue
            _away(state, now)
        _rooms(state, now)
        state.conversation_limit.expire(now)


def _handshakes(state: ServerState, now: float) -> None:
    limit = state.settings.handshake_timeout
    for connection, since in list(state.half_open.items()):
        if now - since < limit:
            continue
        if connection.proposals:
            continue  # HELLO was received, and waits for the cluster's log
        text = f"No HELLO was received within {limit:g} seconds."
        state.disconnect(connection, ErrorCode.HANDSHAKE_TIMEOUT, text)


def _partial_frames(state: ServerState, now: float) -> None:
    limit = state.settings.frame_timeout
    for connection in list(state.partial_frames):
        if connection.holds:
            # Its bytes may have arrived but not been read: restart the timer once reading resumes.
            connection.partial_since = now
        elif now - connection.partial_since >= limit and not connection.closing:
            text = f"The rest of a frame was not received within {limit:g} seconds."
            state.disconnect(connection, ErrorCode.FRAME_TIMEOUT, text)


def _stalls(state: ServerState, now: float) -> None:
    limit = state.settings.stall_timeout
    for connection in list(state.stalled_connections):
        if now - connection.stalled_since < limit:
            break  # oldest first
        if not connection.closing:
            text = f"You read nothing for {limit:g} seconds. Reconnect to receive what you missed."
            state.disconnect(connection, ErrorCode.STALLED, text)


def _away(state: ServerState, now: float) -> None:
    limit = state.settings.resume_seconds + _grace(state)
    for number, absence in list(state.away.items()):
        if now - absence.since < limit:
            break  # sessions are in order of their loss
        attachment = state.shared.sessions[number].attachment
        propose(state, EndSession(number, attachment, state.time, "connection lost"))


def _silence(state: ServerState, now: float) -> None:
    settings = state.settings
    ping = encode(Ping(0))
    for connection in state.connections:
        silence = now - connection.heard
        if silence < settings.ping_after:
            connection.ping_sent = False
        elif connection.closing or connection.session is None or connection.holds:
            continue  # other timers cover these
        elif silence >= settings.silence_timeout:
            text = f"Nothing was received for {settings.silence_timeout:g} seconds."
            state.disconnect(connection, ErrorCode.IDLE_TIMEOUT, text)
        elif not connection.ping_sent:
            connection.ping_sent = True
            state.write(connection, ping)


def _grace(state: ServerState) -> float:
    """Return by how much this server's timers of shared things run late, in seconds.

    One server of a cluster is on time; the others act only if it does not.
    """
    is_first = state.server == min(state.shared.servers, default=state.server)
    return 0.0 if is_first else 3 * SWEEP_INTERVAL


def _rooms(state: ServerState, now: float) -> None:
    grace = _grace(state)
    ttl = state.settings.room_ttl + grace
    for feed in list(state.feeds.values()):
        room = feed.room
        if feed.empty_since is not None and now - feed.empty_since >= ttl:
            propose(state, DeleteRoom(room.head, room.code))
        elif not grace and len(room.counters) > MAX_COUNTERS and room.head == feed.delivered:
            # The history has all of them now.
            propose(state, RotateCounters(MAX_COUNTERS, room.code))
