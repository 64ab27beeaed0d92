"""Settings of a chat server, with the reasons for their defaults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from netchat.wire import MAX_FRAME, MAX_TEXT

__all__ = ["Accounts", "Registration", "Settings"]

#: Modes of accounts.
Accounts = Literal["off", "optional", "required"]

#: Policies for new users.
Registration = Literal["open", "invitation", "closed"]


@dataclass(frozen=True, slots=True)
class Settings:
    """Limits and timeouts of a server; times are in seconds.

    Attributes:
        max_users: Simultaneous sessions, including those that can still be resumed. One address gets
            at most its share of them (`netchat.chat.fair_shares`).
        max_rooms: Rooms that one user may be in.
        max_frame: Largest frame, in bytes.
        max_text: Longest chat message, in UTF-8 bytes.
        max_half_open: Connections that have not sent HELLO yet. Each can hold one frame in memory,
            and one address gets at most its share of them.
        max_per_address: Connections from one address; 0 for no limit. A class that shares a NAT
            has one address.
        rate: Frames per second that one connection may send; 0 for no limit. A frame costs one
            more for each KiB, and expensive requests cost more.
        burst: Frames that it may send at once before `rate` applies.
        handshake_timeout: Timeout for receiving HELLO, long enough for a slow TLS handshake.
        frame_timeout: Timeout for the rest of a frame after its first byte.
        ping_after: Silence after which the server sends PING.
        silence_timeout: Silence after which the server closes the connection.
        stall_timeout: Time without reading after which a client is disconnected. Its session
            stays, and the client can resume it to receive what it missed.
        resume_seconds: Time for which a lost session and its name are kept.
        room_ttl: Time for which an empty room is kept.
        keep: Time for which the history is kept; 0 keeps it forever.
        accounts: Whether users can register (`optional`), must register (`required`), or cannot register
            (`off`).
        registration: Whether new users can register without an invitation (`open`), with one
            (`invitation`), or not at all (`closed`).
        files: Time for which an offered file is kept; 0 turns files off. A server of a cluster has none.
        max_file: Maximum size of a file, in bytes.
        file_quota: Maximum number of bytes that the files of one user take up.
        file_space: Maximum number of bytes that all files take up.
        purge_now: Whether to delete older history at startup, even more than a day's worth.
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
    accounts: Accounts = "off"
    registration: Registration = "open"
    files: float = 7 * 86400.0
    max_file: int = 100_000_000
    file_quota: int = 500_000_000
    file_space: int = 5_000_000_000
