"""Checked access to the values of saved results."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from netchat.errors import BenchError
from netchat.files import write_file
from netchat.wording import cannot

__all__ = [
    "count",
    "counts",
    "counts_in",
    "listed",
    "maybe_number",
    "number",
    "one_of",
    "reading",
    "real",
    "table",
    "text",
    "written",
]

#: Counts are stored in 64 bits.
_LIMIT = 2**63


@contextmanager
def reading(
    path: str | os.PathLike[str], what: str, kind: type[dict[str, Any]] | type[list[Any]] = dict
) -> Iterator[Any]:
    """Read a JSON object or list; errors in its values are reported with the name of the file.

    Raises:
        BenchError: The file cannot be read, or a value is missing or invalid.
    """
    try:
        content = {"the file": json.loads(Path(path).read_text(encoding="utf-8-sig"))}
        yield (table if kind is dict else listed)(content, "the file")
    except OSError as error:
        raise BenchError(cannot("read", path, error)) from error
    except KeyError as error:
        raise BenchError(f"{path} does not contain {what}: {error.args[0]} is missing.") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise BenchError(f"{path} does not contain {what}: {error}.") from error


def written(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write a file atomically.

    Raises:
        BenchError: The file cannot be written.
    """
    try:
        write_file(path, content)
    except OSError as error:
        raise BenchError(cannot("write", path, error)) from error


def text(values: dict[str, Any], name: str) -> str:
    """Return a string."""
    value = values[name]
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a string, got {_short(value)}")
    return value


def one_of(values: dict[str, Any], name: str, choices: Sequence[str]) -> Any:
    """Return a string that is one of the choices."""
    value = text(values, name)
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {_short(value)}")
    return value


def count(values: dict[str, Any], name: str) -> int:
    """Return an integer of at least 0."""
    value = values[name]
    if type(value) is not int or not 0 <= value < _LIMIT:
        raise ValueError(f"{name} must be an integer of at least 0, got {_short(value)}")
    return value


def number(values: dict[str, Any], name: str, most: float = math.inf) -> float:
    """Return a finite number from 0 to `most`."""
    value = values[name]
    if type(value) not in (int, float) or not 0 <= value <= most or not math.isfinite(value):
        raise ValueError(f"{name} must be a number from 0 to {most:g}, got {_short(value)}")
    return float(value)


def real(values: dict[str, Any], name: str) -> float:
    """Return a finite number of any sign."""
    value = values[name]
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ValueError(f"{name} must be a number, got {_short(value)}")
    return float(value)


def maybe_number(values: dict[str, Any], name: str) -> float | None:
    """Return a finite number of at least 0, or None."""
    return None if values[name] is None else number(values, name)


def counts(values: dict[str, Any], name: str) -> dict[str, int]:
    """Return an object whose values are integers of at least 0."""
    found = table(values, name)
    return {key: count(found, key) for key in found}


def counts_in(values: dict[str, Any], name: str) -> list[int]:
    """Return a list of integers of at least 0."""
    return [count({name: value}, name) for value in listed(values, name)]


def table(values: dict[str, Any], name: str) -> dict[str, Any]:
    """Return an object."""
    value = values[name]
    if not isinstance(value, dict):
        raise ValueError(f"{name} must be an object, got {_short(value)}")
    return value


def listed(values: dict[str, Any], name: str) -> list[Any]:
    """Return a list."""
    value = values[name]
    if not isinstance(value, list):
        raise ValueError(f"{name} must be a list, got {_short(value)}")
    return value


def _short(value: object) -> str:
    shown = repr(value) if not isinstance(value, int) or abs(value) < _LIMIT else "a huge number"
    return shown if len(shown) <= 40 else f"{shown[:37]}..."
