"""Thread that runs a chat server with asyncio, beside its window in the main thread.

The window calls methods of `ServerWorker`; each runs in the thread of the server. What changes comes
back through one queue, `ServerWorker.updates`, as immutable values.
"""

from __future__ import annotations

import asyncio
import ipaddress
import threading
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Protocol

from netchat.chat.account_admin import AdminRequest
from netchat.chat.effects import Log
from netchat.chat.log_limit import LogLimit
from netchat.chat.names import normalize_name
from netchat.chat.passwords import normalize_password, validate_password
from netchat.chat.server_log import LogEntry, ServerLog
from netchat.desktop.server_updates import (
    AccountsListed,
    ListedAccount,
    OperatorAnswer,
    ServerChanged,
    ServerStarted,
    ServerStopped,
    ServerUpdate,
)
from netchat.errors import NetchatError
from netchat.files import write_file
from netchat.net.address import show_address
from netchat.net.event_loop import run
from netchat.net.operator_view import (
    FigureSampler,
    export_room,
    list_rooms,
    list_users,
    moderation_request,
)
from netchat.net.password_worker import hash_password
from netchat.net.server_driver import ServerDriver
from netchat.tui.lines import sanitize
from netchat.web.local_addresses import lan_address
from netchat.wording import cannot

if TYPE_CHECKING:
    from netchat.web.site import Site

__all__ = ["RunServer", "ServerWorker"]

#: Seconds between figures.
SAMPLE_SECONDS = 1.0

_NO_ACCOUNTS = (
    "This server has no accounts. Start it with --accounts optional or --accounts required."
)

#: Maximum number of listed users and rooms.
MAX_LISTED = 500

#: Receives the server once clients can connect, the addresses that it listens on, and its page.
Started = Callable[[ServerDriver, list[tuple[str, int]], "Site | None"], None]


class RunServer(Protocol):
    """Coroutine function that runs a server until an event is set."""

    def __call__(
        self, log: ServerLog, stop: asyncio.Event, started: Started
    ) -> Coroutine[Any, Any, None]:
        """Run the server.

        Args:
            log: Its log.
            stop: Event that stops it.
            started: Called once clients can connect.

        Raises:
            NetchatError: It cannot start, or has failed.
        """


class ServerWorker:
    """One run of a server in its own thread.

    Args:
        serve: Runs the server.
        tell: Receives each entry of the log as well, in the thread of the server.

    Attributes:
        updates: What the thread reports. `ServerStopped` is the last one.
    """

    def __init__(self, serve: RunServer, tell: Callable[[Log], None] = lambda _: None) -> None:
        self.updates: SimpleQueue[ServerUpdate] = SimpleQueue()
        self._serve = serve
        self._tell = tell
        self._entries: list[LogEntry] = []
        self._log = ServerLog(self._hear, LogLimit())
        self._server: ServerDriver | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._requests: set[asyncio.Task[None]] = set()
        self._is_ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="netchat-server", daemon=True)

    # -- called by the window ----------------------------------------------------------------------

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the server; `ServerStopped` follows."""
        self._is_ready.wait(5)
        if self._stop is not None:
            self._call(self._stop.set)

    def join(self, timeout: float) -> None:
        """Wait until the thread has ended, for at most `timeout` seconds."""
        if self._thread.ident is not None:
            self._thread.join(timeout)

    def moderate(
        self, action: str, room: str, target: str = "", *, text: str = "", seconds: int = 0
    ) -> None:
        """Carry out an action of a moderator; `OperatorAnswer` follows if it fails.

        Args:
            action: Name of the action, such as `kick`.
            room: Code of the room; that of the lobby stands for the server.
            target: The user that it is about, or empty.
            text: The reason or title, or empty.
            seconds: Duration of a mute or ban; 0 has no end.
        """
        self._call(partial(self._moderate, action, room, target, text, seconds))

    def export(self, room: str, path: Path) -> None:
        """Write the log of a room to a file, in the format of its suffix; `OperatorAnswer` follows."""
        self._call(partial(self._export, room, path))

    def administer(self, request: AdminRequest, password: str = "") -> None:
        """Carry out a request about accounts; `OperatorAnswer` and `AccountsListed` follow.

        Args:
            request: The request, without the hash of a password.
            password: The new password, for `add` and `reset`.
        """
        self._call(partial(self._begin_request, request, password))

    # -- in the thread of the server ---------------------------------------------------------------

    def _call(self, action: Callable[[], None]) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(action)

    def _hear(self, entry: Log) -> None:
        self._entries.append(self._log.latest[-1])
        self._tell(entry)

    def _run(self) -> None:
        why = ""
        try:
            run(self._main())
        except NetchatError as error:
            why = sanitize(str(error))
        except Exception as error:  # the window must learn of it
            why = f"internal error: {error!r}"
            raise
        finally:
            self._is_ready.set()
            self.updates.put(ServerChanged(None, (), (), self._take_entries()))
            self.updates.put(ServerStopped(why))

    async def _main(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._is_ready.set()
        sampling = asyncio.create_task(self._sample())
        try:
            await self._serve(self._log, self._stop, self._started)
        finally:
            self._server = None
            sampling.cancel()
            await asyncio.gather(sampling, return_exceptions=True)

    def _started(
        self, server: ServerDriver, addresses: list[tuple[str, int]], site: Site | None
    ) -> None:
        self._server = server
        self._sampler = FigureSampler(server, self._log)
        self.updates.put(
            ServerStarted(
                _reachable(addresses),
                site.local_address if site is not None else "",
                site.address if site is not None else "",
                server.tls.fingerprint if server.tls is not None else "",
            )
        )
        self._report()

    async def _sample(self) -> None:
        while True:
            self._report()
            await asyncio.sleep(SAMPLE_SECONDS)

    def _report(self) -> None:
        entries, server = self._take_entries(), self._server
        if server is not None:
            users, rooms = (
                list_users(server.state, MAX_LISTED),
                list_rooms(server.state, MAX_LISTED),
            )
            figures = self._sampler.sample()
            self.updates.put(ServerChanged(figures, tuple(users), tuple(rooms), entries))
        elif entries:
            self.updates.put(ServerChanged(None, (), (), entries))

    def _take_entries(self) -> tuple[LogEntry, ...]:
        entries = tuple(self._entries)
        self._entries.clear()
        return entries

    def _moderate(self, action: str, room: str, target: str, text: str, seconds: int) -> None:
        if self._server is None:
            return
        try:
            request = moderation_request(action, room, target, text=text, seconds=seconds)
        except (ValueError, NetchatError) as error:
            self._answered(str(error))
            return
        self._server.moderate(request, self._answered)

    def _answered(self, problem: str) -> None:
        if problem:
            self.updates.put(OperatorAnswer(sanitize(problem), is_problem=True))
        # The tables show the effect once it is durable, which takes milliseconds.
        assert self._loop is not None
        self._loop.call_later(0.05, self._report)

    def _begin_request(self, request: AdminRequest, password: str) -> None:
        task = asyncio.ensure_future(self._administer(request, password))
        self._requests.add(task)
        task.add_done_callback(self._requests.discard)

    async def _administer(self, request: AdminRequest, password: str) -> None:
        server = self._server
        if server is None:
            return
        try:
            if server.state.settings.accounts == "off":
                raise NetchatError(_NO_ACCOUNTS)
            if request.action in ("add", "reset"):
                password = normalize_password(password)
                problem = validate_password(password, normalize_name(request.name))
                if problem is not None:
                    raise NetchatError(problem)
                encoded = await asyncio.to_thread(hash_password, password)
                request = replace(request, password=encoded)
            answer = await server.administer(request)
            if request.action != "list":
                self.updates.put(_about_account(request, answer))
                answer = await server.administer(AdminRequest("list"))
        except NetchatError as error:
            self.updates.put(OperatorAnswer(sanitize(str(error)), is_problem=True))
            return
        accounts = [
            ListedAccount(each["name"], each["role"], each["created"], each["online"])
            for each in answer
        ]
        self.updates.put(AccountsListed(tuple(accounts)))

    def _export(self, room: str, path: Path) -> None:
        if self._server is None:
            return
        content = export_room(self._server.state, room, path.suffix[1:].lower())
        if content is None:
            problem = "The name of the file must end in .txt, .jsonl, .csv or .html."
            self.updates.put(OperatorAnswer(problem, is_problem=True))
            return
        try:
            write_file(path, content)
        except OSError as error:
            problem = sanitize(cannot("write", path, error))
            self.updates.put(OperatorAnswer(problem, is_problem=True))
        else:
            self.updates.put(OperatorAnswer(f"Saved as {path}.", is_problem=False))


def _about_account(request: AdminRequest, answer: dict[str, Any]) -> OperatorAnswer:
    """Return what the operator is told about a request that was carried out."""
    name = answer.get("name", "")
    match request.action:
        case "add":
            text = f"{name} is registered as {answer['role']}."
        case "reset":
            text = f"{name} has a new password, and is logged out everywhere."
        case "role":
            text = f"{name} is now {request.role}."
        case "remove":
            text = f"{name} is removed."
        case _:
            code, days = answer["invitation"], round(request.seconds / 86_400)
            text = f"Copied: the invitation {code}. It registers one account, within {days} days."
            return OperatorAnswer(text, is_problem=False, copy=code)
    return OperatorAnswer(text, is_problem=False)


def _reachable(addresses: list[tuple[str, int]]) -> tuple[str, ...]:
    """Return the addresses for clients; this machine's own instead of those that stand for all."""
    shown: dict[str, None] = {}
    for host, port in addresses:
        if ipaddress.ip_address(host.partition("%")[0]).is_unspecified:
            host = lan_address() or "127.0.0.1"
        shown[show_address(host, port)] = None
    return tuple(shown)
