"""Filter of the capture browser: the options of `netchat inspect`, and `--conversation`."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass

from netchat.wire import MESSAGES

__all__ = ["CaptureFilter", "filter_completions", "parse_filter"]

_OPTIONS = ("--user", "--room", "--type", "--conversation")

_NAMES = {message.NAME: message.TYPE for message in MESSAGES.values()}


@dataclass(frozen=True, slots=True)
class CaptureFilter:
    """Parsed filter.

    Attributes:
        user: Name of a user, in lower case; empty for all.
        rooms: The room's code in each way of writing it; empty for all rooms.
        types: Type numbers of messages; empty for all.
        conversation: Number of a conversation; 0 for all.
    """

    user: str = ""
    rooms: frozenset[str] = frozenset()
    types: frozenset[int] = frozenset()
    conversation: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether it selects everything."""
        return self == CaptureFilter()


def parse_filter(line: str) -> CaptureFilter:
    """Parse a filter such as `--user Nova --type SEND`.

    Raises:
        ValueError: It is not valid. The text says what is allowed.
    """
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise ValueError("a quotation mark is not closed") from error
    user, rooms, conversation = "", frozenset[str](), 0
    types: set[int] = set()
    while words:
        option = words.pop(0)
        option, equals, value = option.partition("=")
        if option not in _OPTIONS:
            raise ValueError(f"unknown option {option[:30]!r}; use {', '.join(_OPTIONS)}")
        if not equals:
            if not words:
                raise ValueError(f"{option} needs a value")
            value = words.pop(0)
        if option == "--user":
            user = value.casefold()
        elif option == "--room":
            rooms = frozenset({value, value.lower(), value.upper().replace("-", "")})
        elif option == "--type":
            if value.upper() not in _NAMES:
                raise ValueError(f"unknown message type {value[:30]!r}; Tab completes the types")
            types.add(_NAMES[value.upper()])
        elif not value.isdecimal() or not int(value):
            raise ValueError(f"--conversation must be a number from 1, got {value[:30]!r}")
        else:
            conversation = int(value)
    return CaptureFilter(user, rooms, frozenset(types), conversation)


def filter_completions(
    line: str, users: Iterable[str], rooms: Iterable[str], types: Iterable[int] = ()
) -> list[str]:
    """Return the completed lines that a filter can become, best first.

    Args:
        line: The filter up to the cursor.
        users: Names of the users in the capture.
        rooms: Codes of its rooms.
        types: Type numbers of its messages, which come before other types.
    """
    found = set(types)
    names = sorted(_NAMES, key=lambda name: (_NAMES[name] not in found, name))
    head, _, word = line.rpartition(" ")
    before = head.split()
    option = before[-1] if before else ""
    if "=" not in word and option in _OPTIONS:
        offered = {"--user": sorted(users), "--room": sorted(rooms), "--type": names}
        values = [shlex.quote(value) for value in offered.get(option, [])]
    else:
        used = {each for each in before if each != "--type"}
        values = [each for each in _OPTIONS if each not in used]
    stem = f"{head} " if head else ""
    fits = [value for value in values if value.casefold().startswith(word.casefold())]
    return [f"{stem}{value} " for value in fits if value != word]
