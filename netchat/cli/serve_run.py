"""One run of the server of `netchat serve`, from the start until it must stop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import os
import socket
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from netchat.chat.effects import Log
from netchat.chat.server_log import ServerLog
from netchat.chat.settings import Settings
from netchat.cli.owner_notice import owner_notice
from netchat.cli.serve_metrics import start_metrics
from netchat.cli.serve_page import Page, start_page
from netchat.errors import HistoryError, NetchatError
from netchat.files import tighten
from netchat.net.address import show_address
from netchat.net.history.memory_history import MemoryHistory
from netchat.net.history.sqlite_history import SqliteHistory
from netchat.net.server_driver import ServerDriver
from netchat.net.service_manager import ServiceManager
from netchat.web.local_addresses import lan_address

if TYPE_CHECKING:
    from netchat.net.cluster.member import ClusterOptions
    from netchat.net.control import ControlServer
    from netchat.net.tls.server import TlsServer
    from netchat.web.site import Site

__all__ = ["Joining", "ServePlan"]

_T = TypeVar("_T")

#: Receives the server once clients can connect, the addresses that it listens on, and its page.
Started = Callable[[ServerDriver, list[tuple[str, int]], "Site | None"], None]


@dataclass(frozen=True, slots=True)
class Joining:
    """The cluster to join, and this server's addresses for clients."""

    options: ClusterOptions
    address: str | None
    page: str | None


@dataclass(frozen=True, slots=True)
class ServePlan:
    """Values that a run of the server needs.

    Attributes:
        settings: Limits and timeouts.
        host: Address to listen on; None is every address.
        port: TCP port; 0 takes a free one.
        udp: Also accept links over UDP.
        history: History file; None is the default one.
        is_ephemeral: Keep the history in memory instead.
        fsync: Write each message to disk before acknowledging it.
        page: Address of the web page; None serves none.
        metrics: Address and port of a listener for metrics; None starts none. Its address None is every
            address.
        shows_qr: Draw the QR code of the page on standard error.
        tls: The server's certificate, or None.
        joining: The cluster to join, or None.
        tell: Log for the operator only.
        is_tracing: Whether to log each connection.
    """

    settings: Settings
    host: str | None
    port: int
    udp: bool
    history: Path | None
    is_ephemeral: bool
    fsync: bool
    page: Page | None
    metrics: tuple[str | None, int] | None
    shows_qr: bool
    tls: TlsServer | None
    joining: Joining | None
    tell: Callable[[Log], None]
    is_tracing: bool = False

    async def run(
        self, log: ServerLog, stop: asyncio.Event, started: Started = lambda *_: None
    ) -> None:
        """Run the server until `stop` is set.

        Args:
            log: Log of the server.
            stop: Set it to stop the server.
            started: Called once clients can connect.

        Raises:
            HistoryError: The history cannot be used.
            NetchatError: An address or a port is not available, or the cluster has failed.
        """
        kept = self._open_history()
        if isinstance(kept, SqliteHistory):
            for notice in kept.notices:
                self.tell(Log("history", {"text": notice}))
        options = self.joining.options if self.joining is not None else None
        try:
            server = ServerDriver(kept, self.settings, log, options, self.tls)
        except HistoryError:
            kept.close()
            raise
        server.is_tracing = self.is_tracing
        try:
            starting = server.start(self.host, self.port, udp=self.udp)
            addresses = await _unless_stopped(stop, starting)
        except OSError as error:
            kept.close()
            busy = error.errno == errno.EADDRINUSE
            hint = " Is another server running? --port 0 takes a free one." if busy else ""
            raise NetchatError(
                f"Cannot listen on {show_address(self.host or '*', self.port)}: "
                f"{error.strerror or error}.{hint}"
            ) from error
        site = control = metrics = None
        manager = ServiceManager()
        try:
            if self.settings.accounts != "off" and isinstance(kept, SqliteHistory):
                control = await _start_control(server, kept, log)
            if addresses is not None:
                _tell_where(kept, addresses, log, udp=self.udp)
                if self.tls is not None:
                    _tell_tls(self.tls, log, udp=self.udp)
            if self.page is not None and not stop.is_set():
                site = await start_page(
                    self.page, server, log, self.tell, picture=self.shows_qr
                )  # fmt: skip
            if self.metrics is not None and not stop.is_set():
                metrics = await start_metrics(*self.metrics, server, log)
            if self.joining is not None and addresses is not None and not stop.is_set():
                joined = _join(self.joining, server, addresses[0], site, log, stop)
                await _unless_stopped(stop, joined)
            if not stop.is_set():
                path = kept.path if isinstance(kept, SqliteHistory) else None
                if notice := owner_notice(server.hub.state.shared, self.settings, path):
                    log(Log("accounts", {"text": notice}))
                started(server, addresses or [], site)
                manager.ready(", ".join(show_address(*each) for each in addresses or []))
            while not stop.is_set():
                log.flush()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), timeout=1.0)
            log(Log("stopping", {"text": "notifying the clients"}))
            manager.stopping()
        finally:
            if control is not None:
                await control.stop()
            if site is not None:
                await site.stop()
            if metrics is not None:
                await metrics.stop()
            await server.stop()
        log.flush(at_once=True)
        log(Log("stopped", {}))
        if server.cluster is not None and server.cluster.failure.done():
            raise server.cluster.failure.result()

    def _open_history(self) -> SqliteHistory | MemoryHistory:
        if self.is_ephemeral:
            return MemoryHistory()
        # Redis has made durable all that comes back from the log.
        fsync = self.fsync and self.joining is None
        return _open_history(self.history, fsync=fsync)


def _open_history(path: Path | None, *, fsync: bool) -> SqliteHistory:
    if path is not None:
        is_new = not os.path.exists(path)  # noqa: PTH110 - Path.exists may raise
        history = SqliteHistory(path, fsync=fsync)
        if is_new:  # a typo in the path would otherwise start an empty chat silently
            history.notices.append(f"new history {path}")
        return history
    import platformdirs

    folder = platformdirs.user_data_path("netchat")
    notice = tighten(
        folder
    )  # only netchat's own folder: a folder of the user may be shared on purpose
    history = SqliteHistory(folder / "history.db", fsync=fsync)
    history.notices.extend(filter(None, [notice]))
    return history


async def _start_control(
    server: ServerDriver, kept: SqliteHistory, log: ServerLog
) -> ControlServer | None:
    """Start the control channel for `netchat accounts`; the server also runs without it."""
    from netchat.net.control import ControlServer

    control = ControlServer(kept.path, server.administer)
    try:
        await control.start()
    except (OSError, AttributeError) as error:  # AttributeError: a system without Unix sockets
        text = f"netchat accounts cannot reach this server: {control.path}: {error}"
        log(Log("accounts", {"text": text}))
        return None
    return control


async def _join(
    joining: Joining,
    server: ServerDriver,
    bound: tuple[str, int],
    site: Site | None,
    log: ServerLog,
    stop: asyncio.Event,
) -> None:
    """Join the cluster, and stop the server if the cluster's log fails."""
    member = server.cluster
    assert member is not None
    member.failure.add_done_callback(lambda _: stop.set())
    host, port = bound
    if ipaddress.ip_address(host).is_unspecified:
        host = lan_address() or socket.gethostname()
    page = joining.page
    if page is None:
        page = site.cluster_address(host) if site is not None else ""
    name, url = joining.options.name, joining.options.url
    text = f"Joining the cluster {name} on {url}. Until then, clients wait."
    log(Log("joining", {"text": text}))
    await member.join(joining.address or show_address(host, port), page)
    text = f"Joined the cluster {name} on {url} as server {member.server_id}."
    log(Log("cluster", {"text": text}))


async def _unless_stopped(stop: asyncio.Event, start: Coroutine[Any, Any, _T]) -> _T | None:
    """Run a coroutine, which may take long; cancel it and return None if the server must stop."""
    starting, stopping = asyncio.create_task(start), asyncio.create_task(stop.wait())
    await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if starting.done():
        return starting.result()
    starting.cancel()
    await asyncio.wait((starting,))
    return None


def _tell_where(
    kept: SqliteHistory | MemoryHistory,
    addresses: list[tuple[str, int]],
    log: ServerLog,
    *,
    udp: bool,
) -> None:
    for address, bound in addresses:
        also = {"also": "UDP"} if udp else {}
        where_at = {"address": show_address(address, bound), "host": address, "port": bound}
        log(Log("listening", {**where_at, **also}))
    where = "memory only" if isinstance(kept, MemoryHistory) else str(kept.path)
    log(Log("history", {"text": where}))


def _tell_tls(tls: TlsServer, log: ServerLog, *, udp: bool) -> None:
    texts = [notice[0].upper() + notice[1:] + "." for notice in tls.notices]
    kind = "required" if tls.is_required else "accepted"
    texts.append(f"TLS 1.3 is {kind}. SHA-256 of this server's key: {tls.fingerprint}")
    if udp:
        texts.append("Links over UDP are not encrypted: TLS requires TCP.")
    if tls.keylog is not None:
        texts.append(
            f"The keys of all connections go to {tls.keylog}: with them, captures can be decrypted."
        )
    for text in texts:
        log(Log("tls", {"text": text}))
