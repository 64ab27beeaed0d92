"""Chat server for programs, as an async context manager.

For example:

    async with netchat.Server(port=0) as server:
        async with netchat.Client(server.address, name="Robot") as chat:
            ...
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from netchat.chat.effects import Log
from netchat.chat.settings import Settings
from netchat.errors import NetchatError
from netchat.net.address import show_address
from netchat.net.history.memory_history import MemoryHistory
from netchat.net.history.sqlite_history import SqliteHistory
from netchat.net.server_driver import ServerDriver
from netchat.wire import DEFAULT_PORT

if TYPE_CHECKING:
    from netchat.net.cluster.member import ClusterOptions

if TYPE_CHECKING:
    from netchat.net.tls.server import TlsServer

__all__ = ["Server"]


def _ignore(_: Log) -> None:
    """Discard a log entry."""


class Server:
    """A chat server that runs in the current event loop.

    Args:
        host: Address to listen on; None listens on all addresses of this machine.
        port: TCP port; 0 picks a free one.
        history: File for the message history; None keeps the history in memory.
        settings: Limits and timeouts.
        log: Callback for log entries.
        udp: Also accept links over UDP, on the same port number.
        cluster: Redis of the cluster that the server joins, such as redis://127.0.0.1:6379/0; the
            server then needs a history file. None for a single server.
        cluster_name: Name of the cluster; several can share one Redis.
        advertise: Address of this server, HOST:PORT, that the other servers announce to their clients; by
            default the one that it listens on.
        tls: Also accept TLS on the port, with a certificate that is created on first use; `"required"`
            refuses plaintext.
        certificate: Files of a certificate and its key in PEM to use instead.

    Attributes:
        address: Host and port for clients; the port is final once the server listens.

    Raises:
        ValueError: `cluster` is not the address of a Redis, or requires `history` or `advertise`.
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
        cluster: str | None = None,
        cluster_name: str = "netchat",
        advertise: str | None = None,
        tls: bool | Literal["required"] = False,
        certificate: tuple[Path | str, Path | str] | None = None,
    ) -> None:
        if cluster is not None and history is None:
            raise ValueError("a server of a cluster needs a history file: set history")
        if cluster is not None and host is None and advertise is None:
            raise ValueError(
                "a server of a cluster that listens on all addresses needs one that clients can "
                "reach: set advertise"
            )
        self.address: tuple[str, int] = host or "localhost", port
        self._host = host
        self._history = history
        self._settings = settings or Settings()
        self._log = log
        self._udp = udp
        self._cluster = _options(cluster, cluster_name) if cluster is not None else None
        self._advertise = advertise
        self._tls = tls
        self._certificate = certificate
        self._server: ServerDriver | None = None
        self._stopping: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Open the history, start listening, and join the cluster.

        Raises:
            HistoryError: The history cannot be used.
            ClusterError: The cluster cannot be joined.
            NetchatError: The server cannot listen on the address and port.
            TlsError: The certificate cannot be used or created.
        """
        tls = self._tls_server()
        history = MemoryHistory() if self._history is None else SqliteHistory(Path(self._history))
        host, port = self._host, self.address[1]
        server = ServerDriver(history, self._settings, self._log, self._cluster, tls)
        try:
            bound = await server.start(host, port, udp=self._udp)
        except OSError as error:
            history.close()
            reason = error.strerror or str(error)
            where = show_address(host or "*", port)
            raise NetchatError(f"cannot listen on {where}: {reason}") from error
        self._server = server
        self.address = self.address[0], bound[0][1]
        if server.cluster is not None:
            try:
                await server.cluster.join(self._advertise or show_address(*self.address), "")
            except BaseException:
                await server.stop()
                raise
            server.cluster.failure.add_done_callback(self._stop)
        return self

    def _stop(self, _: object) -> None:
        """Stop, so that the clients continue on other servers: this one has lost the cluster's log."""
        assert self._server is not None
        if self._stopping is None:
            self._stopping = asyncio.ensure_future(self._server.stop())

    def _tls_server(self) -> TlsServer | None:
        if not self._tls and self._certificate is None:
            return None
        from netchat.net.tls.server import TlsServer

        own = None
        if self._certificate is not None:
            own = Path(self._certificate[0]), Path(self._certificate[1])
        return TlsServer(own, is_required=self._tls == "required")

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Store all accepted messages, send BYE to the clients, and stop.

        Raises:
            ClusterError: The server had stopped, because it could not continue in its cluster.
        """
        self._stop(None)
        assert self._server is not None
        assert self._stopping is not None
        await self._stopping
        member = self._server.cluster
        if error is None and member is not None and member.failure.done():
            raise member.failure.result()

    def __repr__(self) -> str:
        host, port = self.address
        return f"<Server on {host}:{port}>"


def _options(url: str, name: str) -> ClusterOptions:
    from netchat.net.cluster.keys import Keys
    from netchat.net.cluster.member import ClusterOptions
    from netchat.net.cluster.redis_url import parse_redis_url

    Keys(name)  # raises ValueError
    return ClusterOptions(parse_redis_url(url), name)
