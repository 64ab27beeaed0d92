"""Delivery of past events, large replies and files to connections, as they read them."""

from __future__ import annotations

from collections.abc import Callable

from netchat.chat.connection import Connection, RoomFeed
from netchat.chat.large_replies import send_reply
from netchat.chat.plain_events import for_client
from netchat.chat.server_state import ServerState

__all__ = ["CATCH_UP_BYTES", "LEAVING_BYTES", "catch_up", "serve_leaving"]

#: Bytes of history that a lagging connection is sent at a time: half a millisecond of work.
CATCH_UP_BYTES = 16 * 1024

#: Bytes of events that a connection is sent when it leaves a room.
LEAVING_BYTES = 64 * 1024


def catch_up(state: ServerState, enough: Callable[[], bool]) -> bool:
    """Send each lagging connection its next events, or its next pending reply.

    Args:
        state: The server's state.
        enough: Returns True to leave the remaining connections to the next call.

    Returns:
        Whether more is left to send, once the peers have read this.
    """
    same: dict[tuple[RoomFeed, int], tuple[bytes, int]] = {}
    for connection in list(state.catching_up):
        state.catching_up.pop(connection, None)
        if not connection.stalled_since and _serve(state, connection, same):
            state.catching_up[connection] = None  # at the end of the queue
        if enough():
            break
    return bool(state.catching_up)


def _serve(
    state: ServerState, connection: Connection, same: dict[tuple[RoomFeed, int], tuple[bytes, int]]
) -> bool:
    """Send a lagging connection its next events or reply; return whether more is left.

    Args:
        state: The server's state.
        connection: The connection.
        same: Events already read in this round, by room and last event. Connections that lag
            by the same amount share one read of the history.
    """
    lagging = connection.lagging_rooms
    while lagging:
        feed, last = next(iter(lagging.items()))
        behind = last < feed.delivered
        if behind:
            if (feed, last) not in same:
                same[feed, last] = _next_events(state, feed, last)
            data, upto = same[feed, last]
            if data:
                state.deliveries += upto - max(last, feed.oldest - 1)
            last = upto
            state.write(connection, for_client(connection, data))
        if last < feed.delivered:
            lagging[feed] = last
            return True
        # Serve the other rooms in the same round: in the next round, a busy room would have new events
        # again, and the rooms after it would never be served.
        del lagging[feed]
        feed.live[connection] = None
        if behind and (lagging or connection.pending_replies):
            return True
    connection.lagging_rooms = None
    if connection.pending_replies:
        send_reply(state, connection)
    elif connection.transfers is not None and state.files is not None:
        return bool(state.files.send_next(connection))
    has_chunks = connection.transfers is not None and bool(connection.transfers.ready)
    return bool(connection.pending_replies) or has_chunks


def serve_leaving(state: ServerState) -> None:
    """Send connections that are leaving a room its remaining events, up to a limit.

    These include a user's own messages if joining, sending and leaving share one batch.
    """
    for connection, feeds in state.leaving.items():
        lagging, left = connection.lagging_rooms or {}, LEAVING_BYTES
        for feed in feeds:
            while (
                lagging.get(feed, feed.delivered) < feed.delivered
                and not connection.stalled_since
                and left > 0
            ):
                data, lagging[feed] = _next_events(state, feed, lagging[feed])
                state.write(connection, for_client(connection, data))
                left -= len(data)


def _next_events(state: ServerState, feed: RoomFeed, last: int) -> tuple[bytes, int]:
    """Return the next frames after event `last` of a feed, and the last one's number."""
    last = max(last, feed.oldest - 1)  # cleared events may not be deleted yet
    found = feed.tail.after(last, CATCH_UP_BYTES)
    if found is not None:
        return found
    frames, first = state.read_events(feed.room, last + 1, feed.delivered, CATCH_UP_BYTES)
    if not frames:  # purged or damaged: the client sees the gap at the next sequence number
        return b"", feed.delivered
    return b"".join(frames), first + len(frames) - 1
