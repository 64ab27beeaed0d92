"""The page's server: HTTP and WebSocket on a port of its own, beside a chat server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import cast

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from netchat import __version__
from netchat.chat.fair_shares import Shares, share_of
from netchat.chat.model.connection import Log
from netchat.chat.room_codes import LOBBY, read_code
from netchat.chat.server_log import ServerLog
from netchat.net.chat_server import ChatServer
from netchat.web.dashboard import Dashboard
from netchat.web.files import Files
from netchat.web.guard import Guard, is_here
from netchat.web.qr import svg_qr
from netchat.web.websocket import Envelope, WebSocket

__all__ = ["PAGE", "Site"]

#: Where the page's files are.
PAGE = Path(__file__).parent / "page"

#: HTTP connections at a time.
MAX_CONNECTIONS = 1024

#: Seconds for which a connection may ask for nothing, or for a request to be complete.
KEEP_ALIVE = 15.0


# It would print what strangers ask for (a subprotocol that is not ours) into the console.
logging.getLogger("aiohttp.websocket").setLevel(logging.ERROR)


class _Noting(logging.Handler):
    """Makes notes of what goes wrong within aiohttp, or in a handler of ours."""

    def __init__(self, notes: ServerLog) -> None:
        super().__init__(logging.WARNING)
        self._notes = notes

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            return  # what is no HTTP is the peer's mistake, and as many as the peer likes
        text = f"{record.getMessage()}: {error!r}" if error else record.getMessage()
        self._notes(Log("page", {"text": text}))


class _Connections:
    """Shares of the HTTP connections; a WebSocket after its handshake is not among them."""

    def __init__(self) -> None:
        self._shares = Shares(MAX_CONNECTIONS)
        self._of: dict[web.RequestHandler, str] = {}

    def allows(self, share: str, alive: list[web.RequestHandler]) -> bool:
        """Whether an address may have one more connection, beside those that are alive."""
        if len(alive) < len(self._of):  # aiohttp does not say which one has ended
            for handler in self._of.keys() - set(alive):
                self._shares.give_back(self._of.pop(handler))
        return self._shares.allows(share)

    def take(self, share: str, handler: web.RequestHandler) -> None:
        """Count a connection against an address."""
        self._shares.take(share)
        self._of[handler] = share


class _Gate(asyncio.Protocol):
    """Lets a connection in if its address has not taken its share of them yet.

    Args:
        server: makes the protocol of a connection that is let in.
        connections: the shares.
    """

    def __init__(self, server: web.Server, connections: _Connections) -> None:
        self._server, self._connections = server, connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)
        share = share_of((transport.get_extra_info("peername") or ("?", 0))[0])
        if not self._connections.allows(share, self._server.connections):
            transport.abort()
            return
        handler = self._server()
        self._connections.take(share, handler)
        transport.set_protocol(handler)
        handler.connection_made(transport)


class _Upgrade(web.WebSocketResponse):
    """A handshake whose connection goes on without aiohttp, which would send a goodbye here."""

    async def write_eof(self, data: bytes = b"") -> None:
        pass


class Site:
    """The page, and the WebSockets that lead into a chat server.

    Args:
        chat: that server.
        notes: what it notes, for its dashboard.
        token: lets others than this machine see the dashboard.
        address: what others call this server, such as `http://192.168.1.5:6480`; empty: whatever
            who asks calls it.
        origins: further origins whose pages may connect.
        hosts: further names of this server.
    """

    def __init__(
        self,
        chat: ChatServer,
        notes: ServerLog,
        *,
        token: str,
        address: str = "",
        origins: Iterable[str] = (),
        hosts: Iterable[str] = (),
    ) -> None:
        self.address = address
        self._chat = chat
        self._dashboard = Dashboard(chat, notes, token)
        self._files = Files(PAGE)
        self._envelope = Envelope()
        self._connections = _Connections()
        self._listener: asyncio.Server | None = None
        origins = list(origins)
        self._behind_proxy = bool(origins)
        guard = Guard(origins, hosts)
        app = web.Application(middlewares=[guard.check])
        app.on_response_prepare.append(guard.dress)
        app.router.add_get("/", self._index)
        app.router.add_get("/r/{code}", self._index)
        app.router.add_get("/server", self._server)
        app.router.add_get("/server/feed", self._feed, allow_head=False)
        app.router.add_get("/page/{name}", self._file)
        app.router.add_get("/info.json", self._info)
        app.router.add_get("/qr/{code}.svg", self._qr)
        app.router.add_get("/ws", self._websocket, allow_head=False)
        logger = logging.Logger("netchat.web")  # of this site alone
        logger.addHandler(_Noting(notes))
        self._runner = web.AppRunner(
            app,
            logger=logger,
            handle_signals=False,
            access_log=None,
            keepalive_timeout=KEEP_ALIVE,
            shutdown_timeout=1.0,
        )

    async def start(self, host: str | None, port: int) -> list[tuple[str, int]]:
        """Listen.

        Args:
            host: address to listen on; None is every address of this machine.
            port: TCP port; 0 takes a free one.

        Returns:
            The addresses and ports that are listened on.
        """
        await self._runner.setup()
        self._listener = await asyncio.get_running_loop().create_server(
            self._accept, host, port, backlog=1024, reuse_address=True
        )
        self._dashboard.start()
        return [s.getsockname()[:2] for s in self._listener.sockets]

    async def stop(self) -> None:
        """Take no more connections, and end those that are no WebSockets; the chat server ends them."""
        if self._listener is not None:
            self._listener.close()
        await self._dashboard.stop()
        await self._runner.cleanup()

    def _accept(self) -> asyncio.Protocol:
        server = self._runner.server
        assert server is not None
        return _Gate(server, self._connections)

    # -- requests -------------------------------------------------------------------------------

    async def _index(self, request: web.Request) -> web.StreamResponse:
        return self._files.response("index.html", request)

    async def _server(self, request: web.Request) -> web.StreamResponse:
        return self._files.response("server.html", request)

    async def _feed(self, request: web.Request) -> web.StreamResponse:
        # A proxy need not say that it is one: then whoever asks seems to be on this machine.
        trusted = not self._behind_proxy and is_here(request)
        return await self._dashboard.feed(request, trusted=trusted)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        return self._files.response(request.match_info["name"], request)

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
            raise web.HTTPNotFound(text="That is no room code.\n")
        link = f"{self._address(request)}/r/{code}" if code != LOBBY else self._address(request)
        return web.Response(
            body=svg_qr(link),
            content_type="image/svg+xml",
            headers={"Cache-Control": "no-store"},
        )

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        """Shake hands, then give the connection to the chat server, and forget it here."""
        response = _Upgrade(compress=False)
        await response.prepare(request)
        http, lower = request.protocol, request.transport
        if lower is None or lower.is_closing():  # lost in the meantime
            return response
        http.transport = None
        http.connection_lost(None)
        websocket = WebSocket(lower, self._chat.settings.max_frame, self._envelope)
        lower.set_protocol(self._chat.adopt(websocket, websocket))
        return response
