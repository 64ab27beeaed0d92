"""A window to choose an emoji."""

from __future__ import annotations

import contextlib
import tkinter as tk
from collections.abc import Callable
from tkinter import ttk

from netchat.desktop.theme import Theme

__all__ = ["EMOJI", "EmojiPicker"]

#: Emoji of one character each, by rows: Tk 8.6 shows sequences as their parts.
EMOJI = (
    "😀😃😄😁😅😂🙂😉😊😍",
    "😘😜🤔😐🙄😴😢😭😡😱",
    "👍👎👏🙏💪👋✋👌🤝🤷",
    "❤💔🎉🎂🎁🔥⭐✨☀⚡",
    "✅❌❓❗⏰📌📎📷💡🔒",
    "🐍🐛🐢🦊🌍🍕🍎☕🚀🏆",
)


class EmojiPicker:
    """Window below a button, which closes after the choice, with Escape, or when it loses the focus.

    Args:
        button: The button.
        theme: Colours and fonts.
        choose: Called with the emoji.
    """

    def __init__(self, button: tk.Misc, theme: Theme, choose: Callable[[str], None]) -> None:
        self._choose = choose
        px, colours = theme.px, theme.colours
        self.window = tk.Toplevel(button, background=colours.line)
        self.window.withdraw()
        self.window.title("Emoji")
        self.window.transient(button.winfo_toplevel())
        self.window.resizable(False, False)
        frame = ttk.Frame(self.window, style="Card.TFrame", padding=px(6))
        frame.pack(padx=1, pady=1)
        self.buttons: dict[str, ttk.Button] = {}
        for row, line in enumerate(EMOJI):
            for column, emoji in enumerate(line):
                each = ttk.Button(
                    frame, text=emoji, width=2, style="Emoji.TButton",
                    command=lambda emoji=emoji: self._chosen(emoji),  # type: ignore[misc]
                )  # fmt: skip
                each.grid(row=row, column=column)
                self.buttons[emoji] = each
        self.window.bind("<Escape>", lambda _: self.close())
        self.window.bind("<FocusOut>", self._focus_out)
        self.window.update_idletasks()
        top = button.winfo_rooty() - self.window.winfo_reqheight() - px(6)
        right = button.winfo_rootx() + button.winfo_width()
        left = max(right - self.window.winfo_reqwidth(), 0)
        self.window.geometry(f"+{left}+{max(top, 0)}")
        self.window.deiconify()
        next(iter(self.buttons.values())).focus_set()

    def close(self) -> None:
        """Close the window."""
        with contextlib.suppress(tk.TclError):
            self.window.destroy()

    def _chosen(self, emoji: str) -> None:
        self.close()
        self._choose(emoji)

    def _focus_out(self, _: object) -> None:
        self.window.after_idle(self._close_without_focus)

    def _close_without_focus(self) -> None:
        with contextlib.suppress(tk.TclError, KeyError):
            focus = self.window.focus_displayof()
            if focus is None or focus.winfo_toplevel() is not self.window:
                self.close()
