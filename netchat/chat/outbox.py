"""What a client must not forget: its messages without an echo, and how far it has read."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from netchat.chat.credentials import DEVICE_KEY_SIZE
from netchat.wire import Event, RoomKind, Send

__all__ = ["ClientState", "RoomView"]


@dataclass(slots=True)
class RoomView:
    """A room as its member sees it.

    Attributes:
        code: the room's code.
        kind: what it is for.
        peer: in a private room, the other one's name.
        log: identity of the log that `last` counts in.
        last: the last event that was applied.
        head: the room's last event when this connection began; up to it, events are late.
        begun: the server has said on this connection where the room begins.
        open: caught up on this connection, so that messages may be sent.
        ahead: events that came before the ones in front of them.
    """

    code: str
    kind: RoomKind
    peer: str
    log: int
    last: int
    head: int = 0
    is_positioned: bool = False
    is_caught_up: bool = False
    out_of_order: dict[int, Event] = field(default_factory=dict)


@dataclass(slots=True)
class ClientState:
    """All that has to survive for a client to go on as if nothing had happened.

    Attributes:
        device_key: secret; the server derives the device id from it.
        token: resumes the session.
        counter: of the last message that was sent.
        rooms: the rooms the user is in, by code.
        outbox: messages without an echo, by counter, in order.
        private: what is to be said to somebody with whom there is no private room yet, by the
            name in lower case.
    """

    device_key: bytes = field(default_factory=lambda: secrets.token_bytes(DEVICE_KEY_SIZE))
    token: bytes = b""
    counter: int = 0
    rooms: dict[str, RoomView] = field(default_factory=dict)
    outbox: dict[int, Send] = field(default_factory=dict)
    private: dict[str, list[str]] = field(default_factory=dict)

    def forget_session(self) -> None:
        """The session is over; only the device goes on."""
        self.token = b""
        self.rooms.clear()
        self.outbox.clear()
        self.private.clear()
