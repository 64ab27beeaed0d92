"""The log of a conversation: one `Text` widget with tags."""

from __future__ import annotations

import re
import tkinter as tk
import webbrowser
from collections.abc import Callable, Sequence
from tkinter import ttk

from netchat.desktop.theme import NAME_TINTS, Theme
from netchat.tui.entries import Entry, tint_of
from netchat.tui.lines import LOCK, LineKind

__all__ = ["LogView"]

#: Entries that are drawn at once; earlier ones follow when the user scrolls up.
PAGE = 400

#: Time in seconds up to which a message continues the previous one of the same sender.
_GROUP_SECONDS = 300.0

_LINK = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;:!?)\]]")


class LogView:
    """Log of the selected conversation.

    Args:
        parent: Widget to place it in.
        theme: Colours and fonts.
        save: Called with an entry whose offered file the user wants to save.
    """

    def __init__(
        self, parent: tk.Misc, theme: Theme, save: Callable[[Entry], None] = lambda _: None
    ) -> None:
        self.frame = ttk.Frame(parent, style="Card.TFrame")
        self._theme = theme
        self._entries: list[Entry] = []
        self._first = 0  # index of the first entry that is drawn
        self.text = tk.Text(
            self.frame, wrap="word", state="disabled", borderwidth=0, highlightthickness=0, width=1,
            height=1, cursor="arrow", takefocus=True, undo=False, exportselection=True,
        )  # fmt: skip
        self._bar = ttk.Scrollbar(self.frame, command=self._scroll)
        self.text.configure(yscrollcommand=self._scrolled)
        self._bar.pack(side="right", fill="y")
        self.text.pack(side="left", fill="both", expand=True)
        self._save = save
        self._offers: dict[int, Entry] = {}
        self.text.tag_bind("link", "<Button-1>", self._open_link)
        self.text.tag_bind("save", "<Button-1>", self._save_offer)
        for tag in ("link", "save"):
            self.text.tag_bind(tag, "<Enter>", lambda _: self.text.configure(cursor="hand2"))
            self.text.tag_bind(tag, "<Leave>", lambda _: self.text.configure(cursor="arrow"))
        self.text.bind("<Button-1>", lambda _: self.text.focus_set(), add=True)
        self.text.bind("<Configure>", self._resized)
        self._is_at_end = True
        self.restyle()

    def restyle(self) -> None:
        """Apply the theme's colours and fonts."""
        theme, colours, text = self._theme, self._theme.colours, self.text
        text.configure(
            background=colours.card, foreground=colours.text, font=theme.text, padx=theme.px(18),
            pady=theme.px(10), selectbackground=colours.accent, selectforeground=colours.on_accent,
            inactiveselectbackground=colours.hover, spacing3=theme.px(3),
        )  # fmt: skip
        text.tag_configure("head", spacing1=theme.px(9), spacing3=theme.px(2))
        for index in range(NAME_TINTS):
            text.tag_configure(f"name{index}", font=theme.bold, foreground=colours.tints[index])
        text.tag_configure("own", font=theme.bold, foreground=colours.accent)
        text.tag_configure("time", font=theme.small, foreground=colours.muted)
        text.tag_configure("body", lmargin2=0)
        text.tag_configure(
            "notice", font=theme.small, foreground=colours.muted, spacing1=theme.px(4)
        )
        text.tag_configure(
            "answer",
            font=theme.mono,
            foreground=colours.text,
            lmargin2=theme.mono.measure("0") * 28,
        )
        text.tag_configure("error", foreground=colours.bad, spacing1=theme.px(4))
        text.tag_configure("link", foreground=colours.accent, underline=True)
        text.tag_configure("save", foreground=colours.accent, underline=True, font=theme.small)
        for tag in ("link", "save", "sel"):
            text.tag_raise(tag)

    # -- what is shown -----------------------------------------------------------------------------

    def show(self, entries: Sequence[Entry]) -> None:
        """Show a whole log, from its end."""
        self._entries = list(entries)
        self._first = max(0, len(self._entries) - PAGE)
        self.text.configure(state="normal")
        self.text.delete("1.0", "end")
        self._insert("end", self._first, len(self._entries))
        self.text.configure(state="disabled")
        self.scroll_to_end()

    def replace(self, entries: Sequence[Entry]) -> None:
        """Show a log whose entries have changed, without moving what the user reads."""
        if self._is_at_end:
            self.show(entries)
            return
        top, first = self.text.index("@0,0"), min(self._first, len(entries))
        self._entries, self._first = list(entries), first
        self.text.configure(state="normal")
        self.text.delete("1.0", "end")
        self._insert("end", first, len(entries))
        self.text.configure(state="disabled")
        self.text.yview(top)

    def append(self, entries: Sequence[Entry]) -> None:
        """Append entries; follow them if the end is visible."""
        was_at_end = self._is_at_end
        begin = len(self._entries)
        self._entries += entries
        self.text.configure(state="normal")
        self._insert("end", begin, len(self._entries))
        self.text.configure(state="disabled")
        if was_at_end:
            self.scroll_to_end()

    def scroll_to_end(self) -> None:
        """Show the newest entry."""
        self._is_at_end = True
        self.text.see("end")
        self.text.yview_moveto(1.0)

    def page(self, direction: int) -> None:
        """Scroll by a page: -1 up, 1 down."""
        self._scroll("scroll", str(direction), "pages")

    def _insert(self, where: str, begin: int, end: int) -> None:
        """Draw a range of the entries in one call of Tk."""
        pieces: list[str | tuple[str, ...]] = []
        before = self._entries[begin - 1] if begin > self._first else None
        is_first = where == "1.0" or (begin == self._first)
        for entry in self._entries[begin:end]:
            line = "" if is_first else "\n"
            is_first = False
            self._draw(entry, before, line, pieces)
            before = entry
        if not pieces:
            return
        if where == "1.0":
            pieces += ["\n", ()]
        self.text.insert(where, *pieces)  # type: ignore[arg-type]

    def _draw(
        self, entry: Entry, before: Entry | None, line: str, pieces: list[str | tuple[str, ...]]
    ) -> None:
        if not entry.sender:
            self._draw_notice(entry, line, pieces)
            return
        is_continued = (
            before is not None
            and before.sender == entry.sender
            and before.is_own == entry.is_own
            and entry.when - before.when < _GROUP_SECONDS
        )
        if not is_continued:
            tag = "own" if entry.is_own else f"name{tint_of(entry.sender, NAME_TINTS)}"
            lock = f"{LOCK} " if entry.is_sealed else ""
            pieces += [
                line, ("head",), entry.sender, ("head", tag), f"  {lock}{entry.clock}",
                ("head", "time"),
            ]  # fmt: skip
            line = "\n"
        pieces += [line, ()]
        tags = ("error",) if entry.kind is LineKind.ERROR else ("body",)
        self._draw_text(entry.text, tags, pieces)

    def _draw_notice(self, entry: Entry, line: str, pieces: list[str | tuple[str, ...]]) -> None:
        tags = {LineKind.ERROR: "error", LineKind.ANSWER: "answer"}.get(entry.kind, "notice")
        if entry.kind is LineKind.ANSWER and (entry.tag or entry.seq):
            tags = "notice"
        pieces += [line, ()]
        text = entry.text
        if entry.tag in ("warning", "not delivered"):
            text = f"{entry.tag.capitalize()}: {text}"
        if tags == "notice":
            pieces += [f"{entry.clock}  ", ("time", "notice")]
        if text.startswith("you "):  # other sentences may begin with a name, which stays as it is
            text = f"Y{text[1:]}"
        if entry.offer:
            self._offers[entry.offer] = entry
            before, _, after = text.rpartition(f"  /save {entry.offer}")
            self._draw_text(f"{before}  ", (tags,), pieces)
            pieces += ["Save …", (tags, "save", f"save{entry.offer}"), after, (tags,)]
            return
        self._draw_text(text, (tags,), pieces)

    @staticmethod
    def _draw_text(text: str, tags: tuple[str, ...], pieces: list[str | tuple[str, ...]]) -> None:
        at = 0
        if "://" in text:
            for found in _LINK.finditer(text):
                pieces += [text[at : found.start()], tags, found[0], (*tags, "link")]
                at = found.end()
        pieces += [text[at:], tags]

    # -- scrolling ---------------------------------------------------------------------------------

    def _scroll(self, *arguments: str) -> None:
        self.text.yview(*arguments)

    def _scrolled(self, first: float, last: float) -> None:  # Tk passes texts
        self._bar.set(float(first), float(last))
        self._is_at_end = float(last) >= 0.9999
        if float(first) <= 0.0 and self._first and not self._is_at_end:
            self.text.after_idle(self._draw_earlier)

    def _draw_earlier(self) -> None:
        """Draw an earlier page above the others, without moving them."""
        if not self._first or float(self.text.yview()[0]) > 0:
            return
        end, self._first = self._first, max(0, self._first - PAGE)
        self.text.mark_set("top", "1.0")
        self.text.mark_gravity("top", "right")
        self.text.configure(state="normal")
        self._insert("1.0", self._first, end)
        self.text.configure(state="disabled")
        self.text.yview("top")

    def _resized(self, _: object) -> None:
        if self._is_at_end:
            self.text.after_idle(self.scroll_to_end)

    def _save_offer(self, event: tk.Event[tk.Text]) -> None:
        for tag in self.text.tag_names(f"@{event.x},{event.y}"):
            number = tag.removeprefix("save")
            if number.isdecimal() and int(number) in self._offers:
                self._save(self._offers[int(number)])

    def _open_link(self, event: tk.Event[tk.Text]) -> None:
        index = self.text.index(f"@{event.x},{event.y}")
        extent = self.text.tag_prevrange("link", f"{index} + 1 chars")
        if extent:
            webbrowser.open(self.text.get(*extent))
