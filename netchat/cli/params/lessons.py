"""Option value for lessons of the course: `3`, `1-3`, `1-3,5`."""

from __future__ import annotations

import re

import click

__all__ = ["parse_lessons"]

_RANGE = re.compile(r"(\d{1,2})(?:-(\d{1,2}))?", re.ASCII)


def parse_lessons(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> list[int] | None:
    """Return the numbers of lessons, in order, or None if the option is not given.

    Raises:
        BadParameter: The value is not a list of numbers and ranges.
    """
    if value is None:
        return None
    found: list[int] = []
    for part in value.replace(" ", "").split(","):
        match = _RANGE.fullmatch(part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
        if not 0 < first <= last:
            raise click.BadParameter(f"must be numbers such as 1-3,5, got {value!r}", ctx, param)
        found += range(first, last + 1)
    return sorted(set(found))
