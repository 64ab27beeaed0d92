"""The application of a server's window: starts and stops the server, and passes its updates on."""

from __future__ import annotations

import contextlib
import tkinter as tk
from collections.abc import Callable
from pathlib import Path
from queue import Empty

from netchat.chat.account_admin import AdminRequest
from netchat.desktop.collector import WindowCollector
from netchat.desktop.server_updates import (
    AccountsListed,
    OperatorAnswer,
    ServerChanged,
    ServerStarted,
    ServerStopped,
)
from netchat.desktop.server_window import ServerWindow
from netchat.desktop.server_worker import ServerWorker
from netchat.desktop.theme import Root, Theme, display_scale

__all__ = ["ServerApplication"]

#: Interval in milliseconds at which the window looks for updates.
POLL_MS = 50

#: Longest time in seconds that the program waits for the server to stop.
STOP_SECONDS = 15.0


class ServerApplication:
    """The window of one server, which can be started and stopped repeatedly.

    Args:
        root: The window.
        make_worker: Returns the next run of the server.
        is_dark: Use dark colours.
        scale: Size of everything, relative to 96 dpi; None takes that of the display.

    Attributes:
        result: Why the server has ended, if it failed; otherwise empty.
    """

    def __init__(
        self,
        root: Root,
        make_worker: Callable[[], ServerWorker],
        *,
        is_dark: bool = False,
        scale: float | None = None,
    ) -> None:
        self.root = root
        self.result = ""
        self._make_worker = make_worker
        self._is_leaving = False
        self._is_stopping = False
        self.worker: ServerWorker | None = None
        self._last: ServerWorker | None = None
        self.is_running = False
        self._collector = WindowCollector()
        theme = Theme(root, scale if scale is not None else display_scale(root), is_dark=is_dark)
        self.theme = theme
        self.window = ServerWindow(root, theme, self)
        self.window.show()
        root.deiconify()
        root.protocol("WM_DELETE_WINDOW", self.quit)
        root.bind("<Control-q>", lambda _: self.quit())
        if root.tk.call("tk", "windowingsystem") == "aqua":
            root.tk.createcommand("::tk::mac::Quit", self.quit)
        self._poll_id = root.after(POLL_MS, self._poll)
        self.toggle()

    def run(self) -> None:
        """Run until the operator closes the window."""
        try:
            self.root.mainloop()
        finally:
            if self._last is not None:
                self._last.stop()
                self._last.join(STOP_SECONDS)
            self._collector.stop()

    def toggle(self) -> None:
        """Start the server, or stop it."""
        if self.worker is None:
            self.result = ""
            self.window.head.show_problem("")
            self.window.head.show_state("starting", "Start", is_running=False, can_act=False)
            self.worker = self._last = self._make_worker()
            self.worker.start()
        elif not self._is_stopping:
            self._is_stopping = True
            self.is_running = False
            self.window.head.show_state("stopping", "Stop", is_running=False, can_act=False)
            self.worker.stop()

    def quit(self) -> None:
        """Stop the server and close the window."""
        if self._is_leaving:
            return
        self._is_leaving = True
        self.root.withdraw()  # at once; clients that do not read may take seconds
        if self.worker is None:
            self._end()
        else:
            self.worker.stop()

    def toggle_dark(self) -> None:
        """Switch between light and dark."""
        self.theme.use(is_dark=not self.theme.is_dark)
        self.window.restyle()

    def zoom(self, factor: float) -> None:
        """Change the size of the text; a factor of 0 restores it."""
        self.theme.change_zoom(factor)
        self.window.restyle()

    def moderate(
        self, action: str, room: str, target: str = "", *, text: str = "", seconds: int = 0
    ) -> None:
        """Carry out an action of a moderator."""
        self.window.head.show_problem("")
        if self.worker is not None:
            self.worker.moderate(action, room, target, text=text, seconds=seconds)

    def export(self, room: str, path: str) -> None:
        """Save the log of a room."""
        if self.worker is not None:
            self.worker.export(room, Path(path))

    def administer(self, request: AdminRequest, password: str = "") -> None:
        """Carry out a request about accounts."""
        if self.worker is not None and self.is_running:
            self.worker.administer(request, password)
        else:
            problem = "The server does not run: start it first."
            self.window.answered(OperatorAnswer(problem, is_problem=True))

    def _poll(self) -> None:
        """Show the updates of the server."""
        with contextlib.suppress(Empty):
            while (worker := self.worker) is not None:
                match worker.updates.get_nowait():
                    case ServerStarted() as started:
                        self.is_running = not self._is_stopping
                        if self.is_running:
                            self.window.head.show_places(started)
                            self.window.head.show_state(
                                "running", "Stop", is_running=True, can_act=True
                            )
                    case ServerChanged() as change:
                        self.window.take(change)
                    case OperatorAnswer() as answer:
                        self.window.answered(answer)
                    case AccountsListed(accounts):
                        self.window.show_accounts(accounts)
                    case ServerStopped(why):
                        self._stopped(why)
        self._collector.check()
        if self.root.children:
            self._poll_id = self.root.after(POLL_MS, self._poll)

    def _stopped(self, why: str) -> None:
        self.worker = None
        self.is_running = self._is_stopping = False
        self.result = why
        if self._is_leaving:
            self._end()
            return
        self.window.stopped()
        self.window.head.show_state("stopped", "Start", is_running=False, can_act=True)
        self.window.head.show_problem(why)

    def _end(self) -> None:
        with contextlib.suppress(tk.TclError):
            self.root.after_cancel(self._poll_id)
            self.root.quit()
            self.root.destroy()
