"""Chat server as an async context manager: the one to use in a program.

async with netchat.Server(port=0) as server:
    async with netchat.Client(server.address, name="Robot") as chat:
        ...
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from netchat.chat.effects import Log
from netchat.chat.settings import Settings
from netchat.errors import NetchatError
from netchat.net.chat_server import ChatServer
from netchat.net.history.memory_history import MemoryHistory
from netchat.net.history.sqlite_history import SqliteHistory
from netchat.wire import DEFAULT_PORT

__all__ = ["Server"]


def _ignore(_: Log) -> None:
    """Drop a log entry."""


class Server:
    """A chat server inside this program's event loop.

    Args:
        host: address to listen on; None listens on every address of this machine.
        port: TCP port; 0 takes a free one.
        history: file of the history; None keeps it in memory only.
        settings: limits and timeouts.
        log: called with each log entry.
        udp: also accept links over UDP, on the port of the same number.

    Attributes:
        address: host and port that clients connect to, once the server listens.
    """

    def __init__(
        self,
        host: str | None = "127.0.0.1",
        port: int = DEFAULT_PORT,
        *,
        history: Path | str | None = None,
        settings: Settings | None = None,
        log: Callable[[Log], None] = _ignore,
        udp: bool = False,
    ) -> None:
        self.address = host or "localhost", port
        self._host = host
        self._history = history
        self._settings = settings or Settings()
        self._log = log
        self._udp = udp
        self._server: ChatServer | None = None

    async def __aenter__(self) -> Self:
        """Open the history and listen.

        Raises:
            HistoryError: the history cannot be used.
            NetchatError: the port cannot be listened on.
        """
        history = MemoryHistory() if self._history is None else SqliteHistory(Path(self._history))
        host, port = self._host, self.address[1]
        server = ChatServer(history, self._settings, self._log)
        try:
            bound = await server.start(host, port, udp=self._udp)
        except OSError as error:
            history.close()
            reason = error.strerror or str(error)
            where = f"{host or 'any address'}, port {port}"
            raise NetchatError(f"cannot listen on {where}: {reason}") from error
        self._server = server
        self.address = self.address[0], bound[0][1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Write what was accepted, tell the clients, and stop."""
        assert self._server is not None
        await self._server.stop()

    def __repr__(self) -> str:
        host, port = self.address
        return f"<Server on {host}:{port}>"
