"""Parameter type for sizes of files: `100MB`, `1.5GB`, `64k`, `4096`."""

from __future__ import annotations

import re
from typing import Any

import click

__all__ = ["SIZE"]

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_WRITTEN = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,6})?)\s*([KMGT]?)B?", re.IGNORECASE)


class _Size(click.ParamType):  # type: ignore[type-arg] # generic since click 8.5 only
    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        found = _WRITTEN.fullmatch(str(value).strip())
        size = round(float(found[1]) * _UNITS[found[2].upper()]) if found is not None else 0
        if not 0 < size < 2**62:
            self.fail(
                f"must be a size such as 4096, 64kB, 100MB or 1.5GB, got {value!r}.", param, ctx
            )
        return size


#: Parameter type that converts a size to bytes.
SIZE = _Size()
