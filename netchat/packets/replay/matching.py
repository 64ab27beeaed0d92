"""Which of a server's answers stands for which of the capture's, and where the two differ."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from netchat.packets.replay.translation import Translation
from netchat.wire import Message, Ping, Record, fields_of
from netchat.wire.pairs import link_field

__all__ = ["IGNORED", "AnswerMatcher", "Difference"]

#: Fields that a server chooses anew each time, or that depend on what was said to it before.
IGNORED = frozenset(
    {"time", "session", "token", "log", "seq", "last", "head", "first", "oldest", "software"}
)


@dataclass(frozen=True, slots=True)
class Difference:
    """Where an answer is not what it was.

    Attributes:
        conversation: the number of the connection.
        expected: the capture's answer; None if there was none.
        got: the server's answer; None if there was none.
        fields: names of the fields that differ, if both are of one type.
    """

    conversation: int
    expected: Message | None
    got: Message | None
    fields: tuple[str, ...] = ()


@dataclass(slots=True)
class AnswerMatcher:
    """The answers of one conversation.

    Args:
        conversation: its number.
        expected: the answers in the capture.

    Attributes:
        found: how many of the expected answers have come.
        given_up: how many were waited for in vain.
    """

    conversation: int
    expected: list[Message]
    found: int = 0
    given_up: int = 0
    _pairs: list[tuple[Message | None, Message]] = field(default_factory=list)
    _open: list[Message] = field(init=False)

    def __post_init__(self) -> None:
        self._open = [message for message in self.expected if not isinstance(message, Ping)]

    def take(self, live: Message, translation: Translation) -> None:
        """An answer has come: find what it stands for, and learn from the two."""
        same_type = [message for message in self._open if type(message) is type(live)]
        link = link_field(type(live))
        captured = next(
            (m for m in same_type if not _differing(translation.rename(m), live)),
            next(
                (m for m in same_type if link and getattr(m, link) == getattr(live, link)),
                same_type[0] if same_type else None,
            ),
        )
        if captured is not None:
            # By identity: equal messages come more than once.
            self._open = [message for message in self._open if message is not captured]
            self.found += 1
            translation.learn(captured, live)
        self._pairs.append((captured, live))

    def differences(self, translation: Translation) -> list[Difference]:
        """All of them, when nothing more will come."""
        found = []
        for captured, live in self._pairs:
            if captured is None:
                found.append(Difference(self.conversation, None, live))
                continue
            fields = _differing(translation.rename(captured), live)
            if fields:
                found.append(Difference(self.conversation, captured, live, tuple(fields)))
        return found + [Difference(self.conversation, missing, None) for missing in self._open]


def _differing(one: Record, other: Record) -> list[str]:
    """Names of the fields that differ and are compared."""
    names = []
    for declared in fields_of(type(one)):
        if declared.name in IGNORED:
            continue
        values: list[Any] = [getattr(record, declared.name) for record in (one, other)]
        if declared.record is None:
            differ = values[0] != values[1]
        else:
            differ = len(values[0]) != len(values[1]) or any(
                _differing(*pair) for pair in zip(*values, strict=True)
            )
        if differ:
            names.append(declared.name)
    return names
