"""Filter line of the browser: completion, and the filters of separate options."""

from __future__ import annotations

import json
from collections.abc import Iterable

from netchat.packets.filters import complete

__all__ = ["filter_completions", "filter_of_options"]


def filter_completions(line: str, users: Iterable[str], rooms: Iterable[str]) -> list[str]:
    """Return the lines that a filter can become by one word, the most likely first.

    Args:
        line: The filter up to the cursor.
        users: Names of the users in the capture.
        rooms: Codes of its rooms.
    """
    names = sorted(users)
    known = {"user": names, "sender": names, "name": names, "room": sorted(rooms)}
    found = complete(line, known=known)
    return [f"{found.apply(line, each)[0]} " for each in found.candidates]


def filter_of_options(
    expression: str, *, room: str | None, user: str | None, types: Iterable[str]
) -> str:
    """Return the filter that selects the same as options do, and damaged frames that seem to match.

    Args:
        expression: The filter of `--filter`, or "".
        room: The value of `--room`.
        user: The value of `--user`.
        types: The values of `--type`.
    """
    parts = [f"({expression})"] if expression else []
    if user is not None:
        parts.append(f"user == {json.dumps(user, ensure_ascii=False)}")
    if room is not None:
        parts.append(f"room == {json.dumps(room, ensure_ascii=False)}")
    names = list(types)
    if len(names) == 1:
        parts.append(f"type == {names[0].upper()}")
    elif names:
        parts.append(f"type in {{{', '.join(name.upper() for name in names)}}}")
    return expression if parts == [f"({expression})"] else " and ".join(parts)
