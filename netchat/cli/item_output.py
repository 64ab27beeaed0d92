"""Prints the items of a live capture: chosen ones, as lines or as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterable

import click

from netchat.packets import Decoded, Item
from netchat.packets.choosing import choice
from netchat.packets.views.lines import Lines
from netchat.packets.views.records import as_dict
from netchat.packets.views.tree import hex_lines, tree_lines

__all__ = ["ItemPrinter"]

_COLOURS = {"Gap": "yellow", "Damage": "red", "Notice": "bright_black"}


class ItemPrinter:
    """Prints items to standard output.

    Args:
        room: only messages about this room.
        user: only conversations of this user.
        types: only messages of these types.
        as_json: JSON, one object a line.
        tree: every field, with its bytes.
        as_hex: the bytes.
        count: messages to print; behind them nothing more is.

    Attributes:
        full: whether `count` messages were printed.
    """

    def __init__(
        self,
        *,
        room: str | None = None,
        user: str | None = None,
        types: Collection[str] = (),
        as_json: bool = False,
        tree: bool = False,
        as_hex: bool = False,
        count: int | None = None,
    ) -> None:
        self._wanted = choice(room=room, user=user, types=types)
        self._json, self._tree, self._hex = as_json, tree, as_hex
        self._left = count
        self._lines = Lines(clock=True)
        self._coloured = sys.stdout.isatty()

    @property
    def full(self) -> bool:
        """Whether the messages that were asked for have been printed."""
        return self._left == 0

    def show(self, items: Iterable[Item]) -> None:
        """Print those of the items that are wanted, at once."""
        text: list[str] = []
        for item in items:
            if self.full:
                break
            if self._wanted is not None and not self._wanted(item):
                continue
            text += [json.dumps(as_dict(item))] if self._json else self._shown(item)
            if self._left is not None and isinstance(item, Decoded):
                self._left -= 1
        if text:
            click.echo("\n".join(text))  # which flushes, too

    def _shown(self, item: Item) -> list[str]:
        line = self._lines.line(item)
        colour = _COLOURS.get(type(item).__name__)
        if colour and self._coloured:
            line = click.style(line, fg=colour)
        more = (tree_lines(item) if self._tree else []) + (hex_lines(item) if self._hex else [])
        return [line, *more]
