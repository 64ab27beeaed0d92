"""The input: a text of several lines, with history and completion."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from tkinter import ttk

from netchat.desktop.emoji_picker import EmojiPicker
from netchat.desktop.file_drop import copied_files
from netchat.desktop.theme import Theme

__all__ = ["InputBox"]

#: Lines up to which the input grows.
MAX_LINES = 6

#: Maximum number of lines in the history.
_MAX_HISTORY = 200

#: Returns the number of characters before the cursor to replace, and the candidates.
Completer = Callable[[str], tuple[int, Sequence[str]]]


class InputBox:
    """Input of messages and commands.

    Enter sends; Shift-Enter begins a new line. Up and Down show earlier inputs; Tab completes.

    Args:
        parent: Widget to place it in.
        theme: Colours and fonts.
        send: Called with each input.
        complete: Returns completions.
        attach: Called to choose a file to send.
        send_files: Called with the paths of files that were copied in a file manager and are pasted.
    """

    def __init__(
        self,
        parent: tk.Misc,
        theme: Theme,
        send: Callable[[str], None],
        complete: Completer,
        attach: Callable[[], None],
        send_files: Callable[[list[str]], None],
    ) -> None:
        self._theme = theme
        self._send = send
        self._complete = complete
        self._send_files = send_files
        self._history: list[str] = []
        self._at = 0  # position in the history; its length is the input itself
        self._draft = ""
        self._cycle: tuple[str, list[str], int] | None = None
        self.frame = tk.Frame(parent, highlightthickness=1)
        self.text = tk.Text(
            self.frame, height=1, width=1, wrap="word", borderwidth=0, highlightthickness=0,
            undo=True, maxundo=100, takefocus=True,
        )  # fmt: skip
        self.button = ttk.Button(
            self.frame, text="Send", style="Accent.TButton", command=self.submit, takefocus=True
        )
        self.button.pack(side="right", anchor="s", padx=theme.px(5), pady=theme.px(5))
        self.attach_button = ttk.Button(
            self.frame, text="File …", style="CardFlat.TButton", command=attach
        )
        self.emoji_button = ttk.Button(
            self.frame, text="☺", style="CardFlat.TButton", command=self.pick_emoji
        )
        for button in (self.attach_button, self.emoji_button):
            button.pack(side="right", anchor="s", pady=theme.px(7))
        self.text.pack(side="left", fill="both", expand=True)
        for sequence, action in (
            ("<Return>", self._enter), ("<KP_Enter>", self._enter), ("<Up>", self._up),
            ("<Down>", self._down), ("<Tab>", self._tab), ("<Escape>", self._escape),
            ("<<Paste>>", self._paste),
        ):  # fmt: skip
            self.text.bind(sequence, action)
        self.text.bind("<Shift-Return>", lambda _: None)  # Tk inserts the line feed
        self.text.bind("<Shift-Tab>", lambda _: None)
        self.text.bind("<<Modified>>", self._modified)
        self.text.bind("<FocusIn>", lambda _: self._show_focus(has_focus=True))
        self.text.bind("<FocusOut>", lambda _: self._show_focus(has_focus=False))
        self.restyle()

    def restyle(self) -> None:
        """Apply the theme's colours and fonts."""
        theme, colours = self._theme, self._theme.colours
        self.frame.configure(
            background=colours.card, highlightbackground=colours.line, highlightcolor=colours.accent
        )
        self.text.configure(
            background=colours.card, foreground=colours.text, insertbackground=colours.text,
            selectbackground=colours.accent, selectforeground=colours.on_accent, font=theme.text,
            padx=theme.px(12), pady=theme.px(9), insertwidth=max(2, theme.px(2)),
        )  # fmt: skip

    @property
    def value(self) -> str:
        """The text of the input."""
        return self.text.get("1.0", "end-1c")

    def set(self, value: str) -> None:
        """Replace the text of the input."""
        self.text.delete("1.0", "end")
        self.text.insert("1.0", value)
        self.text.mark_set("insert", "end-1c")
        self.text.see("insert")

    def pick_emoji(self) -> EmojiPicker:
        """Show the emoji; the chosen one is inserted at the cursor."""
        return EmojiPicker(self.emoji_button, self._theme, self._insert)

    def _insert(self, text: str) -> None:
        self.text.insert("insert", text)
        self.text.focus_set()

    def submit(self) -> None:
        """Send the input."""
        value = self.value
        if not value.strip():
            return
        self._history = [*(line for line in self._history if line != value), value][-_MAX_HISTORY:]
        self._at, self._draft = len(self._history), ""
        self.set("")
        self.text.edit_reset()
        self._send(value)

    def _enter(self, _: object) -> str:
        self.submit()
        return "break"

    def _paste(self, _: object) -> str | None:
        if not (paths := copied_files(self.text)):
            return None  # Tk inserts the text
        self._send_files(paths)
        return "break"

    def _escape(self, _: object) -> str:
        self.set("")
        self._at, self._draft = len(self._history), ""
        return "break"

    def _up(self, _: object) -> str | None:
        return self._recall(-1) if self.text.compare("insert linestart", "==", "1.0") else None

    def _down(self, _: object) -> str | None:
        is_last = self.text.compare("insert lineend", "==", "end-1c")
        return self._recall(1) if is_last else None

    def _recall(self, step: int) -> str:
        if self._at == len(self._history):
            self._draft = self.value
        self._at = min(max(self._at + step, 0), len(self._history))
        is_draft = self._at == len(self._history)
        self.set(self._draft if is_draft else self._history[self._at])
        return "break"

    def _tab(self, _: object) -> str | None:
        """Complete the word before the cursor; pressed again, show the next candidate."""
        before = self.text.get("1.0", "insert")
        if self._cycle is not None and before == self._cycle[0]:
            _, candidates, index = self._cycle
            replaced, index = len(candidates[index]), (index + 1) % len(candidates)
        else:
            replaced, found = self._complete(before)
            candidates, index = list(found), 0
            if not candidates:
                return None if not before else "break"  # Tab in an empty input moves the focus
            if len(candidates) == 1:
                candidates = [candidates[0] + " "]
        self.text.delete(f"insert - {replaced} chars", "insert")
        self.text.insert("insert", candidates[index])
        self._cycle = (self.text.get("1.0", "insert"), candidates, index)
        return "break"

    def _modified(self, _: object) -> None:
        self.text.edit_modified(False)
        self.text.after_idle(self._fit)

    def _fit(self) -> None:
        """Grow and shrink with the text."""
        lines = self.text.count("1.0", "end", "displaylines")
        count = lines[0] if isinstance(lines, tuple) else lines or 1
        height = min(max(int(count), 1), MAX_LINES)
        if int(self.text["height"]) != height:
            self.text.configure(height=height)

    def _show_focus(self, *, has_focus: bool) -> None:
        colours = self._theme.colours
        self.frame.configure(highlightbackground=colours.accent if has_focus else colours.line)
