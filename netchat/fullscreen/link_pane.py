"""State of the link: code in use, blocks, repaired symbols, and goodput over time."""

from __future__ import annotations

import asyncio

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Sparkline, Static

from netchat.tui.lines import sanitize
from netchat.tui.link_meter import LinkMeter

__all__ = ["LinkPane"]

_NONE = "There is no link: frames are sent uncoded. To use one, start with --link rs:255,223."


class LinkPane(Vertical):
    """Pane about the link.

    Args:
        meter: Meter of the client's link.
    """

    DEFAULT_CSS = """
    LinkPane { height: auto; border-top: solid $panel; padding: 0 1; }
    LinkPane #link-rates { height: 1; }
    LinkPane Sparkline { width: 1fr; height: 1; margin: 0 1; }
    LinkPane #link-out, LinkPane #link-in { width: auto; }
    LinkPane Sparkline > .sparkline--min-color { color: $primary; }
    LinkPane Sparkline > .sparkline--max-color { color: $accent; }
    """

    def __init__(self, meter: LinkMeter) -> None:
        super().__init__(id="link")
        self.meter = meter

    def compose(self) -> ComposeResult:
        """Create the rows."""
        yield Static(id="link-rows", markup=False)
        with Horizontal(id="link-rates"):
            yield Static(id="link-out", markup=False)
            yield Sparkline(id="link-sparkline-out")
            yield Static(id="link-in", markup=False)
            yield Sparkline(id="link-sparkline-in")

    def redraw(self) -> None:
        """Show the counters of now."""
        now = asyncio.get_running_loop().time()
        rows = self.meter.rows(now)
        rates = self.query_one("#link-rates", Horizontal)
        rates.display = rows is not None
        if rows is None:
            self.query_one("#link-rows", Static).update(_NONE)
            return
        text = Text(no_wrap=True, overflow="ellipsis")
        named = {"link": rows.state, "blocks": rows.blocks, "repaired": rows.repaired}
        for name, shown in (named | {"channel": rows.noise}).items():
            text.append(f"{name:<10}", "dim")
            text.append(f"{sanitize(shown, ' ')}\n")
        text.right_crop(1)
        self.query_one("#link-rows", Static).update(text)
        for way, arrow, rate, samples in (
            ("out", "goodput   ↑", rows.goodput_out, self.meter.goodput_out),
            ("in", "↓", rows.goodput_in, self.meter.goodput_in),
        ):
            self.query_one(f"#link-{way}", Static).update(f"{arrow} {rate:>12}")
            self.query_one(f"#link-sparkline-{way}", Sparkline).data = list(samples)
