"""Kinds of fields of a filter, and the declaration of a field."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from netchat.packets.items import Item

__all__ = ["FieldKind", "FilterField"]


class FieldKind(Enum):
    """Kind of a field's values; determines the operators and how a value is written."""

    FLAG = "flag"
    NUMBER = "number"
    SECONDS = "time"
    TEXT = "text"
    BYTES = "bytes"
    ADDRESS = "address"


@dataclass(frozen=True, slots=True)
class FilterField:
    """Field that a filter can test.

    Attributes:
        name: Its full name.
        kind: Kind of its values.
        doc: Description, a noun phrase.
        values: Function that returns the values of an item, possibly none.
        choices: Named values, such as those of message types.
        key: Function that is applied to both sides of a text comparison, such as `str.casefold`; or
            None.
    """

    name: str
    kind: FieldKind
    doc: str
    values: Callable[[Item], Iterable[Any]]
    choices: Mapping[str, int] = field(default_factory=dict)
    key: Callable[[str], str] | None = None
