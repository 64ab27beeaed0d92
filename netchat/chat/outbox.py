"""The state that a client must keep: unacknowledged messages and its position in each room."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from netchat.chat.credentials import DEVICE_KEY_SIZE
from netchat.wire import Annotate, Event, EventKind, Offer, RoomKind, SealedEvent, Send
from netchat.wire.annotations import annotation_text, describe_annotation
from netchat.wire.file_offers import FileOffer, describe_offer, parse_offer

__all__ = [
    "ClientState",
    "OutgoingFile",
    "OutgoingMessage",
    "OutgoingOffer",
    "RoomView",
    "SealingState",
    "sealed_content",
    "shown_text",
    "unsealed_message",
]


class OutgoingFile(NamedTuple):
    """A file that is being uploaded."""

    transfer: int
    """Number of the transfer."""

    room: str
    """Code of the room."""

    offer: FileOffer
    """The offer that follows the upload."""

    size: int
    """Number of bytes to upload; in a sealed room, those of the sealed form."""

    source: str
    """Path or the like, by which the driver continues after a restart, or empty."""


class OutgoingOffer(NamedTuple):
    """The offer of an uploaded file, in the outbox."""

    counter: int
    """Number of the message on this device."""

    room: str
    """Code of the room."""

    text: str
    """Text of the event; in a sealed room, with the file's key."""

    @property
    def is_sealed(self) -> bool:
        """Whether the file was uploaded in its sealed form."""
        offer = parse_offer(self.text)
        return offer is not None and bool(offer.key)

    def message(self) -> Offer:
        """Return the message that offers the file in a room that is not sealed."""
        offer = parse_offer(self.text)
        assert offer is not None
        return Offer(
            self.counter, offer.size, offer.sha256, self.room, offer.media_type, offer.name
        )


#: A message in the outbox.
OutgoingMessage = Send | Annotate | OutgoingOffer


def unsealed_message(waiting: OutgoingMessage) -> Send | Annotate | Offer:
    """Return the message that sends what waits in the outbox to a room that is not sealed."""
    return waiting.message() if isinstance(waiting, OutgoingOffer) else waiting


def sealed_content(waiting: OutgoingMessage) -> tuple[EventKind, str]:
    """Return the kind and the text with which a message in the outbox is sealed."""
    if isinstance(waiting, Annotate):
        kind = EventKind(waiting.kind)
        return kind, annotation_text(kind, waiting.target, waiting.text)
    return EventKind.FILE if isinstance(waiting, OutgoingOffer) else EventKind.SEALED, waiting.text


def shown_text(waiting: OutgoingMessage) -> str:
    """Return what users read about a message in the outbox."""
    if isinstance(waiting, Annotate):
        return describe_annotation(*sealed_content(waiting))
    return describe_offer(waiting.text) if isinstance(waiting, OutgoingOffer) else waiting.text


@dataclass(slots=True)
class RoomView:
    """A client's view of a room.

    Attributes:
        code: Room code.
        kind: Lobby, room or private room.
        peer: Name of the other user in a private room, otherwise an empty string.
        log: Identity of the log that `last` refers to.
        last: Sequence number of the last event that was applied.
        head: Sequence number of the room's last event when this connection started. Events up to
            it are late.
        is_positioned: Whether the server has given the room's position on this connection.
        is_caught_up: Whether the client has caught up on this connection and may send messages.
        title: The room's title, or empty.
        role: The user's rights in it: 0 member, 1 moderator, 2 owner.
        flags: The sum of 1 if it is locked, 2 if it is read-only.
        removal: Why a moderator has removed the user, until the server confirms the departure.
        out_of_order: Events that arrived before their predecessors, by sequence number.
    """

    code: str
    kind: RoomKind
    peer: str
    log: int
    last: int
    head: int = 0
    is_positioned: bool = False
    is_caught_up: bool = False
    title: str = ""
    role: int = 0
    flags: int = 0
    removal: str = ""
    out_of_order: dict[int, Event | SealedEvent] = field(default_factory=dict)


@dataclass(slots=True)
class SealingState:
    """Keys and secrets for sealed messages, as they were saved or as they are in use.

    Attributes:
        saved: The saved state, as plain data.
        used: The `ClientSealing` in use, or None. Until then, nothing needs `cryptography`.
    """

    saved: dict[str, Any] = field(default_factory=dict)
    used: Any = field(default=None, compare=False)

    def dump(self) -> dict[str, Any]:
        """Return the state as plain data."""
        state: dict[str, Any] = self.used.dump() if self.used is not None else self.saved
        return state


@dataclass(slots=True)
class ClientState:
    """The state that lets a client continue after a reconnect or restart.

    Attributes:
        device_key: Secret from which the server derives the device id.
        token: Token that resumes the session, or empty.
        counter: Counter of the last message.
        rooms: The user's rooms by code.
        outbox: Unacknowledged messages by counter, in order.
        uploads: Files that are being uploaded, by number of the transfer.
        private: Private messages that await a private room, by folded name of the other user.
        sealing: Keys and secrets for sealed messages.
    """

    device_key: bytes = field(default_factory=lambda: secrets.token_bytes(DEVICE_KEY_SIZE))
    token: bytes = b""
    counter: int = 0
    rooms: dict[str, RoomView] = field(default_factory=dict)
    outbox: dict[int, OutgoingMessage] = field(default_factory=dict)
    uploads: dict[int, OutgoingFile] = field(default_factory=dict)
    private: dict[str, list[str]] = field(default_factory=dict)
    sealing: SealingState = field(default_factory=SealingState)

    def forget_session(self) -> None:
        """Forget everything but the device key and the counter."""
        self.token = b""
        self.rooms.clear()
        self.outbox.clear()
        self.uploads.clear()
        self.private.clear()
