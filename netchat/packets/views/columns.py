"""Values of chosen fields as one line per item, for spreadsheets and other programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from netchat.packets.filters import FieldKind, FilterField
from netchat.packets.items import Item
from netchat.wire.safe_text import show_line

__all__ = ["Columns"]


class Columns:
    """Formatter of items as values separated by tabs.

    Several values of one field are separated by commas. A value with a name, such as a message type, is
    shown by its name.

    Args:
        fields: The fields, in order.
    """

    def __init__(self, fields: Sequence[FilterField]) -> None:
        self._cells = [(field.values, _formatter(field)) for field in fields]

    def line(self, item: Item) -> str | None:
        """Return the line of an item, or None if the item has none of the fields."""
        cells = [",".join(map(show, values(item))) for values, show in self._cells]
        return "\t".join(cells) if any(cells) else None


def _formatter(field: FilterField) -> Callable[[Any], str]:
    """Return the function that formats a field's values."""
    names = {number: name for name, number in field.choices.items()}
    match field.kind:
        case FieldKind.FLAG:
            return lambda _: "1"
        case FieldKind.SECONDS:
            return "{:.6f}".format
        case FieldKind.BYTES:
            return bytes.hex
        case FieldKind.NUMBER:
            return lambda value: names.get(value) or str(int(value))
        case _:
            return lambda value: show_line(str(value))
