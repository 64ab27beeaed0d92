"""Bytes in hex and ASCII, with a highlighted range; a click selects a byte."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

__all__ = ["ByteView"]

#: Columns of the offset before a row.
_MARGIN = 6


class ByteView(ScrollView, can_focus=True):
    """Bytes of a frame or packet.

    Args:
        name_of: ID of the widget.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "byte-view--offset",
        "byte-view--first",
        "byte-view--odd",
        "byte-view--even",
        "byte-view--lit",
    }
    DEFAULT_CSS = """
    ByteView { background: $background; scrollbar-size-vertical: 1; overflow-x: hidden; }
    ByteView > .byte-view--offset { color: $text-muted; }
    ByteView > .byte-view--first { color: $text-muted; }
    ByteView > .byte-view--even { color: $text-accent; }
    ByteView > .byte-view--odd { color: $text-success; }
    ByteView > .byte-view--lit { background: $primary; color: $text; text-style: bold; }
    """

    class Picked(Message):
        """Message of Textual: a byte is selected.

        Args:
            view: The view.
            offset: Offset of the byte.
        """

        def __init__(self, view: ByteView, offset: int) -> None:
            super().__init__()
            self.view = view
            self.offset = offset

        @property
        def control(self) -> ByteView:
            """The view."""
            return self.view

    def __init__(self, name_of: str) -> None:
        super().__init__(id=name_of)
        self._data = b""
        self._lit = range(0)
        self._hidden: frozenset[int] = frozenset()
        self._byte_styles: list[str] = []

    def show(
        self,
        data: bytes,
        fields: Sequence[tuple[int, int]] = (),
        *,
        first: int = 0,
        hidden: Collection[int] = (),
    ) -> None:
        """Show other bytes.

        Args:
            data: The bytes.
            fields: Offset and size of each field; fields that follow one another differ in colour.
            first: Number of bytes of the header, which are dimmed.
            hidden: Offsets of bytes that are not shown.
        """
        self._data = data
        self._hidden = frozenset(hidden)
        self._lit = range(0)
        self._byte_styles = ["byte-view--first"] * len(data)
        for number, (at, size) in enumerate(fields):
            for index in range(max(at, first), min(at + size, len(data))):
                self._byte_styles[index] = "byte-view--odd" if number % 2 else "byte-view--even"
        self._lay_out()
        self.scroll_home(animate=False)

    def highlight(self, offset: int, size: int) -> None:
        """Highlight a range of bytes, and scroll to it."""
        self._lit = range(offset, offset + size)
        if size:
            row = offset // self.per_row
            rows = (offset + size - 1) // self.per_row - row + 1
            region = Region(0, row, 1, min(rows, max(self.size.height, 1)))
            self.scroll_to_region(region, animate=False, force=True)
        self.refresh()

    @property
    def data(self) -> bytes:
        """The bytes."""
        return self._data

    @property
    def per_row(self) -> int:
        """Number of bytes per row."""
        width = self.scrollable_content_region.width
        return 16 if width >= _MARGIN + 16 * 3 + 2 + 16 else 8

    def _lay_out(self) -> None:
        rows = -(-len(self._data) // self.per_row)
        self.virtual_size = Size(1, rows)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw one line."""
        width, base = self.scrollable_content_region.width, self.rich_style
        at = (y + self.scroll_offset.y) * self.per_row
        part = self._data[at : at + self.per_row]
        if not part:
            return Strip.blank(self.size.width, base)
        styles = {name: self.get_component_rich_style(name) for name in self.COMPONENT_CLASSES}
        segments = [Segment(f"{at:04x}  ", styles["byte-view--offset"])]
        letters = []
        for index, byte in enumerate(part, at):
            is_lit = index in self._lit
            style = styles["byte-view--lit" if is_lit else self._byte_styles[index]]
            is_hidden = index in self._hidden
            segments.append(Segment("••" if is_hidden else f"{byte:02x}", style))
            # The space between two highlighted bytes is highlighted too.
            joined = is_lit and index + 1 in self._lit and index + 1 < at + len(part)
            segments.append(Segment(" ", style if joined else base))
            shown = chr(byte) if 32 <= byte < 127 and not is_hidden else "·"
            letters.append(Segment(shown, style))
        segments.append(Segment("   " * (self.per_row - len(part)) + " ", base))
        return Strip([*segments, *letters]).adjust_cell_length(width).apply_style(base)

    def on_click(self, event: events.Click) -> None:
        """Select a byte, in hex or in ASCII."""
        place = event.get_content_offset(self)
        if place is None:
            return
        column = place.x - _MARGIN
        index = column // 3
        if column >= self.per_row * 3 + 1:
            index = column - self.per_row * 3 - 1
        offset = (place.y + self.scroll_offset.y) * self.per_row + index
        if column >= 0 and 0 <= index < self.per_row and offset < len(self._data):
            self.post_message(self.Picked(self, offset))

    def on_resize(self) -> None:
        """Show as many bytes per row as fit."""
        self._lay_out()
        self.call_after_refresh(lambda: self.highlight(self._lit.start, len(self._lit)))
