"""HTTP and WebSocket server of the page, for a chat server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import cast

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from netchat.chat.effects import Log
from netchat.chat.fair_shares import Shares, share_of
from netchat.chat.room_codes import LOBBY, read_code
from netchat.chat.server_log import ServerLog
from netchat.net.server_driver import ServerDriver
from netchat.net.tls.server import TlsServer
from netchat.version import __version__
from netchat.web.dashboard import Dashboard
from netchat.web.files import Files
from netchat.web.guard import Guard, is_local
from netchat.web.lab_feed import LabFeed
from netchat.web.local_addresses import url
from netchat.web.noisy_lines import NoisyLines
from netchat.web.operations import Operations
from netchat.web.proxy_headers import Network, ProxyHeaders
from netchat.web.qr import svg_qr
from netchat.web.tls_detector import TlsDetector
from netchat.web.websocket import MessageWrapper, WebSocket

__all__ = ["PAGE", "Site"]

#: Folder of the page's files.
PAGE = Path(__file__).parent / "page"

#: Maximum number of simultaneous HTTP connections.
MAX_CONNECTIONS = 1024

#: Seconds for a request to arrive completely, and between requests on one connection.
KEEP_ALIVE = 15.0


# It would print requests of arbitrary clients, such as unknown subprotocols, to the console.
logging.getLogger("aiohttp.websocket").setLevel(logging.ERROR)


class _LogHandler(logging.Handler):
    """Logging handler that adds errors of aiohttp and of request handlers to the server's log."""

    def __init__(self, notes: ServerLog) -> None:
        super().__init__(logging.WARNING)
        self._notes = notes

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            return  # invalid HTTP is the peer's mistake, and peers can send any number of these
        text = f"{record.getMessage()}: {error!r}" if error else record.getMessage()
        self._notes(Log("page", {"text": text}))


class _Connections:
    """Limits of HTTP connections per address; WebSockets count only until their handshake."""

    def __init__(self) -> None:
        self._shares = Shares(MAX_CONNECTIONS)
        self._share_of: dict[web.RequestHandler, str] = {}

    def allows(self, share: str, alive: list[web.RequestHandler]) -> bool:
        """Return whether an address may open another connection, given the live ones."""
        if len(alive) < len(self._share_of):  # aiohttp does not report which one has closed
            for handler in self._share_of.keys() - set(alive):
                self._shares.release(self._share_of.pop(handler))
        return self._shares.allows(share)

    def take(self, share: str, handler: web.RequestHandler) -> None:
        """Count a connection against an address."""
        self._shares.acquire(share)
        self._share_of[handler] = share


class _ConnectionLimiter(asyncio.Protocol):
    """Accepts a connection if its address is within its limit.

    Args:
        server: Creates the protocol of an accepted connection.
        connections: The limits per address.
        tls: Certificate of the server; None for a server without TLS.
    """

    def __init__(
        self, server: web.Server, connections: _Connections, tls: TlsServer | None
    ) -> None:
        self._server, self._connections, self._tls = server, connections, tls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)
        share = share_of((transport.get_extra_info("peername") or ("?", 0))[0])
        if not self._connections.allows(share, self._server.connections):
            transport.abort()
            return
        handler = self._server()
        self._connections.take(share, handler)
        upper: asyncio.Protocol = handler
        if self._tls is not None:
            upper = TlsDetector(handler, self._tls, share, KEEP_ALIVE)
        transport.set_protocol(upper)
        upper.connection_made(transport)


class _Upgrade(web.WebSocketResponse):
    """Handshake response that keeps aiohttp from closing the WebSocket afterwards."""

    async def write_eof(self, data: bytes = b"") -> None:
        pass


class Site:
    """HTTP server of the page, whose WebSockets connect to a chat server.

    Args:
        chat: The chat server.
        notes: Its log, for the dashboard.
        token: Secret that admits viewers of the dashboard on other machines.
        address: URL at which others reach this server, such as `http://192.168.1.5:6480`. If empty,
            the `Host` of each request is used.
        origins: Additional origins whose pages may connect.
        hosts: Additional names of this server.
        proxies: Networks of proxies whose headers tell the addresses of clients.
        codes: Codes that the channel lab offers besides its own, by the name that visitors see.

    Attributes:
        address: URL at which others reach this server, or empty.
        local_address: URL on this machine, for the operator; empty until it is known.
    """

    def __init__(
        self,
        chat: ServerDriver,
        notes: ServerLog,
        *,
        token: str,
        address: str = "",
        origins: Iterable[str] = (),
        hosts: Iterable[str] = (),
        proxies: Iterable[Network] = (),
        codes: Mapping[str, str] | None = None,
    ) -> None:
        self.address = address
        self.local_address = ""
        self._chat = chat
        self._dashboard = Dashboard(chat, notes, token)
        self._files = Files(PAGE)
        self._wrapper = MessageWrapper()
        self._noisy_lines = NoisyLines()
        self._connections = _Connections()
        self._listener: asyncio.Server | None = None
        origins = list(origins)
        proxies = list(proxies)
        self._behind_proxy = bool(origins or proxies)
        self._proxies = ProxyHeaders(proxies)
        self._lab = LabFeed(PAGE / "lab", codes or {}, self._proxies.client)
        self.guard = Guard(
            origins,
            hosts,
            self._proxies,
            is_clustered=chat.cluster is not None,
            has_tls=chat.tls is not None,
        )
        app = web.Application(middlewares=[self._missing, self.guard.check])
        app.on_response_prepare.append(self.guard.add_headers)
        app.router.add_get("/", self._index)
        app.router.add_get("/r/{code}", self._index)
        app.router.add_get("/server", self._server)
        app.router.add_get("/server/feed", self._feed, allow_head=False)
        app.router.add_get("/page/{name}", self._file)
        app.router.add_get("/worker.js", self._worker)  # its path limits what it may control
        app.router.add_get("/ca.crt", self._ca)
        app.router.add_get("/info.json", self._info)
        app.router.add_get("/qr/{code}.svg", self._qr)
        app.router.add_get("/ws", self._websocket, allow_head=False)
        Operations(chat, notes, self._is_trusted).add_routes(app)
        self._lab.add_routes(app.router)
        logger = logging.Logger("netchat.web")  # not shared with other sites
        logger.addHandler(_LogHandler(notes))
        self._runner = web.AppRunner(
            app,
            logger=logger,
            handle_signals=False,
            access_log=None,
            keepalive_timeout=KEEP_ALIVE,
            shutdown_timeout=1.0,
        )

    async def start(self, host: str | None, port: int) -> list[tuple[str, int]]:
        """Start listening.

        Args:
            host: Address to listen on; None for all addresses of this machine.
            port: TCP port; 0 for any free one.

        Returns:
            The addresses and ports of the listening sockets.
        """
        await self._runner.setup()
        self._listener = await asyncio.get_running_loop().create_server(
            self._accept, host, port, backlog=1024, reuse_address=True
        )
        self._dashboard.start()
        if self._chat.cluster is not None:
            self._chat.membership_changed = self._membership_changed
        return [s.getsockname()[:2] for s in self._listener.sockets]

    def _membership_changed(self) -> None:
        assert self._chat.cluster is not None
        self.guard.set_cluster(one.page for one in self._chat.cluster.others.values() if one.page)

    def cluster_address(self, host: str) -> str:
        """Return the URL of the page for the clients of other servers.

        Args:
            host: Address of this machine for them.
        """
        assert self._listener is not None
        port = self._listener.sockets[0].getsockname()[1]
        return self.address or url(host, port, has_tls=self._chat.tls is not None)

    async def stop(self) -> None:
        """Stop listening and close all HTTP connections; the chat server closes the WebSockets."""
        if self._listener is not None:
            self._listener.close()
        await self._dashboard.stop()
        await self._lab.stop()
        self._noisy_lines.close()
        await self._runner.cleanup()

    def _accept(self) -> asyncio.Protocol:
        server = self._runner.server
        assert server is not None
        return _ConnectionLimiter(server, self._connections, self._chat.tls)

    # -- requests -------------------------------------------------------------------------------

    async def _index(self, request: web.Request) -> web.StreamResponse:
        return self._files.response("index.html", request)

    async def _server(self, request: web.Request) -> web.StreamResponse:
        return self._files.response("server.html", request)

    async def _feed(self, request: web.Request) -> web.StreamResponse:
        return await self._dashboard.feed(request, trusted=self._is_trusted(request))

    def _is_trusted(self, request: web.Request) -> bool:
        """Return whether a request certainly comes from this machine."""
        # Some proxies add no headers, so that every request seems to come from this machine.
        return not self._behind_proxy and is_local(request)

    async def _worker(self, request: web.Request) -> web.StreamResponse:
        return self._files.response("worker.js", request)

    @web.middleware
    async def _missing(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        """Show a page to browsers that open a path that does not exist; an aiohttp middleware."""
        try:
            return await handler(request)
        except web.HTTPNotFound:
            if "text/html" not in request.headers.get("Accept", ""):
                raise
            return self._files.response("missing.html", request, 404)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        return self._files.response(request.match_info["name"], request)

    async def _ca(self, request: web.Request) -> web.StreamResponse:  # noqa: ARG002 - aiohttp's
        """Return the certificate of the CA, to install it on phones."""
        tls = self._chat.tls
        if tls is None or tls.files.ca is None:
            raise web.HTTPNotFound(text="This server has no certificate authority of its own.\n")
        return web.Response(
            body=tls.files.ca.read_bytes(),
            content_type="application/x-x509-ca-cert",
            headers={"Cache-Control": "no-store"},
        )

    def _address(self, request: web.Request) -> str:
        return self.address or f"{request.scheme}://{request.headers['Host']}"

    async def _info(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(
            {"version": __version__, "address": self._address(request)},
            headers={"Cache-Control": "no-store"},
        )

    async def _qr(self, request: web.Request) -> web.StreamResponse:
        code = read_code(request.match_info["code"])
        if code is None:
            raise web.HTTPNotFound(text="This is not a room code.\n")
        link = f"{self._address(request)}/r/{code}" if code != LOBBY else self._address(request)
        return web.Response(
            body=svg_qr(link),
            content_type="image/svg+xml",
            headers={"Cache-Control": "no-store"},
        )

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        """Complete the handshake, then hand the connection over to the chat server."""
        response = _Upgrade(compress=False)
        await response.prepare(request)
        http, lower = request.protocol, request.transport
        if lower is None or lower.is_closing():  # lost during the handshake
            return response
        if "channel" in request.query:  # loading what a link needs may take a while
            lower.pause_reading()
            wanted = await self._noisy_lines.read(request.query)
            if lower.is_closing():
                return response
            lower.resume_reading()  # it reads in the next turn, with the protocol that is set below
        else:
            wanted = None
        http.transport = None
        http.connection_lost(None)
        # A browser that sends the origin of a page behind a proxy uses TLS up to the proxy.
        is_encrypted = request.secure or request.headers.get("Origin", "").startswith("https://")
        websocket = WebSocket(lower, self._chat.settings.max_frame, self._wrapper)
        client = self._proxies.client(request)
        host = client if client != request.remote else None
        if wanted is None or isinstance(wanted, str):
            if wanted is not None:
                self._noisy_lines.refuse(websocket, wanted)
            lower.set_protocol(
                self._chat.adopt(websocket, websocket, is_encrypted=is_encrypted, host=host)
            )
            return response
        line = self._noisy_lines.create(wanted, websocket, lower, self._chat.settings.max_frame)
        lower.set_protocol(line)
        chat, work = self._chat.connect(host, is_encrypted=is_encrypted)
        line.begin(chat, work, share_of(client or "?"))
        return response
