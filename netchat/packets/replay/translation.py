"""What one run of a server calls otherwise than another: room codes, logs, numbers, tokens.

And what a replay must not repeat: under its old device key a client's messages would count as sent
again, and a server that has them already would not say them twice.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from dataclasses import dataclass, field
from typing import Any, TypeVar

from netchat.wire import (
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
    """From a capture's codes and numbers to those of the server it is played to.

    Attributes:
        rooms: room codes.
        logs: identities of logs.
        tokens: session tokens.
        devices: device ids.
        shifts: how much larger sequence numbers are now, by the captured code of the room.
        secret: makes the device keys of this replay, other ones each time.
    """

    rooms: dict[str, str] = field(default_factory=dict)
    logs: dict[int, int] = field(default_factory=dict)
    tokens: dict[bytes, bytes] = field(default_factory=dict)
    devices: dict[int, int] = field(default_factory=dict)
    shifts: dict[str, int] = field(default_factory=dict)
    secret: bytes = field(default_factory=lambda: os.urandom(16))

    def learn(self, captured: Message, live: Message) -> None:
        """Take in an answer of the capture and the one that now stands for it."""
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
        """What a client of the capture would say now."""
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
        return message

    def rename(self, record: _R) -> _R:
        """The same with the room codes and device ids of now, wherever it has any."""
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
