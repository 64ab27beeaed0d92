"""Printer for captured items, as text or JSON lines."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence

import click

from netchat.packets import Block, DecodedMessage, Item, TlsRecord
from netchat.packets.filters import FilterField, ItemFilter
from netchat.packets.tls.records import CHANGE_CIPHER_SPEC
from netchat.packets.views.blocks import plain
from netchat.packets.views.columns import Columns
from netchat.packets.views.lines import Lines
from netchat.packets.views.records import as_dict
from netchat.packets.views.sealed import Opener, as_plaintext, plaintext_lines
from netchat.packets.views.tree import hex_lines, tree_lines

__all__ = ["ItemPrinter"]

_COLOURS = {"Gap": "yellow", "Damage": "red", "Notice": "bright_black", "Block": "cyan"}
_COLOURS |= {"TlsRecord": "bright_black"}
_OUTCOMES = {"failed": "red", "damaged": "red", "combined": "yellow"}
_BYTES = {"broken": "red", "sent": "green"}


class ItemPrinter:
    """Printer of captured items to standard output.

    Args:
        wanted: Filter; None prints every item.
        as_json: Print JSON, one object per line.
        tree: Print every field, with its bytes.
        as_hex: Print the bytes.
        fields: Print only the values of these fields, separated by tabs; () prints lines.
        clock: Print the time of day instead of seconds since the first item.
        count: Number of messages after which to stop; None is no limit.
        first: Number of items after which to stop; None is no limit.
        opener: Opens sealed messages, to print their plaintexts.

    Attributes:
        shown: Number of items printed.
    """

    def __init__(
        self,
        *,
        wanted: ItemFilter | None = None,
        as_json: bool = False,
        tree: bool = False,
        as_hex: bool = False,
        fields: Sequence[FilterField] = (),
        clock: bool = False,
        count: int | None = None,
        first: int | None = None,
        opener: Opener | None = None,
    ) -> None:
        self._wanted = wanted
        self._json, self._tree, self._hex = as_json, tree, as_hex
        self._columns = Columns(fields) if fields else None
        self._left, self._first = count, first
        self.shown = 0
        self._opener = opener
        self._lines = Lines(clock=clock)
        self._coloured = sys.stdout.isatty()

    @property
    def full(self) -> bool:
        """Whether `count` messages or `first` items have been printed."""
        return self._left == 0 or self.shown == self._first

    def show(self, items: Iterable[Item]) -> None:
        """Print the items that pass the filter, and flush."""
        text: list[str] = []
        for item in items:
            if self.full:
                break
            if not self.selects(item):
                continue
            text += self._shown(item)
            self.shown += 1
            if self._left is not None and isinstance(item, DecodedMessage):
                self._left -= 1
        if text:
            click.echo("\n".join(text))  # flushes

    def selects(self, item: Item) -> bool:
        """Return whether an item passes the filter and is printed."""
        if self._wanted is not None and not self._wanted(item):
            return False
        if self._columns is not None:
            return self._columns.line(item) is not None
        return not self._is_redundant(item)

    def _is_redundant(self, item: Item) -> bool:
        """Return whether other lines show what a record carries, or it carries nothing."""
        if self._json or self._tree or self._hex or not isinstance(item, TlsRecord):
            return False
        return item.carries_messages or item.kind == CHANGE_CIPHER_SPEC

    def _shown(self, item: Item) -> list[str]:
        if self._columns is not None:
            return [self._columns.line(item) or ""]
        if self._json:
            return [json.dumps(as_dict(item) | as_plaintext(item, self._opener))]
        line = self._lines.line(item)
        if self._coloured and (colour := _colour(item)):
            line = click.style(line, fg=colour)
        lines = [line]
        if self._tree:
            lines += tree_lines(item, _paint if self._coloured else plain)
        lines += plaintext_lines(item, self._opener)
        return lines + hex_lines(item) if self._hex else lines


def _colour(item: Item) -> str | None:
    if isinstance(item, Block) and item.outcome in _OUTCOMES:
        return _OUTCOMES[item.outcome]
    return _COLOURS.get(type(item).__name__)


def _paint(text: str, kind: str) -> str:
    return click.style(text, fg=_BYTES[kind], bold=True)
