"""Parameter type for the limit of a file in a set: `100MB` or `1h`."""

from __future__ import annotations

from typing import Any

import click

from netchat.cli.params.duration import DURATION
from netchat.cli.params.size import SIZE

__all__ = ["LIMIT"]


class _Limit(click.ParamType):  # type: ignore[type-arg] # generic since click 8.5 only
    name = "limit"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | float:
        if isinstance(value, int | float):
            return value
        text = str(value).strip()
        # m is minutes, M is megabytes: only sizes have upper case or end in B.
        if text.endswith(("B", "k", "K", "M", "G", "T")):
            return SIZE.convert(text, param, ctx)
        is_duration = text.endswith(("s", "m", "h", "d"))
        seconds = DURATION.convert(text, param, ctx) if is_duration else 0.0
        if seconds >= 1:
            return seconds
        return self.fail(
            f"must be a size such as 64kB, 100MB or 1.5GB, or a duration such as 90s, 5m, 2h or 1d, "
            f"of at least 1s, got {value!r}.",
            param,
            ctx,
        )


#: Parameter type that converts a size to an int, in bytes, and a duration to a float, in seconds.
LIMIT = _Limit()
