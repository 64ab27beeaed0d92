"""Full-screen list of lines, such as a followed conversation or a ladder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen
from textual.widgets import Static

from netchat.fullscreen.row_list import RowList

__all__ = ["TextScreen"]


class TextScreen(Screen[None]):
    """Screen with a title and lines.

    Args:
        title: The title.
        lines: The lines, with styles.
        selected: Index of the line to begin with.
    """

    DEFAULT_CSS = """
    TextScreen .text-title { height: 1; padding: 0 1; background: $panel; }
    TextScreen RowList { padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape", "dismiss(None)", "Back"),
        ("q", "dismiss(None)", "Back"),
    ]

    def __init__(self, title: str, lines: Sequence[Text], selected: int = 0) -> None:
        super().__init__()
        self._heading = title
        self._lines = lines
        self._selected = selected

    def compose(self) -> ComposeResult:
        """Create the widgets."""
        yield Static(self._heading, classes="text-title", markup=False)
        yield RowList(self._row, "text-lines")
        yield Static("Escape goes back", classes="text-title", markup=False)

    def on_mount(self) -> None:
        """Show the lines."""
        rows = self.query_one(RowList)
        rows.set_count(len(self._lines))
        rows.cursor = self._selected if self._lines else -1
        rows.focus()

    def _row(self, index: int, width: int) -> Text:
        row = self._lines[index].copy()
        row.end = ""
        row.truncate(width, overflow="ellipsis")
        return row
