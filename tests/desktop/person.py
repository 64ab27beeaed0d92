"""Users of the desktop window."""

from __future__ import annotations

import tkinter as tk

import pytest

from netchat.desktop.application import Application, WindowSettings
from netchat.desktop.login import LoginValues
from netchat.desktop.worker import ChatWorker
from tests.desktop.display import wait_until
from tests.end_to_end.processes import Server

__all__ = ["WindowUser"]


class WindowUser:
    """User of a window."""

    def __init__(self, tk_root, server: Server, name: str, *, saved=None, **login) -> None:
        self.root = tk.Toplevel(tk_root)
        settings = WindowSettings(
            LoginValues(name, port=server.port, **login), scale=1.0, saved=saved
        )
        self.app = Application(self.root, settings, self._worker)
        self.root.update()

    @staticmethod
    def _worker(login: LoginValues) -> ChatWorker:
        return ChatWorker(login, lambda _: pytest.fail("no TLS here"), keeps_state=False)

    def wait(self, is_true) -> None:
        wait_until(self.root, is_true)

    def join(self) -> None:
        self.app.form.button.invoke()
        self.wait(lambda: self.app.chat is not None and self.app.chat.state.selected)

    @property
    def chat(self):
        assert self.app.chat is not None
        return self.app.chat

    @property
    def log(self) -> str:
        return self.chat.log.text.get("1.0", "end-1c")

    def sees(self, *texts: str) -> None:
        for text in texts:
            try:
                self.wait(lambda text=text: text in self.log)
            except AssertionError:
                pytest.fail(f"no {text!r} in {self.log[-500:]!r}")

    def type(self, text: str) -> None:
        """Type a line with real key events, and press Enter."""
        names = {" ": "space", "/": "slash", "#": "numbersign", "-": "minus"}
        box = self.chat.input.text
        box.focus_force()
        self.wait(lambda: self.root.focus_get() is box)
        for character in text:
            box.event_generate(f"<Key-{names.get(character, character)}>")
        box.event_generate("<Return>")

    def row(self, tree, row: str) -> tuple[int, int]:
        """Return the middle of a row."""
        tree.see(row)
        self.root.update()
        x, y, width, height = tree.bbox(row)
        return x + width // 2, y + height // 2

    def click(self, tree, row: str, button: str = "Button-1") -> None:
        x, y = self.row(tree, row)
        tree.event_generate(f"<{button}>", x=x, y=y)
        tree.event_generate("<ButtonRelease-1>", x=x, y=y)
        self.root.update()

    def conversation(self, label: str):
        return next((c for c in self.chat.state.conversations if c.label == label), None)

    def close(self) -> None:
        """Close the window as the window manager does."""
        self.root.tk.eval(self.root.protocol("WM_DELETE_WINDOW"))
        self.app.run()
