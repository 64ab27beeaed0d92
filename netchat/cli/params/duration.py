"""Parameter type for durations: `90`, `90s`, `5m`, `2h`, `30d`."""

from __future__ import annotations

import math
from typing import Any

import click

__all__ = ["DURATION"]

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class _Duration(click.ParamType):  # type: ignore[type-arg] # generic since click 8.5 only
    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, (int, float)):
            return float(value)
        text = str(value).strip()
        number = text.rstrip("abcdefghijklmnopqrstuvwxyz")
        unit = text[len(number) :] or "s"
        try:
            # Divided, not multiplied by 0.001, which is no exact number: 4100ms is 4.1 seconds.
            seconds = float(number) / 1000 if unit == "ms" else float(number) * _UNITS[unit]
        except (ValueError, KeyError):
            seconds = math.nan
        if not 0 <= seconds < math.inf:
            self.fail(
                f"must be a duration such as 90, 90s, 5m, 2h or 30d, got {value!r}.", param, ctx
            )
        return seconds


#: Parameter type that converts a duration to seconds.
DURATION = _Duration()
