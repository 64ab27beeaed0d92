"""The log of a server, with a filter."""

from __future__ import annotations

import time
import tkinter as tk
from collections import deque
from collections.abc import Iterable
from tkinter import ttk

from netchat.chat.server_log import LogEntry, is_warning, log_line
from netchat.desktop.theme import Theme

__all__ = ["ServerLogView"]

#: Maximum number of entries that are kept, and shown.
MAX_ENTRIES = 5_000

#: Lines that are removed at once when there are too many.
_CHUNK = 500


class ServerLogView:
    """Log with a field to filter it.

    Args:
        parent: Widget to place it in.
        theme: Colours and fonts.
    """

    def __init__(self, parent: tk.Misc, theme: Theme) -> None:
        self._theme = theme
        self._entries: deque[LogEntry] = deque(maxlen=MAX_ENTRIES)
        self._lines = 0
        px = theme.px
        self.frame = ttk.Frame(parent, style="Card.TFrame")
        self.head = ttk.Frame(self.frame, style="Card.TFrame", padding=(px(12), px(7)))
        self.head.pack(fill="x")
        ttk.Label(self.head, text="LOG", style="Card.Muted.TLabel").pack(side="left")
        self.filter = tk.StringVar(parent)
        self.only_warnings = tk.BooleanVar(parent, value=False)
        ttk.Label(self.head, text="Filter", style="Card.Muted.TLabel").pack(
            side="left", padx=(px(18), px(6))
        )
        self.field = ttk.Entry(self.head, textvariable=self.filter, font=theme.text, width=24)
        self.field.pack(side="left")
        self.field.bind("<Escape>", lambda _: self.filter.set(""))
        ttk.Checkbutton(
            self.head, text="Warnings only", variable=self.only_warnings, command=self._show_all,
            style="Card.TCheckbutton",
        ).pack(side="left", padx=(px(14), 0))  # fmt: skip
        self.filter.trace_add("write", lambda *_: self._show_all())
        ttk.Frame(self.frame, style="Line.TFrame", height=1).pack(fill="x")
        self.text = tk.Text(
            self.frame, wrap="word", state="disabled", borderwidth=0, highlightthickness=0, width=1,
            height=12, cursor="arrow", undo=False,
        )  # fmt: skip
        bar = ttk.Scrollbar(self.frame, command=self.text.yview)
        self.text.configure(yscrollcommand=bar.set)
        bar.pack(side="right", fill="y")
        self.text.pack(side="left", fill="both", expand=True)
        self.text.bind("<Button-1>", lambda _: self.text.focus_set(), add=True)
        self.restyle()

    def restyle(self) -> None:
        """Apply the theme's colours and fonts."""
        theme, colours = self._theme, self._theme.colours
        self.text.configure(
            background=colours.card, foreground=colours.text, font=theme.mono, padx=theme.px(12),
            pady=theme.px(6), selectbackground=colours.accent, selectforeground=colours.on_accent,
            inactiveselectbackground=colours.hover, spacing3=theme.px(2),
        )  # fmt: skip
        self.text.tag_configure("entry", lmargin2=theme.mono.measure("0") * 23)
        self.text.tag_configure("time", foreground=colours.muted)
        self.text.tag_configure("event", foreground=colours.accent)
        self.text.tag_configure("warning", foreground=colours.bad)
        self.text.tag_raise("sel")

    def append(self, entries: Iterable[LogEntry]) -> None:
        """Append entries; follow them if the end is visible."""
        new = list(entries)
        self._entries.extend(new)
        self._insert(new)

    def lines(self) -> list[str]:
        """Return the lines that the filter admits."""
        return [
            "  ".join((_date(entry), f"{entry.note.event:<12}", log_line(entry.note)))
            for entry in self._entries
            if self._is_shown(entry)
        ]

    def _is_shown(self, entry: LogEntry) -> bool:
        if self.only_warnings.get() and not is_warning(entry.note):
            return False
        wanted = self.filter.get().casefold().split()
        if not wanted:
            return True
        text = f"{entry.note.event} {log_line(entry.note)}".casefold()
        return all(word in text for word in wanted)

    def _show_all(self) -> None:
        self.text.configure(state="normal")
        self.text.delete("1.0", "end")
        self.text.configure(state="disabled")
        self._lines = 0
        self._insert(list(self._entries))
        self.text.yview_moveto(1.0)

    def _insert(self, entries: list[LogEntry]) -> None:
        pieces: list[str | tuple[str, ...]] = []
        for entry in entries:
            if not self._is_shown(entry):
                continue
            line = "\n" if self._lines else ""
            self._lines += 1
            clock = time.strftime("%H:%M:%S", time.localtime(entry.time))
            is_bad = is_warning(entry.note)
            kind = "warning" if is_bad else "event"
            pieces += [
                f"{line}{clock}  ", ("entry", "time"), f"{entry.note.event:<13}", ("entry", kind),
                log_line(entry.note), ("entry", "warning") if is_bad else ("entry",),
            ]  # fmt: skip
        if not pieces:
            return
        was_at_end = float(self.text.yview()[1]) >= 0.9999
        self.text.configure(state="normal")
        self.text.insert("end", *pieces)  # type: ignore[arg-type]
        if self._lines > MAX_ENTRIES + _CHUNK:
            surplus = self._lines - MAX_ENTRIES
            self.text.delete("1.0", f"{surplus + 1}.0")
            self._lines -= surplus
        self.text.configure(state="disabled")
        if was_at_end:
            self.text.yview_moveto(1.0)


def _date(entry: LogEntry) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(entry.time))
