"""Lines of the keys in a TOML file, which the parser of Python does not tell."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterator
from typing import Any

__all__ = ["key_lines"]

#: Lines of one value after which the search gives up: each line is parsed together with those before it.
_LONGEST = 200


@functools.lru_cache(maxsize=4)
def key_lines(text: str) -> dict[tuple[str, ...], int]:
    """Return the line on which each table and key of a valid file begins, counted from 1.

    A file is a sequence of statements, each of which is a valid file itself: the statement ends with the
    first line that makes it one. Keys of inline tables are on the line of their table.
    """
    found: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    statement: list[str] = []
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        statement.append(line)
        try:
            parsed = tomllib.loads("\n".join(statement))
        except tomllib.TOMLDecodeError:
            if len(statement) > _LONGEST:
                break
            continue
        first, is_header = number - len(statement) + 1, statement[0].lstrip().startswith("[")
        statement = []
        for path in _paths(parsed):
            if is_header:
                table = path  # the last one is the innermost
            found.setdefault(path if is_header else (*table, *path), first)
    return found


def _paths(parsed: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield the path of each table and key, outer ones first."""
    for key, value in parsed.items():
        yield (key,)
        inner = value[-1] if isinstance(value, list) and value else value
        if isinstance(inner, dict):
            yield from ((key, *path) for path in _paths(inner))
