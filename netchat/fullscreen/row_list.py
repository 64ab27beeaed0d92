"""List of any number of rows, of which only the visible ones are rendered."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.segment import Segment
from rich.text import Text
from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

__all__ = ["RowList"]


class RowList(ScrollView, can_focus=True):
    """List with a cursor.

    Args:
        render_row: Returns the text of a row, by its index and the list's width in columns.
        name_of: ID of the widget.

    Attributes:
        cursor: Index of the selected row; -1 without one.
        follows: The cursor stays on the last row while rows are added.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"row-list--cursor", "row-list--blurred"}
    DEFAULT_CSS = """
    RowList { background: $background; scrollbar-size-vertical: 1; overflow-x: hidden; }
    RowList > .row-list--cursor { background: $primary; color: $text; text-style: bold; }
    RowList > .row-list--blurred { background: $primary 35%; color: $foreground; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        ("up", "move(-1)", "Up"),
        ("down", "move(1)", "Down"),
        ("k", "move(-1)", "Up"),
        ("j", "move(1)", "Down"),
        ("pageup", "page(-1)", "Page up"),
        ("pagedown", "page(1)", "Page down"),
        ("home", "go(0)", "First"),
        ("g", "go(0)", "First"),
        ("end", "go(-1)", "Last"),
        ("G", "go(-1)", "Last"),
    ]

    cursor: reactive[int] = reactive(-1, always_update=False)

    class Selected(Message):
        """Message of Textual: another row is selected.

        Args:
            rows: The list.
            index: Index of the row.
        """

        def __init__(self, rows: RowList, index: int) -> None:
            super().__init__()
            self.rows = rows
            self.index = index

        @property
        def control(self) -> RowList:
            """The list."""
            return self.rows

    def __init__(self, render_row: Callable[[int, int], Text], name_of: str) -> None:
        super().__init__(id=name_of)
        self._render_row = render_row
        self._count = 0
        self.follows = False

    @property
    def count(self) -> int:
        """Number of rows."""
        return self._count

    def set_count(self, count: int) -> None:
        """Change the number of rows, and draw them again."""
        self._count = count
        self.virtual_size = Size(1, count)
        if self.cursor >= count:
            self.cursor = count - 1
        if self.follows and count:
            self.cursor = count - 1
        self.refresh()

    def show_from(self, index: int) -> None:
        """Select a row and show it as the first one, if enough rows follow."""
        with self.prevent(RowList.Selected):
            self.cursor = index
        self.scroll_to(y=max(index, 0), animate=False, force=True)

    def show_cursor(self) -> None:
        """Scroll to the selected row."""
        if self.cursor >= 0:
            self.scroll_to_region(Region(0, self.cursor, 1, 1), animate=False, force=True)

    def render_line(self, y: int) -> Strip:
        """Draw one line."""
        width = self.scrollable_content_region.width
        index = y + self.scroll_offset.y
        base = self.rich_style
        if index >= self._count or not width:
            return Strip.blank(self.size.width, base)
        text = self._render_row(index, width)
        strip = Strip(text.render(self.app.console)).adjust_cell_length(width).apply_style(base)
        if index == self.cursor:
            focused = "cursor" if self.has_focus else "blurred"
            style = self.get_component_rich_style(f"row-list--{focused}")
            # The row's own colours would not be readable on the cursor's.
            strip = Strip([Segment(text, style) for text, _, _ in strip], width)
        return strip

    def watch_cursor(self, _: int, new: int) -> None:
        """Scroll to the row, and tell the app."""
        if new >= 0:
            self.show_cursor()
            self.post_message(self.Selected(self, new))
        self.refresh()

    def action_move(self, step: int) -> None:
        """Select the previous or next row."""
        self._select(self.cursor + step)

    def action_page(self, direction: int) -> None:
        """Move by a page."""
        self._select(self.cursor + direction * max(self.size.height - 1, 1))

    def action_go(self, index: int) -> None:
        """Select the first row or, with -1, the last one."""
        self._select(self._count - 1 if index < 0 else index)

    def _select(self, index: int) -> None:
        if self._count:
            self.cursor = min(max(index, 0), self._count - 1)
            self.follows = self.cursor == self._count - 1

    def on_click(self, event: events.Click) -> None:
        """Select the row."""
        place = event.get_content_offset(self)
        index = place.y + self.scroll_offset.y if place is not None else -1
        if 0 <= index < self._count:
            self._select(index)

    def on_resize(self) -> None:
        """Keep the cursor in view."""
        self.set_count(self._count)
        self.call_after_refresh(self.show_cursor)
