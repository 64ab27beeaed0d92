"""Mapping from captured identifiers to the live server's.

It covers room codes, logs, sequence numbers and tokens. It also replaces the clients' device keys: with
the old ones, a server that has the messages would treat them as retransmissions.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from dataclasses import dataclass, field
from typing import Any, TypeVar

from netchat.wire import (
    Annotate,
    Hello,
    History,
    Join,
    Joined,
    Membership,
    Message,
    Position,
    Record,
    Welcome,
    fields_of,
)

__all__ = ["Translation"]

_R = TypeVar("_R", bound=Record)


@dataclass(slots=True)
class Translation:
    """Mapping from captured identifiers to the live server's.

    Attributes:
        rooms: Room codes.
        logs: Identities of logs.
        tokens: Session tokens.
        devices: Device ids.
        shifts: Difference of sequence numbers, by the captured code of the room.
        secret: Key from which this replay's device keys are derived, random by default.
    """

    rooms: dict[str, str] = field(default_factory=dict)
    logs: dict[int, int] = field(default_factory=dict)
    tokens: dict[bytes, bytes] = field(default_factory=dict)
    devices: dict[int, int] = field(default_factory=dict)
    shifts: dict[str, int] = field(default_factory=dict)
    secret: bytes = field(default_factory=lambda: os.urandom(16))

    def learn(self, captured: Message, live: Message) -> None:
        """Learn identifiers from a captured response and the live one that matches it."""
        if isinstance(captured, Welcome) and isinstance(live, Welcome):
            self.tokens[captured.token] = live.token
            self.devices[captured.device] = live.device
            for then, now in zip(captured.rooms, live.rooms, strict=False):
                self._learn_room(then, now)
        elif isinstance(captured, Joined) and isinstance(live, Joined):
            for then, now in zip(captured.membership, live.membership, strict=False):
                self._learn_room(then, now)

    def _learn_room(self, then: Membership, now: Membership) -> None:
        self.rooms[then.room] = now.room
        self.logs[then.log] = now.log
        self.shifts.setdefault(then.room, now.head - then.head)

    def to_live(self, message: Message) -> Message:
        """Translate a client's captured message for the live server."""
        shift = self.shifts.get(getattr(message, "room", ""), 0)
        message = self.rename(message)
        if isinstance(message, Hello):
            token = self.tokens.get(message.token, message.token)
            device = hashlib.sha256(self.secret + message.device).digest()[: len(message.device)]
            return dataclasses.replace(message, token=token, device=device)
        if isinstance(message, Join):
            log, after = self.logs.get(message.log, message.log), message.after
            return dataclasses.replace(
                message, log=log, after=max(0, after + shift) if after else 0
            )
        if isinstance(message, History):
            first, last = (max(0, number + shift) for number in (message.first, message.last))
            return dataclasses.replace(message, first=first, last=last)
        if isinstance(message, Annotate):
            return dataclasses.replace(message, target=max(0, message.target + shift))
        return message

    def rename(self, record: _R) -> _R:
        """Replace the room codes and device ids in a record with the live ones."""
        changes: dict[str, Any] = {}
        for declared in fields_of(type(record)):
            value = getattr(record, declared.name)
            if declared.name == "room":
                changes["room"] = self.rooms.get(value, value)
            elif declared.name == "device" and isinstance(value, int):
                changes["device"] = self.devices.get(value, value)
            elif declared.record is not None:
                changes[declared.name] = tuple(self.rename(self._shifted(item)) for item in value)
        return dataclasses.replace(record, **changes)  # type: ignore[type-var]

    def _shifted(self, item: Record) -> Record:
        if not isinstance(item, Position):
            return item
        last = max(0, item.last + self.shifts.get(item.room, 0)) if item.last else 0
        return Position(item.room, self.logs.get(item.log, item.log), last)
