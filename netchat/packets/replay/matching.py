"""Matching of a server's responses to the captured ones, and their differences."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from netchat.packets.replay.translation import Translation
from netchat.wire import Message, Ping, Record, fields_of
from netchat.wire.pairs import link_field

__all__ = ["IGNORED", "AnswerMatcher", "Difference"]

#: Fields that differ in each run of a server, or depend on its history.
IGNORED = frozenset(
    {"time", "session", "token", "log", "seq", "last", "head", "first", "oldest", "software"}
)


@dataclass(frozen=True, slots=True)
class Difference:
    """Difference between a captured response and the live one.

    Attributes:
        conversation: Number of the connection.
        expected: The captured response, or None if it is missing.
        got: The live response, or None if it is missing.
        fields: Names of the fields that differ, if both responses have the same type.
    """

    conversation: int
    expected: Message | None
    got: Message | None
    fields: tuple[str, ...] = ()


@dataclass(slots=True)
class AnswerMatcher:
    """Matcher for the responses of one conversation.

    Args:
        conversation: Number of the conversation.
        expected: The responses in the capture.

    Attributes:
        found: Number of expected responses that arrived.
        given_up: Number of those that did not arrive in time.
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
        """Match a live response to a captured one, and learn identifiers from the pair."""
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
            # By identity, since equal messages may be expected.
            self._open = [message for message in self._open if message is not captured]
            self.found += 1
            translation.learn(captured, live)
        self._pairs.append((captured, live))

    def differences(self, translation: Translation) -> list[Difference]:
        """Return all differences, after the last response."""
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
    """Return the names of the compared fields that differ."""
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
