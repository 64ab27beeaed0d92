"""File transfers in progress, each with a progress bar."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import ProgressBar, Static

from netchat.tui.file_lines import transfer_status
from netchat.tui.lines import sanitize
from netchat.tui.session import ShownTransfer

__all__ = ["TransfersPane"]

#: Transfers with a row of their own; the others are only counted.
_ROWS = 4

#: Signs of the actions on one of several transfers, short enough for a narrow row.
_SIGNS = {"pause": "‖", "resume": "►", "cancel": "✕"}


class TransferRow(Horizontal):
    """One transfer.

    Args:
        number: Its number.
    """

    DEFAULT_CSS = """
    TransferRow { height: 1; }
    TransferRow ProgressBar { width: 25%; }
    TransferRow ProgressBar Bar { width: 1fr; }
    TransferRow Static { width: 1fr; padding: 0 1; }
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def compose(self) -> ComposeResult:
        """Create the bar and the text."""
        yield ProgressBar(show_percentage=False, show_eta=False)
        yield Static(markup=False)

    def show(self, shown: ShownTransfer, now: float, *, is_single: bool) -> None:
        """Show the progress; beside one of several transfers, what can be done with it."""
        progress = shown.progress
        size = max(progress.size, 1)
        done = progress.done if progress.size else size
        self.query_one(ProgressBar).update(total=size, progress=done)
        text = Text(no_wrap=True, overflow="ellipsis", end="")
        if not is_single:
            for action in ("resume" if progress.is_paused else "pause", "cancel"):
                call = f"app.control_transfer({self.number}, {action!r})"
                text.append(f" {_SIGNS[action]} ", Style(bold=True, meta={"@click": call}))
        status = transfer_status(shown, now, is_numbered=not is_single)
        text.append(sanitize(status, " "))
        self.query_one(Static).update(text)


class TransfersPane(Vertical):
    """All transfers in progress; hidden without one."""

    DEFAULT_CSS = """
    TransfersPane { height: auto; background: $panel; padding: 0 1; display: none; }
    TransfersPane #transfers-head { height: 1; }
    """

    def __init__(self) -> None:
        super().__init__(id="transfers")

    def compose(self) -> ComposeResult:
        """Create the first line."""
        yield Static(id="transfers-head", markup=False)

    def redraw(self, transfers: Mapping[int, ShownTransfer], now: float) -> None:
        """Show transfers.

        Args:
            transfers: The transfers, by number.
            now: Current time (`time.monotonic`), in seconds.
        """
        self.display = bool(transfers)
        rows = {row.number: row for row in self.query(TransferRow)}
        shown = dict(list(transfers.items())[:_ROWS])
        for number, row in rows.items():
            if number not in shown:
                row.remove()
        for number, transfer in shown.items():
            row = rows.get(number) or TransferRow(number)
            show = partial(row.show, transfer, now, is_single=len(transfers) == 1)
            if number not in rows:
                self.mount(row)
                row.call_after_refresh(show)
            else:
                show()
        if transfers:
            self._draw_head(transfers)

    def _draw_head(self, transfers: Mapping[int, ShownTransfer]) -> None:
        are_paused = all(each.progress.is_paused for each in transfers.values())
        command = "/resume" if are_paused else "/pause"
        count = len(transfers)
        text = Text(f"{count} {'file' if count == 1 else 'files'}  ", "dim", end="")
        for line in (command, "/cancel"):
            action = Style(underline=True, meta={"@click": f"app.run_line({line!r})"})
            text.append(line, action)
            text.append("  ")
        if count > _ROWS:
            text.append(f"and {count - _ROWS} more", "dim")
        self.query_one("#transfers-head", Static).update(text)
