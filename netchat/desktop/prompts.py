"""Small modal windows that ask for texts, such as a room code or passwords."""

from __future__ import annotations

import tkinter as tk
from tkinter import ttk

from netchat.desktop.theme import Theme

__all__ = ["Prompt", "ask"]


class Prompt:
    """Modal window with one field per question.

    Args:
        parent: Window above which it appears.
        theme: Colours and fonts.
        title: Its title.
        questions: Label of each field; those that ask for a password end with a colon.
        action: Label of the button.
        is_optional: The user may leave the fields empty.
        about: A sentence below the title; empty for none.

    Attributes:
        answers: The texts of the fields once the user confirms; otherwise None.
    """

    def __init__(
        self,
        parent: tk.Misc,
        theme: Theme,
        title: str,
        questions: list[str],
        action: str,
        *,
        is_optional: bool = False,
        about: str = "",
    ) -> None:
        self.answers: list[str] | None = None
        self._is_optional = is_optional
        px = theme.px
        self.window = tk.Toplevel(parent, background=theme.colours.window)
        self.window.withdraw()
        self.window.title(title)
        self.window.transient(parent.winfo_toplevel())
        self.window.resizable(False, False)
        frame = ttk.Frame(self.window, padding=px(20))
        frame.pack(fill="both", expand=True)
        ttk.Label(frame, text=title, style="Title.TLabel").pack(anchor="w", pady=(0, px(10)))
        if about:
            ttk.Label(frame, text=about, wraplength=px(320)).pack(anchor="w", pady=(0, px(10)))
        self.fields: list[ttk.Entry] = []
        for question in questions:
            is_password = question.rstrip().endswith(":")
            label = question.rstrip(" :")
            ttk.Label(frame, text=label, style="Muted.TLabel").pack(anchor="w", pady=(0, px(3)))
            field = ttk.Entry(frame, font=theme.text, width=36, show="•" if is_password else "")
            field.pack(fill="x", pady=(0, px(10)))
            self.fields.append(field)
        self.problem = ttk.Label(frame, style="Bad.TLabel", wraplength=px(320))
        self.problem.pack(anchor="w")
        buttons = ttk.Frame(frame)
        buttons.pack(anchor="e", pady=(px(8), 0))
        ttk.Button(buttons, text="Cancel", command=self.window.destroy).pack(side="left")
        self.button = ttk.Button(
            buttons, text=action, style="Accent.TButton", command=self.confirm
        )  # fmt: skip
        self.button.pack(side="left", padx=(px(8), 0))
        self._repeats = [
            index for index, question in enumerate(questions) if question.startswith("Repeat")
        ]
        self.window.bind("<Return>", lambda _: self.confirm())
        self.window.bind("<Escape>", lambda _: self.window.destroy())
        self._show(parent.winfo_toplevel())

    def _show(self, parent: tk.Misc) -> None:
        window = self.window
        window.update_idletasks()
        x = parent.winfo_rootx() + (parent.winfo_width() - window.winfo_reqwidth()) // 2
        y = parent.winfo_rooty() + (parent.winfo_height() - window.winfo_reqheight()) // 3
        window.geometry(f"+{max(x, 0)}+{max(y, 0)}")
        window.deiconify()
        window.wait_visibility()
        window.grab_set()
        (self.fields[0] if self.fields else self.button).focus_set()

    def confirm(self) -> None:
        """Check that repeated passwords are equal, and close the window."""
        answers = [field.get() for field in self.fields]
        if not self._is_optional and not answers[0].strip():
            return
        if any(answers[index] != answers[index - 1] for index in self._repeats):
            self.problem.configure(text="The two passwords differ.")
            return
        self.answers = [text for at, text in enumerate(answers) if at not in self._repeats]
        self.window.destroy()


def ask(
    parent: tk.Misc,
    theme: Theme,
    title: str,
    questions: list[str],
    action: str,
    *,
    is_optional: bool = False,
    about: str = "",
) -> list[str] | None:
    """Ask for texts and wait for the user; the arguments are those of `Prompt`.

    Returns:
        The texts, without repetitions of passwords; None if the user cancels.
    """
    prompt = Prompt(
        parent, theme, title, questions, action, is_optional=is_optional, about=about
    )  # fmt: skip
    parent.wait_window(prompt.window)
    return prompt.answers
