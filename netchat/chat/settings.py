"""What the owner of a server can set; each default with its reason."""

from __future__ import annotations

from dataclasses import dataclass

from netchat.wire import MAX_FRAME, MAX_TEXT

__all__ = ["Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """Limits and times of a server; times in seconds.

    Attributes:
        max_users: sessions at a time, those included that can still be resumed. One address gets
            at most its share of them (`netchat.chat.fair_shares`).
        max_rooms: rooms one user may be in: a room costs its members' memory.
        max_frame: bytes of one frame.
        max_text: UTF-8 bytes of one chat message.
        max_half_open: connections that have not said HELLO yet. Each can hold a frame. One address
            gets at most its share of them.
        max_per_address: connections of one address; 0 is no limit. A classroom behind one NAT
            comes from one address.
        rate: frames a second that one connection may send for long; 0 is no limit. A frame counts
            once more for each KiB that it has, and what makes more work than others counts more.
        burst: frames it may send at once before `rate` applies.
        handshake_timeout: for HELLO to arrive, as long as a slow TLS handshake takes.
        frame_timeout: for the rest of a frame to arrive after its first byte.
        ping_after: of silence, before the server asks for a sign of life.
        silence_timeout: of silence, before it gives a connection up.
        stall_timeout: for which a client may take nothing in, before it is disconnected. Its
            session stays: it is served from the history when it comes back.
        resume_seconds: for which a lost session is kept, its name with it.
        room_ttl: for which an empty room is kept.
        keep: for which history is kept; 0 is for ever.
        purge_now: delete older history at the start, even more than a day's worth.
    """

    max_users: int = 1000
    max_rooms: int = 50
    max_frame: int = MAX_FRAME
    max_text: int = MAX_TEXT
    max_half_open: int = 1024
    max_per_address: int = 0
    rate: float = 1000.0
    burst: float = 2000.0
    handshake_timeout: float = 10.0
    frame_timeout: float = 5.0
    ping_after: float = 30.0
    silence_timeout: float = 90.0
    stall_timeout: float = 120.0
    resume_seconds: float = 120.0
    room_ttl: float = 3600.0
    keep: float = 30 * 86400.0
    purge_now: bool = False
