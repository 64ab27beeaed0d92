"""Browser of a capture: packets, tree and bytes in panes, like Wireshark in a terminal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from rich.text import Text
from textual import on
from textual.app import App, ComposeResult, SystemCommand
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widgets import Input, Static, Tree
from textual.widgets.tree import TreeNode

from netchat.errors import FilterError
from netchat.fullscreen.byte_view import ByteView
from netchat.fullscreen.filter_input import FilterInput
from netchat.fullscreen.packet_rows import KINDS, headings, packet_text
from netchat.fullscreen.row_list import RowList
from netchat.fullscreen.text_screen import TextScreen
from netchat.packets.browse.capture import BrowsedCapture
from netchat.packets.browse.conversations import follow_lines, ladder_around
from netchat.packets.browse.filter_line import filter_completions
from netchat.packets.browse.layers import Node, packet_tree
from netchat.packets.browse.rows import packet_row
from netchat.packets.browse.selection import Selection
from netchat.packets.filters import parse
from netchat.packets.views.sealed import Opener
from netchat.wording import many

__all__ = ["CaptureApp"]

#: Width in columns from which tree and bytes are side by side.
_WIDE = 120

#: Seconds of indexing or decoding between two turns of the app.
_TURN = 0.03

#: Packets that are decoded while the others are still indexed.
_FIRST = 2_000

#: Seconds between two updates of the list while the capture is read.
_UPDATE = 0.25


class CaptureApp(App[int]):
    """Browser of a capture.

    Args:
        capture: The capture.
        title: Name of the file or interface.
        ports: Ports of chat servers.
        line: Filter to begin with.
        opener: Opens sealed messages.
        clock: Show the time of day.
        is_dark: Use a dark theme.
        set_paused: Pauses or continues a live capture; None for a file.

    Attributes:
        capture: The capture.
        is_live: Packets are being captured.
        is_paused: New packets are not shown.
    """

    TITLE = "netchat"
    CSS = """
    #filter-line { height: 1; background: $panel; }
    #filter-line Static { width: auto; padding: 0 1; }
    #filter { border: none; height: 1; width: 1fr; padding: 0; background: $panel; }
    #filter:focus { border: none; background: $background; }
    #filter.wrong { color: $text-error; }
    #headings { height: 1; padding: 0 1; color: $text-muted; text-style: bold; }
    #packets { height: 1fr; padding: 0 1; }
    #detail { height: 1fr; border-top: solid $panel; }
    #tree { height: 1fr; padding: 0 1; background: $background; scrollbar-size-vertical: 1;
      scrollbar-size-horizontal: 0; }
    #bytes { height: 5; padding: 0 1; border-top: solid $panel; }
    #doc { height: 1; padding: 0 1; color: $text-muted; }
    #status { height: 1; padding: 0 1; background: $panel; }
    #problem { height: auto; padding: 0 1; background: $warning; color: black; display: none; }
    .wide #detail { layout: horizontal; }
    .wide #bytes { width: 43; height: 1fr; border-top: none; border-left: solid $panel; }
    .widest #bytes { width: 75; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        ("ctrl+q", "quit_app", "Quit"),
        ("ctrl+c", "quit_app", "Quit"),
        ("q", "quit_app", "Quit"),
        ("slash", "filter", "Filter"),
        ("f", "follow", "Follow the conversation"),
        ("l", "ladder", "Ladder"),
        ("c", "conversation", "Filter by conversation"),
        ("t", "clock", "Time of day"),
        ("space", "pause", "Pause"),
        ("escape", "packets", "Packets"),
    ]

    def __init__(
        self,
        capture: BrowsedCapture,
        title: str,
        *,
        ports: Iterable[int] = (),
        line: str = "",
        opener: Opener | None = None,
        clock: bool = False,
        is_dark: bool = True,
        set_paused: Callable[[bool], object] | None = None,
    ) -> None:
        super().__init__()
        self.theme = "textual-dark" if is_dark else "textual-light"
        self.capture = capture
        self.is_live = set_paused is not None
        self.is_paused = False
        self._set_paused = set_paused
        self._heading = title
        self._ports = frozenset(ports)
        self._line = line
        self._opener = opener
        self._clock = clock
        self._selection: Selection | None = None
        self._numbers: NDArray[np.uint32] | None = None  # of the shown packets; None for all
        self._selected = 0
        self._status = ""
        self._reading: asyncio.Task[None] | None = None
        self._has_work = asyncio.Event()

    def compose(self) -> ComposeResult:
        """Create the panes."""
        with Horizontal(id="filter-line"):
            yield Static("Filter", markup=False)
            yield FilterInput(self._complete, self._line)
        yield Static(id="problem", markup=False)
        yield Static(id="headings", markup=False)
        yield RowList(self._row, "packets")
        with Vertical(id="detail"):
            tree: Tree[Node] = Tree("packet", id="tree")
            tree.show_root = False
            tree.guide_depth = 2
            yield tree
            yield ByteView("bytes")
        yield Static(id="doc", markup=False)
        yield Static(id="status", markup=False)

    def on_mount(self) -> None:
        """Begin to read the capture."""
        packets = self.query_one("#packets", RowList)
        packets.follows = self.is_live
        packets.focus()
        if self._line:
            self._apply(self._line)
        self._reading = asyncio.create_task(self._read())
        self._draw_status()

    def on_resize(self) -> None:
        """Arrange the panes for the width."""
        self.screen.set_class(self.size.width >= _WIDE, "wide")
        self.screen.set_class(self.size.width >= _WIDE + 36, "widest")
        self.query_one("#headings", Static).update(headings(self.size.width - 3))
        self._draw_status()

    async def _read(self) -> None:
        """Index, decode and filter the capture, a little at a time."""
        loop = asyncio.get_running_loop()
        updated = 0.0
        while True:
            if not self._work():
                self.update()
                self._has_work.clear()
                await self._has_work.wait()
            elif loop.time() - updated > _UPDATE:
                updated = loop.time()
                self.update()
            await asyncio.sleep(0)

    def _work(self) -> bool:
        """Do a part of what is to be done; return whether there was something."""
        capture, selection = self.capture, self._selection
        if not capture.is_indexed:
            capture.index(_TURN)
            if capture.decoded < _FIRST:  # the rows that the user sees first
                capture.decode(_TURN / 3)
        elif selection is not None and not selection.is_complete:
            selection.step(_TURN)
            capture.decode(_TURN)
        elif not capture.is_decoded:
            capture.decode(_TURN)
        else:
            return False
        return True

    def update(self) -> None:
        """Show the packets that were read since the last time."""
        if not self.is_running or not self.query("#packets"):
            return
        packets = self.query_one("#packets", RowList)
        self._numbers = self._selection.numbers if self._selection is not None else None
        count = len(self.capture.packets) if self._numbers is None else len(self._numbers)
        packets.set_count(count)
        if packets.cursor < 0 and count:
            packets.cursor = 0
        problem = self.query_one("#problem", Static)
        problem.display = bool(self.capture.problem)
        problem.update(self.capture.problem)
        self._draw_status()

    def _draw_status(self) -> None:
        capture = self.capture
        total = len(capture.packets)
        parts = [self._heading, many(total, "packet")]
        if self._numbers is not None:
            parts.append(f"{len(self._numbers):,} shown")
        if self.is_live:
            parts.append("paused: Space continues" if self.is_paused else "live: Space pauses")
        elif not capture.is_indexed:
            parts.append("reading")
        elif not capture.is_decoded:
            parts.append(f"decoding {100 * capture.decoded // max(total, 1)} %")
        if self._selection is not None and not self._selection.is_complete:
            parts.append(f"filtering {100 * self._selection.share:.0f} %")
        keys = "/ filter  f follow  l ladder  c conversation  t time  q quit"
        if self.size.width < _WIDE:
            keys = "/ f l c t  ^P help  q quit"
        text = f"{'  ·  '.join(parts)}    {keys}"
        if text != self._status:  # an update with the same text would draw it again
            self._status = text
            self.query_one("#status", Static).update(text)

    # -- packets ------------------------------------------------------------------------------------

    def _number(self, index: int) -> int:
        """Return the number of the packet in a row."""
        return index + 1 if self._numbers is None else int(self._numbers[index])

    def _row(self, index: int, width: int) -> Text:
        row = packet_row(self.capture, self._number(index), clock=self._clock)
        return packet_text(row, width, is_dark=self.current_theme.dark)

    @on(RowList.Selected, "#packets")
    def _packet_selected(self, event: RowList.Selected) -> None:
        if event.index < event.rows.count:
            self._show_packet(self._number(event.index))

    def _show_packet(self, number: int) -> None:
        self._selected = number
        nodes = packet_tree(self.capture, number, self._opener)
        tree: Tree[Node] = self.query_one("#tree", Tree)
        tree.clear()
        for node in nodes:
            _grow(tree.root, node)
        tree.root.expand()
        top = nodes[0]
        self.query_one(ByteView).show(top.data, _fields(nodes))
        with_bytes = [each for each in tree.root.children if each.data and each.data.size]
        if with_bytes:  # its last layer or message says what the packet is about
            self.call_after_refresh(self._move_to, with_bytes[-1])

    def _move_to(self, node: TreeNode[Node]) -> None:
        tree: Tree[Node] = self.query_one("#tree", Tree)
        tree.move_cursor(node)
        tree.scroll_to(y=max(node.line, 0), animate=False, force=True)
        if node.data is not None:
            self._show_node(node.data)

    @on(Tree.NodeHighlighted, "#tree")
    def _node_highlighted(self, event: Tree.NodeHighlighted[Node]) -> None:
        if event.node.data is not None:
            self._show_node(event.node.data)

    def _show_node(self, node: Node) -> None:
        view = self.query_one(ByteView)
        if view.data is not node.data:
            view.show(node.data, [(node.offset, node.size)])
        view.highlight(node.offset, node.size)
        if not self.query_one("#filter", Input).has_focus:  # whose keys or error are shown
            self.query_one("#doc", Static).update(node.doc)

    @on(ByteView.Picked)
    def _byte_picked(self, event: ByteView.Picked) -> None:
        """Select the smallest node that contains the byte."""
        tree: Tree[Node] = self.query_one("#tree", Tree)
        best: TreeNode[Node] | None = None
        for found in _all_nodes(tree.root):
            node = found.data
            if node is None or node.data is not event.view.data:
                continue
            if node.offset <= event.offset < node.offset + node.size:
                smallest = best.data if best is not None else None
                if smallest is None or node.size <= smallest.size:
                    best = found
        if best is not None:
            parent = best.parent
            while parent is not None:
                parent.expand()
                parent = parent.parent
            self.call_after_refresh(self._move_to, best)

    # -- filter -------------------------------------------------------------------------------------

    def _complete(self, line: str) -> list[str]:
        return filter_completions(line, self.capture.users, self.capture.items.rooms)

    @on(Input.Changed, "#filter")
    def _filter_changed(self, event: Input.Changed) -> None:
        if not event.value.strip():
            self._apply("")

    @on(Input.Submitted, "#filter")
    def _filter_submitted(self, event: Input.Submitted) -> None:
        if self._apply(event.value):
            self.action_packets()

    def _apply(self, line: str) -> bool:
        """Use a filter; return whether it is valid."""
        shown = self.query_one("#filter", Input)
        try:
            selection = Selection(self.capture, parse(line)) if line.strip() else None
        except FilterError as error:
            shown.add_class("wrong")
            shown.cursor_position = error.start
            self.query_one("#doc", Static).update(f"Filter: {error}")
            return False
        self._selection = selection
        if selection is not None:
            selection.step(_TURN)  # enough for most captures
            self._has_work.set()
        shown.remove_class("wrong")
        self.query_one("#doc", Static).update("")
        self.update()
        packets = self.query_one("#packets", RowList)
        if self._numbers is not None and self._selected:  # keep the packet if it is still shown
            place = int(np.searchsorted(self._numbers, self._selected))
            packets.cursor = min(place, packets.count - 1)
        elif self._selected:
            packets.cursor = min(self._selected, packets.count) - 1
        if packets.cursor >= 0 and self._number(packets.cursor) != self._selected:
            self._show_packet(self._number(packets.cursor))
        self.call_after_refresh(packets.show_cursor)
        return True

    def action_filter(self) -> None:
        """Edit the filter."""
        self.screen.set_focus(self.query_one("#filter", Input))
        keys = "Enter applies the filter, Tab completes it, Escape returns to the packets."
        self.query_one("#doc", Static).update(keys)

    def action_packets(self) -> None:
        """Return to the list of packets."""
        self.screen.set_focus(self.query_one("#packets", RowList))
        self.query_one("#doc", Static).update("")

    def action_conversation(self) -> None:
        """Show only the conversation of the selected packet, or everything again."""
        conversation = self.capture.conversation_of(self._selected)
        line = ""
        if self._selection is None:
            if conversation is None:
                self.notify("This packet does not belong to a chat.")
                return
            line = f"conversation == {conversation.number}"
        self.query_one("#filter", Input).value = line
        self._apply(line)

    # -- views --------------------------------------------------------------------------------------

    def action_follow(self) -> None:
        """Show the chat of the selected packet's conversation."""
        conversation = self.capture.conversation_of(self._selected)
        if conversation is None:
            self.notify("This packet does not belong to a chat.")
            return
        lines = [Text(line) for line in follow_lines(self.capture, conversation, self._opener)]
        title = f"Conversation {conversation.number}: {conversation.user or conversation}"
        if not lines:
            lines = [Text("No message in this conversation.", "dim")]
        self.push_screen(TextScreen(title, lines))

    def action_ladder(self) -> None:
        """Draw the conversation of the selected packet."""
        lines = ladder_around(self.capture, self._selected, self._ports, self.size.width - 2)
        if not lines:
            self.notify("This packet does not belong to a chat.")
            return
        is_dark = self.current_theme.dark
        texts = [Text(line.text, KINDS.get(line.kind, ("", ""))[not is_dark]) for line in lines]
        own = (
            at for at, line in enumerate(lines) if line.text[11:17].strip() == str(self._selected)
        )
        self.push_screen(TextScreen("Ladder", texts, next(own, 0)))

    def action_clock(self) -> None:
        """Show the time of day, or the seconds since the first packet."""
        self._clock = not self._clock
        self.query_one("#packets", RowList).refresh()

    def action_pause(self) -> None:
        """Pause or continue a live capture."""
        if self._set_paused is None or not self.is_live:
            return
        self.is_paused = not self.is_paused
        self._set_paused(self.is_paused)
        packets = self.query_one("#packets", RowList)
        packets.follows = not self.is_paused and packets.cursor == packets.count - 1
        self._draw_status()

    def action_quit_app(self) -> None:
        """End the app."""
        if self._reading is not None:
            self._reading.cancel()
        self.exit(0)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Return the commands of the palette."""
        for title, does, action in (
            ("Filter", "Edit the filter", self.action_filter),
            ("Follow", "Show the chat of this conversation", self.action_follow),
            ("Ladder", "Draw this conversation", self.action_ladder),
            (
                "Conversation",
                "Show only this conversation, or everything",
                self.action_conversation,
            ),
            ("Time", "Show the time of day or elapsed seconds", self.action_clock),
        ):
            yield SystemCommand(title, does, action)
        if self.is_live:
            yield SystemCommand("Pause", "Pause or continue the capture", self.action_pause)
        yield from super().get_system_commands(screen)


def _grow(parent: TreeNode[Node], node: Node) -> None:
    """Add a node and its children to the tree."""
    label = Text(node.label, no_wrap=True)
    if not node.children:
        if parent.is_root:  # in line with the nodes that have an arrow
            label = Text(f"  {node.label}", no_wrap=True)
        parent.add_leaf(label, data=node)
        return
    added = parent.add(label, data=node, expand=node.is_open)
    for child in node.children:
        _grow(added, child)


def _all_nodes(root: TreeNode[Node]) -> Iterable[TreeNode[Node]]:
    for child in root.children:
        yield child
        yield from _all_nodes(child)


def _fields(nodes: Iterable[Node]) -> list[tuple[int, int]]:
    """Return the places of the layers and fields, for the colours of the bytes."""
    places = []
    for node in nodes:
        own = node.children if node.is_open else [node]
        places += [(each.offset, each.size) for each in own if each.size]
    return places[1:]
