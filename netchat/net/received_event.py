"""An event of a room, as programs get it from `netchat.Client`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from netchat.wire import Event

__all__ = ["ReceivedEvent"]


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """An event of a room: the fields of the message EVENT, and whether it was sealed.

    Attributes:
        seq: Sequence number in the room, from 1.
        time: The server's clock, in microseconds since 1970-01-01 UTC.
        device: Device id of the sender of a message, or 0 for other events.
        counter: Counter of a message on its device; the `action` of an event of moderation; otherwise 0.
        kind: Kind of the event, as `netchat.wire.EventKind`.
        room: The room's code.
        sender: Name of the user. For a sealed message, the name that the sender's device states.
        text: The message, opened if it was sealed; for other kinds, as in EVENT.
        is_sealed: Whether it was sealed end to end. If not, the server can have read, changed or
            invented it.
        problems: What is wrong with it, if it was sealed or should have been; empty if nothing is.
            Without a text, a sealed message could not be opened.
    """

    seq: int
    time: int
    device: int
    counter: int
    kind: int
    room: str
    sender: str
    text: str
    is_sealed: bool = False
    problems: tuple[str, ...] = ()

    @classmethod
    def of(cls, event: Event, *, is_sealed: bool, problems: tuple[str, ...]) -> Self:
        """Return an event of the wire with what its receiver knows about it."""
        return cls(
            event.seq,
            event.time,
            event.device,
            event.counter,
            event.kind,
            event.room,
            event.sender,
            event.text,
            is_sealed,
            problems,
        )
