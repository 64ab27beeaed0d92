"""*Under the hood*: the frames as they pass, and the fields and bytes of the selected one."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from netchat.fullscreen.byte_view import ByteView
from netchat.fullscreen.row_list import RowList
from netchat.tui.frame_log import FrameLog, SeenFrame
from netchat.tui.lines import sanitize

__all__ = ["HoodPane"]

#: Width in columns from which fields and bytes are side by side.
_WIDE = 120

#: Bytes of a frame's header.
_HEADER = 16


class HoodPane(Vertical):
    """Frames of a client.

    Args:
        frames: The frames.
    """

    DEFAULT_CSS = """
    HoodPane { height: 50%; min-height: 9; }
    HoodPane > Horizontal { height: 1fr; }
    HoodPane #hood-title { height: 1; padding: 0 1; background: $panel; }
    HoodPane #hood-list { width: 34; border-right: solid $panel; }
    HoodPane #hood-frame { width: 1fr; }
    HoodPane #hood-parts { height: 1fr; }
    HoodPane #hood-fields { height: 3fr; padding: 0 1; }
    HoodPane #hood-bytes { height: 2fr; padding: 0 1; border-top: solid $panel; }
    HoodPane #hood-doc { height: 1; padding: 0 1; color: $text-muted; }
    HoodPane.wide #hood-list { width: 40; }
    HoodPane.wide #hood-parts { layout: horizontal; }
    HoodPane.wide #hood-fields { width: 1fr; height: 1fr; }
    HoodPane.wide #hood-bytes { width: 43; height: 1fr; border-top: none;
      border-left: solid $panel; }
    HoodPane.widest #hood-bytes { width: 75; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [("c", "clear", "Clear")]

    def __init__(self, frames: FrameLog) -> None:
        super().__init__(id="hood")
        self.frames = frames
        self._shown: list[SeenFrame] = []
        self._selected: SeenFrame | None = None
        self._revision = -1
        self._list = RowList(self._frame_row, "hood-list")
        self._list.follows = True
        self._fields = RowList(self._field_row, "hood-fields")
        self._bytes = ByteView("hood-bytes")

    def compose(self) -> ComposeResult:
        """Create the panes."""
        yield Static(id="hood-title", markup=False)
        with Horizontal():
            yield self._list
            with Vertical(id="hood-frame"):
                with Vertical(id="hood-parts"):
                    yield self._fields
                    yield self._bytes
                yield Static(id="hood-doc", markup=False)

    def on_resize(self) -> None:
        """Arrange the panes for the width."""
        self.set_class(self.size.width >= _WIDE, "wide")
        self.set_class(self.size.width >= _WIDE + 36, "widest")

    def redraw(self) -> None:
        """Show the frames that have passed since the last time."""
        if self._revision != self.frames.revision:
            self._revision = self.frames.revision
            self._shown = list(self.frames)
            if not self._list.follows and self._selected in self._shown:
                with self.prevent(RowList.Selected):
                    self._list.cursor = self._shown.index(self._selected)
            self._list.set_count(len(self._shown))
            self._select(self._list.cursor)
        elif self._selected is not None and len(self._selected.fields) != self._fields.count:
            self._fields.set_count(len(self._selected.fields))  # it was opened meanwhile
        self._draw_title()

    def _draw_title(self) -> None:
        frame = self._selected
        title = "Under the hood  ·  "
        if frame is None:
            title += "frames appear here as they are sent and received"
        else:
            way = "client to server" if frame.is_sent else "server to client"
            title += f"{frame.name}, {way}, {len(frame.raw):,} bytes"
            if self.size.width >= _WIDE:
                title += f"  ·  {frame.doc}"
            if not self._list.follows:
                title += "  ·  End follows"
        self.query_one("#hood-title", Static).update(title)

    def _select(self, index: int) -> None:
        frame = self._shown[index] if 0 <= index < len(self._shown) else None
        if frame is self._selected:
            return
        self._selected = frame
        fields = frame.fields if frame is not None else []
        hidden = [
            at for each in fields if each.hidden >= 0
            for at in range(each.hidden, each.offset + each.size)
        ]  # fmt: skip
        self._bytes.show(
            frame.raw if frame is not None else b"",
            list(dict.fromkeys((each.offset, each.size) for each in fields)),
            first=_HEADER,
            hidden=hidden,
        )
        self._fields.cursor = -1
        self._fields.set_count(len(fields))
        # The header is the same for all frames: begin with the message's own fields.
        first = next((at for at, each in enumerate(fields) if not each.is_header), len(fields) - 1)
        self._fields.show_from(first)
        self.call_after_refresh(self._show_field, first)

    def _show_field(self, index: int) -> None:
        fields = self._selected.fields if self._selected is not None else []
        if not 0 <= index < len(fields):
            self._bytes.highlight(0, 0)
            self.query_one("#hood-doc", Static).update("")
            return
        field = fields[index]
        self._bytes.highlight(field.offset, field.size)
        self.query_one("#hood-doc", Static).update(f"{field.path} ({field.kind}): {field.doc}")

    def _frame_row(self, index: int, width: int) -> Text:
        frame = self._shown[index]
        arrow, style = ("↑", "green") if frame.is_sent else ("↓", "cyan")
        row = Text(no_wrap=True, overflow="ellipsis", end="")
        if width >= 39:
            row.append(f"{frame.clock[:8]} ", "dim")
        row.append(f"{arrow} ", style)
        row.append(f"{frame.name:<12} ", "bold")
        row.append(sanitize(frame.brief, " "), "")
        row.truncate(width, overflow="ellipsis")
        return row

    def _field_row(self, index: int, width: int) -> Text:
        assert self._selected is not None
        field = self._selected.fields[index]
        row = Text(no_wrap=True, overflow="ellipsis", end="")
        row.append(f"{field.offset:04x} ", "dim")
        row.append(f"{field.path:<14} ", "dim" if field.is_header else "bold")
        row.append(sanitize(field.text, " "), "dim" if field.is_header else "")
        row.truncate(width, overflow="ellipsis")
        return row

    @on(RowList.Selected, "#hood-list")
    def _frame_selected(self, event: RowList.Selected) -> None:
        self._select(event.index)
        self._draw_title()

    @on(RowList.Selected, "#hood-fields")
    def _field_selected(self, event: RowList.Selected) -> None:
        self._show_field(event.index)

    @on(ByteView.Picked)
    def _byte_picked(self, event: ByteView.Picked) -> None:
        fields = self._selected.fields if self._selected is not None else []
        for index, field in enumerate(fields):
            if field.offset <= event.offset < field.offset + field.size:
                self._fields.cursor = index
                self._show_field(index)

    def action_clear(self) -> None:
        """Forget the frames."""
        self.frames.clear()
        self._list.follows = True
        self.redraw()
