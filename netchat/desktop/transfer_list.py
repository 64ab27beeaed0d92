"""The transfers of files in progress, with their progress bars."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk
from typing import NamedTuple

from netchat.desktop.theme import Theme
from netchat.tui.panes_state import TransferState

__all__ = ["TransferList"]

#: Transfers that are shown; the others wait below.
_MAX_SHOWN = 4


class _Row(NamedTuple):
    frame: ttk.Frame
    bar: ttk.Progressbar
    text: ttk.Label
    pause: ttk.Button


class TransferList:
    """List of transfers, which is hidden without any.

    Args:
        parent: Widget to place it in.
        theme: Colours and fonts.
        control: Called with the number of a transfer and `pause`, `resume` or `cancel`.
    """

    def __init__(self, parent: tk.Misc, theme: Theme, control: Callable[[int, str], None]) -> None:
        self._theme = theme
        self._control = control
        self.frame = ttk.Frame(parent, style="Card.TFrame")
        self.rows: dict[int, _Row] = {}
        self._paused: dict[int, bool] = {}
        self._more = ttk.Label(self.frame, style="Card.Muted.TLabel")

    def show(self, transfers: tuple[TransferState, ...]) -> None:
        """Show the transfers."""
        shown = {each.number: each for each in transfers[:_MAX_SHOWN]}
        for number in self.rows.keys() - shown.keys():
            self.rows.pop(number).frame.destroy()
        for number, transfer in shown.items():
            row = self.rows.get(number) or self._add(number)
            self._paused[number] = transfer.is_paused
            row.bar.configure(value=round(1000 * transfer.share))
            row.text.configure(text=transfer.status)
            row.pause.configure(text="Resume" if transfer.is_paused else "Pause")
        if hidden := len(transfers) - len(shown):
            self._more.configure(text=f"and {hidden} more")
            self._more.pack(anchor="w")
        else:
            self._more.pack_forget()
        # An empty frame would keep its height.
        if transfers and not self.frame.winfo_manager():
            self.frame.pack(fill="x", side="top", pady=(0, self._theme.px(6)))
        elif not transfers and self.frame.winfo_manager():
            self.frame.pack_forget()

    def _add(self, number: int) -> _Row:
        px = self._theme.px
        frame = ttk.Frame(self.frame, style="Card.TFrame")
        frame.pack(fill="x", pady=(px(2), 0))
        bar = ttk.Progressbar(frame, maximum=1000, length=px(140))
        bar.pack(side="left", padx=(px(2), px(10)))
        text = ttk.Label(frame, style="Card.Muted.TLabel")
        text.pack(side="left", fill="x", expand=True)
        ttk.Button(
            frame, text="Cancel", style="CardFlat.TButton",
            command=lambda: self._control(number, "cancel"),
        ).pack(side="right")  # fmt: skip
        pause = ttk.Button(
            frame, style="CardFlat.TButton", width=7, command=lambda: self._toggle(number)
        )
        pause.pack(side="right")
        self.rows[number] = row = _Row(frame, bar, text, pause)
        return row

    def _toggle(self, number: int) -> None:
        self._control(number, "resume" if self._paused[number] else "pause")
