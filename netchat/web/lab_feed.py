"""The channel lab on the page: its files, and its requests as JSON over a WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path

from aiohttp import WSCloseCode, WSMsgType, web

from netchat.channel_lab.limits import MAX_REQUEST, MAX_VISITORS
from netchat.channel_lab.pool import LabPool
from netchat.channel_lab.service import LabService
from netchat.chat.fair_shares import Shares, share_of
from netchat.chat.rate_limit import TokenBucket
from netchat.web.files import Files

__all__ = ["LabFeed"]

#: Requests per second of a visitor, and the size of a burst. Faster ones are read later. A slider that moves
#: sends about 30.
RATE, BURST = 40.0, 80

#: Maximum number of answers queued for a slow visitor before it is disconnected. A visitor has at most
#: `MAX_JOBS` requests in progress, and a measurement that sends an update for each of its slices.
MAX_WAITING = 64

#: Seconds between pings: of a visitor that does not answer, nothing is computed any more.
_HEARTBEAT = 30.0


class LabFeed:
    """The lab's visitors.

    Args:
        folder: Folder of the lab's page.
        codes: Codes of the server's owner, by the name that visitors see.
        client: Returns the address of the visitor that has sent a request.
    """

    def __init__(
        self,
        folder: Path,
        codes: Mapping[str, str],
        client: Callable[[web.Request], str | None] = lambda request: request.remote,
    ) -> None:
        self._client = client
        self._files = Files(folder)
        self._codes = codes
        self._pool: LabPool | None = None
        self._shares = Shares(MAX_VISITORS)
        self._sockets: set[web.WebSocketResponse] = set()
        self._bucket = TokenBucket(1 / RATE, BURST)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add the paths of the lab."""
        router.add_get("/lab", self._page)
        router.add_get("/lab/ws", self._websocket, allow_head=False)
        router.add_get("/page/lab/{name}", self._file)

    async def stop(self) -> None:
        """Close all visitors' connections, and end the worker processes."""
        for socket in list(self._sockets):
            await socket.close(code=WSCloseCode.GOING_AWAY)
        if self._pool is not None:
            await self._pool.stop()

    async def _page(self, request: web.Request) -> web.StreamResponse:
        return self._files.response("lab.html", request)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        return self._files.response(request.match_info["name"], request)

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        """Serve one visitor until it leaves."""
        share = share_of(self._client(request) or "?")
        if not self._shares.allows(share):
            raise web.HTTPServiceUnavailable(
                headers={"Retry-After": "30"},
                text="The lab has too many visitors; try again later.\n",
            )
        self._shares.acquire(share)
        socket = web.WebSocketResponse(
            compress=False, max_msg_size=MAX_REQUEST, timeout=1.0, heartbeat=_HEARTBEAT
        )
        try:
            await socket.prepare(request)
            await self._serve(socket, request, share)
        finally:
            self._shares.release(share)
        return socket

    async def _serve(self, socket: web.WebSocketResponse, request: web.Request, share: str) -> None:
        answers: asyncio.Queue[str] = asyncio.Queue(MAX_WAITING)

        def send(text: str) -> None:
            try:
                answers.put_nowait(text)
            except asyncio.QueueFull:  # the visitor does not read
                if request.transport is not None:
                    request.transport.abort()

        self._pool = self._pool or LabPool(self._codes)
        service = LabService(self._pool, share, send)
        self._sockets.add(socket)
        sending = asyncio.create_task(_send(socket, answers))
        now, full_at = asyncio.get_running_loop().time, 0.0
        try:
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    await socket.close(code=WSCloseCode.UNSUPPORTED_DATA)
                    break
                wait = self._bucket.wait(max(full_at, now()), now())
                if wait > 0:
                    await asyncio.sleep(wait)  # meanwhile, nothing is read from the visitor
                full_at = self._bucket.take(max(full_at, now()), now())
                service.receive(message.data)
        finally:
            self._sockets.discard(socket)
            service.close()
            sending.cancel()


async def _send(socket: web.WebSocketResponse, answers: asyncio.Queue[str]) -> None:
    with contextlib.suppress(ConnectionError):
        while True:
            await socket.send_str(await answers.get())
