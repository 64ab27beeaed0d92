"""The application: the login window, then the chat window, and the updates between chat and window."""

from __future__ import annotations

import contextlib
import tkinter as tk
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Empty

from netchat.desktop.chat_window import ChatWindow
from netchat.desktop.collector import WindowCollector
from netchat.desktop.login import LoginValues
from netchat.desktop.login_window import LoginWindow
from netchat.desktop.saved_login import save_login
from netchat.desktop.theme import Root, Theme, display_scale
from netchat.desktop.updates import Changed, ChatEnded, LoginRefused
from netchat.desktop.worker import ChatWorker

__all__ = ["Application", "WindowSettings"]

#: Interval in milliseconds at which the window looks for updates.
POLL_MS = 20

#: Longest time in seconds that the program waits for the server when the user leaves.
LEAVE_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class WindowSettings:
    """WindowSettings of the windows.

    Attributes:
        login: Values of the login window to begin with.
        connects: Connect with them at once.
        is_dark: Use dark colours.
        scale: Size of everything, relative to 96 dpi; None takes that of the display.
        saved: File for the values of the login window; None does not save them.
    """

    login: LoginValues
    connects: bool = False
    is_dark: bool = False
    scale: float | None = None
    saved: Path | None = None


class Application:
    """The windows of one user.

    Args:
        root: The window.
        settings: WindowSettings of the windows.
        make_worker: Returns the chat for a login.

    Attributes:
        result: Why the chat has ended, or what was not delivered; empty if all is well.
        failed: The server or the network has ended the chat.
    """

    def __init__(
        self,
        root: Root,
        settings: WindowSettings,
        make_worker: Callable[[LoginValues], ChatWorker],
    ) -> None:
        self.root = root
        self.result = ""
        self.failed = False
        self._settings = settings
        self._make_worker = make_worker
        scale = settings.scale if settings.scale is not None else display_scale(root)
        self.theme = Theme(root, scale, is_dark=settings.is_dark)
        self.worker: ChatWorker | None = None
        self.chat: ChatWindow | None = None
        self._login = settings.login
        self._is_leaving = False
        self._deadline = ""
        self._collector = WindowCollector()
        self.form = LoginWindow(root, self.theme, settings.login, self._connect, self._cancel)
        self.form.show()
        root.deiconify()
        root.protocol("WM_DELETE_WINDOW", self.quit)
        root.bind("<Control-q>", lambda _: self.quit())
        if root.tk.call("tk", "windowingsystem") == "aqua":
            root.tk.createcommand("::tk::mac::Quit", self.quit)
        self._poll_id = root.after(POLL_MS, self._poll)
        if settings.connects:
            self.form.submit()

    def run(self) -> None:
        """Run until the user closes the window."""
        try:
            self.root.mainloop()
            if self.worker is not None:
                self.worker.join(LEAVE_SECONDS)
        finally:
            self._collector.stop()

    def quit(self) -> None:
        """Leave the chat and close the window."""
        if self._is_leaving:
            return
        self._is_leaving = True
        if self.worker is None:
            self._end()
            return
        self.root.withdraw()  # at once; the goodbye may take a moment
        self.worker.leave()
        self._deadline = self.root.after(round(LEAVE_SECONDS * 1000), self._end)

    def toggle_dark(self) -> None:
        """Switch between light and dark."""
        self.theme.use(is_dark=not self.theme.is_dark)
        self._restyle()

    def zoom(self, factor: float) -> None:
        """Change the size of the text; a factor of 0 restores it."""
        self.theme.change_zoom(factor)
        self._restyle()

    def _restyle(self) -> None:
        if self.chat is not None:
            self.chat.restyle()

    def _connect(self, login: LoginValues) -> None:
        self._login = login
        self.worker = self._make_worker(login)
        self.worker.start()

    def _cancel(self) -> None:
        worker, self.worker = self.worker, None
        if worker is not None:
            worker.leave()

    def _poll(self) -> None:
        """Show the updates of the chat."""
        worker = self.worker
        with contextlib.suppress(Empty):
            while worker is not None and worker is self.worker:
                update = worker.updates.get_nowait()
                match update:
                    case Changed():
                        self._show(worker, update)
                    case LoginRefused():
                        self._refuse(update)
                    case ChatEnded(why, undelivered):
                        self._chat_ended(why, undelivered)
        self._collector.check()
        if self.root.children:
            self._poll_id = self.root.after(POLL_MS, self._poll)

    def _show(self, worker: ChatWorker, change: Changed) -> None:
        if self._is_leaving:
            return
        if self.chat is None:
            if self._settings.saved is not None:
                save_login(self._settings.saved, replace(self._login, password=""))
            self.form.hide()
            self.form.set_connecting(is_connecting=False)
            self.chat = ChatWindow(self.root, self.theme, worker, self)
            self.chat.show()
        self.chat.take(change)

    def _refuse(self, refused: LoginRefused) -> None:
        self.worker = None
        if self._is_leaving:
            self._end()
        else:
            self.form.refuse(refused)

    def _chat_ended(self, why: str, undelivered: str) -> None:
        self.worker = None
        self.result = undelivered
        if self._is_leaving:
            self._end()
            return
        if self.chat is not None:  # the server has ended the session: back to the login window
            self.chat.destroy()
            self.chat = None
        self.form.show()
        self.form.refuse(LoginRefused(why or "You have left the chat."))

    def _end(self) -> None:
        with contextlib.suppress(tk.TclError):
            self.root.after_cancel(self._poll_id)
            if self._deadline:
                self.root.after_cancel(self._deadline)
            self.root.quit()
            self.root.destroy()
