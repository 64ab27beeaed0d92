"""A connection as the rules of the chat see it, and what they ask of whoever drives them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from netchat.chat.model.room import Room
    from netchat.chat.model.session import Session

__all__ = ["Close", "Connection", "Fanout", "Log", "Output", "Write"]


class Connection:
    """One peer's connection. A transport's protocol class inherits from it, to save an object.

    Attributes:
        address: where the peer is, for logs.
        share: what its address counts as in shares of the server.
        session: the session on it, once HELLO was accepted.
        heard: when the last byte arrived.
        pinged: a PING is under way.
        partial_since: when the frame that is not complete yet began, or 0.
        stalled_since: when the peer stopped taking bytes in, or 0.
        lagging: rooms whose events it does not get live, and the last event it has of each.
        asked: large answers it is owed, given one at a time as it takes them in.
        holds: why the server reads nothing from it now, as bits of the driver's; else 0. A peer
            that is not read cannot be blamed for its silence.
        allowance: frames it may send at once (token bucket).
        filled: when the bucket was last filled.
        warned: when it was last told that it sends too fast.
        closing: it was told goodbye, or has said so; what it still sends is ignored.
        finished: nothing more is written to it.
    """

    __slots__ = (
        "address",
        "allowance",
        "asked",
        "closing",
        "filled",
        "finished",
        "heard",
        "holds",
        "lagging",
        "partial_since",
        "pinged",
        "session",
        "share",
        "stalled_since",
        "warned",
    )

    def __init__(self, address: str = "?") -> None:
        self.address = address
        self.share = ""
        self.session: Session | None = None
        self.heard = 0.0
        self.pinged = False
        self.partial_since = 0.0
        self.stalled_since = 0.0
        self.lagging: dict[Room, int] | None = None
        self.asked: deque[Callable[[], None]] | None = None
        self.holds = 0
        self.allowance = 0.0
        self.filled = 0.0
        self.warned = 0.0
        self.closing = self.finished = False


class Write(NamedTuple):
    """Send bytes to one connection."""

    to: Connection
    data: bytes


class Fanout(NamedTuple):
    """Send the same bytes to many."""

    to: Collection[Connection]
    data: bytes


class Close(NamedTuple):
    """Close a connection, after what was written to it."""

    connection: Connection


class Log(NamedTuple):
    """Something for the server's log."""

    event: str
    fields: dict[str, Any]
    source: str = ""
    """The address of the connection whose request has led to it, if there is one."""


Output = Write | Fanout | Close | Log
