"""Thread that runs the chat with asyncio, beside the window in the main thread.

The window calls methods of `ChatWorker`; each runs in the thread of the chat. What changes comes back
through one queue, `ChatWorker.updates`, as immutable values.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import TYPE_CHECKING

from netchat.chat.client_session import Credentials
from netchat.desktop.login import LoginValues
from netchat.desktop.updates import Changed, ChatEnded, LoginRefused, Update
from netchat.errors import NetchatError
from netchat.net.client_driver import ClientDriver
from netchat.net.event_loop import run
from netchat.tui.arrivals import QUIET_SECONDS
from netchat.tui.commands import ParsedLine
from netchat.tui.entries import Entry
from netchat.tui.lines import Line, notice_line, sanitize
from netchat.tui.main_loop import listen
from netchat.tui.panes import Panes
from netchat.tui.session import ChatSession
from netchat.tui.state_file import open_store

if TYPE_CHECKING:
    from netchat.net.client_path import ClientPath
    from netchat.net.tls.client import TlsClient

__all__ = ["ChatWorker"]

#: Longest time between a change and its report, in seconds. A burst of events is one report.
REPORT_SECONDS = 0.03

MakeTls = Callable[[Callable[[str], None]], "TlsClient"]


class ChatWorker:
    """One chat session in its own thread.

    Args:
        login: What the user has entered.
        make_tls: Returns the factory of TLS connections; its argument is called with each notice for
            the user.
        keeps_state: Store the session on disk, to resume it after a crash.
        insecure_password: Send passwords even over a network that can read them.
        seed: Random seed of the simulated channel.

    Attributes:
        updates: What the thread reports.
    """

    def __init__(
        self,
        login: LoginValues,
        make_tls: MakeTls,
        *,
        keeps_state: bool = True,
        insecure_password: bool = False,
        seed: int | None = None,
    ) -> None:
        self.updates: SimpleQueue[Update] = SimpleQueue()
        self._login = login
        self._make_tls = make_tls
        self._keeps_state = keeps_state
        self._insecure_password = insecure_password
        self._seed = seed
        self._loop: asyncio.AbstractEventLoop | None = None
        self._panes: Panes | None = None
        self._stopped: asyncio.Event | None = None
        self._shown: dict[str, tuple[int, int]] = {}  # revision and length of each reported log
        self._is_report_due = False
        self._is_ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="netchat-chat", daemon=True)

    @property
    def path_text(self) -> str:
        """Description of the path to the server; empty for plain TCP."""
        return self._login.path_text

    # -- called by the window ----------------------------------------------------------------------

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def run_command(self, command: ParsedLine, passwords: Sequence[str] = ()) -> None:
        """Run a command of the user."""
        self._call(lambda panes: panes.run(command, passwords))

    def report(self, text: str) -> None:
        """Show an error in the selected conversation."""
        self._call(lambda panes: panes.report(text))

    def select(self, key: str) -> None:
        """Select a conversation."""
        self._call(lambda panes: panes.select(key))

    def open_private(self, name: str) -> None:
        """Select the private conversation with a user."""
        self._call(lambda panes: panes.open_private(name))

    def close(self, key: str) -> None:
        """Close a private conversation, or leave a room."""
        self._call(lambda panes: panes.close(key))

    def control_transfer(self, number: int, action: str) -> None:
        """Pause, resume or cancel a transfer."""
        self._call(lambda panes: panes.control_transfer(number, action))

    def focus(self, *, has_focus: bool) -> None:
        """Note whether the user looks at the window."""
        self._call(lambda panes: panes.focus(has_focus=has_focus))

    def leave(self) -> None:
        """Leave the chat; `ChatEnded` follows."""
        self._is_ready.wait(1)
        loop, stopped = self._loop, self._stopped
        if loop is None or stopped is None:
            self.updates.put(ChatEnded(""))
            return
        try:
            loop.call_soon_threadsafe(stopped.set)
        except RuntimeError:  # it has ended
            self.updates.put(ChatEnded(""))

    def join(self, timeout: float) -> None:
        """Wait until the thread has ended, for at most `timeout` seconds."""
        if self._thread.ident is not None:
            self._thread.join(timeout)

    # -- in the thread of the chat -----------------------------------------------------------------

    def _call(self, action: Callable[[Panes], None]) -> None:
        def act() -> None:
            if self._panes is not None:
                action(self._panes)
                self._report()

        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(act)

    def _run(self) -> None:
        try:
            update = run(self._chat())
        except NetchatError as error:
            update = self._failure(sanitize(str(error)))
        except Exception as error:  # the window must learn of it
            self.updates.put(ChatEnded(f"internal error: {error!r}"))
            raise
        self.updates.put(update)

    def _failure(self, why: str) -> Update:
        was_online = self._panes is not None and self._panes.session.was_online
        return ChatEnded(why) if was_online else LoginRefused(why)

    async def _chat(self) -> Update:
        self._loop, self._stopped = asyncio.get_running_loop(), asyncio.Event()
        self._is_ready.set()
        login = self._login
        notes: list[Line] = []
        store = None
        servers = login.servers
        if self._keeps_state:
            store, notes = open_store(login.name, *servers[0])
        credentials = Credentials(login.name, login.password) if login.password else None
        tls = self._make_tls(self._notify) if login.tls else None
        try:
            path = self._path(tls) if login.has_path else None
            client = ClientDriver(
                *servers[0],
                login.name,
                store=store,
                tls=tls,
                path=path,
                others=servers[1:],
                credentials=credentials,
                insecure_password=self._insecure_password,
            )
            session = ChatSession(client, login.room, has_store=store is not None)
            self._panes = Panes(session)
            self._panes.notify(notes)
            async with client:
                return await self._talk(self._panes)
        finally:
            if store is not None:
                store.close()

    def _path(self, tls: TlsClient | None) -> ClientPath:
        # Slow to import, and most logins have none.
        from netchat.net.client_path import ClientPath
        from netchat.net.path_options import check_link

        login = self._login
        code = check_link(login.link, udp=login.udp)
        return ClientPath(code, login.channel or None, self._seed, udp=login.udp, tls=tls)

    async def _talk(self, panes: Panes) -> Update:
        assert self._stopped is not None
        session = panes.session
        listening = asyncio.create_task(self._listen(panes))
        stopping = asyncio.create_task(self._stopped.wait())
        ticking = asyncio.create_task(self._tick(panes))
        try:
            await asyncio.wait({listening, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if listening.done():
                await listening
                return self._outcome(session)
            lines = await session.leave()
            undelivered = " ".join(sanitize(line.text) for line in lines)
            return ChatEnded("", undelivered)
        finally:
            for task in (listening, stopping, ticking):
                task.cancel()
            await asyncio.gather(listening, stopping, ticking, return_exceptions=True)

    async def _listen(self, panes: Panes) -> None:
        async for event, lines in listen(panes.session):
            panes.take(event, lines, time.monotonic())
            if panes.session.was_online:
                self._report()

    async def _tick(self, panes: Panes) -> None:
        """Report what changes with time: the end of a burst of joins, the time until a reconnect."""
        while True:
            await asyncio.sleep(QUIET_SECONDS / 4)
            panes.check_arrivals(time.monotonic())
            if panes.session.was_online:
                self._report()

    def _outcome(self, session: ChatSession) -> Update:
        """Return why `listen` has ended without an error."""
        if session.was_online:
            return ChatEnded("")
        if (problem := session.login_problem) is not None:
            return LoginRefused(sanitize(problem.why), sanitize(problem.suggestion), True)
        if (rejection := session.name_rejection) is not None:
            return LoginRefused(sanitize(rejection.why), sanitize(rejection.suggestion))
        return LoginRefused("The server ended the session.")

    def _notify(self, text: str) -> None:
        if self._panes is not None:
            self._panes.notify([notice_line("tls", text)])

    def _report(self) -> None:
        """Report all changes soon."""
        if not self._is_report_due and self._loop is not None:
            self._is_report_due = True
            self._loop.call_later(REPORT_SECONDS, self._report_now)

    def _report_now(self) -> None:
        self._is_report_due = False
        assert self._panes is not None
        appended: dict[str, tuple[Entry, ...]] = {}
        replaced: dict[str, tuple[Entry, ...]] = {}
        shown: dict[str, tuple[int, int]] = {}
        for key, conversation in self._panes.conversations.items():
            entries, revision = conversation.entries, conversation.revision
            known = self._shown.get(key)
            shown[key] = (revision, len(entries))
            if known is None or known[0] != revision:
                replaced[key] = tuple(entries)
            elif known[1] < len(entries):
                appended[key] = tuple(entries[known[1] :])
        self._shown = shown
        self.updates.put(Changed(self._panes.state(), appended, replaced))
