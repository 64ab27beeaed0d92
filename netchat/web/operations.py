"""Paths for the operation of a server: `/metrics`, `/healthz` and `/readyz`.

On the page's port, programs on this machine can read the metrics. A listener of its own, which the
operator has to ask for, serves them to other machines.
"""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from netchat.chat.server_log import ServerLog
from netchat.net.server_driver import ServerDriver
from netchat.web import METRICS_PORT
from netchat.web.metrics import Metrics

__all__ = ["MetricsListener", "Operations"]

_REFUSAL = (
    "The metrics on the page's port are for programs on this machine. For others, start the server with "
    f"netchat serve --metrics ADDRESS:{METRICS_PORT}\n"
)

#: Seconds between requests on one connection of the metrics' own listener: more than Prometheus waits
#: between two scrapes by default.
KEEP_ALIVE = 75.0


class Operations:
    """Handlers of the paths.

    Args:
        chat: The chat server.
        notes: Its log.
        may_read: Returns whether a request may read the metrics.
    """

    def __init__(
        self, chat: ServerDriver, notes: ServerLog, may_read: Callable[[web.Request], bool]
    ) -> None:
        self._chat = chat
        self._metrics = Metrics(chat, notes)
        self._may_read = may_read

    def add_routes(self, app: web.Application) -> None:
        """Add the paths to an application."""
        app.router.add_get("/metrics", self._read_metrics)
        app.router.add_get("/healthz", self._is_alive)
        app.router.add_get("/readyz", self._is_ready)

    async def _read_metrics(self, request: web.Request) -> web.Response:
        if not self._may_read(request):
            raise web.HTTPForbidden(text=_REFUSAL)
        body, content_type = self._metrics.render(request.headers.get("Accept", ""))
        headers = {"Content-Type": content_type, "Cache-Control": "no-store"}
        return web.Response(body=body, headers=headers)

    async def _is_alive(self, request: web.Request) -> web.Response:  # noqa: ARG002 - aiohttp's
        """Answer: the event loop runs. A server that waits for its disk need not be restarted."""
        return _plain("ok")

    async def _is_ready(self, request: web.Request) -> web.Response:  # noqa: ARG002 - aiohttp's
        """Answer whether the server can store and deliver messages, so that clients may connect."""
        problem = self._chat.problem()
        return _plain(f"not ready: {problem}", 503) if problem else _plain("ready")


def _plain(text: str, status: int = 200) -> web.Response:
    return web.Response(text=f"{text}\n", status=status, headers={"Cache-Control": "no-store"})


class MetricsListener:
    """HTTP server of these paths alone, on an address of its own, without TLS.

    Args:
        chat: The chat server.
        notes: Its log.
    """

    def __init__(self, chat: ServerDriver, notes: ServerLog) -> None:
        app = web.Application()
        Operations(chat, notes, lambda _: True).add_routes(app)
        self._runner = web.AppRunner(
            app, handle_signals=False, access_log=None, keepalive_timeout=KEEP_ALIVE,
            shutdown_timeout=1.0,
        )  # fmt: skip

    async def start(self, host: str | None, port: int) -> tuple[str, int]:
        """Start listening.

        Args:
            host: Address to listen on; None for all addresses of this machine.
            port: TCP port; 0 for any free one.

        Returns:
            Address and port of the first listening socket.

        Raises:
            OSError: The address or port is not available.
        """
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        found: tuple[str, int] = self._runner.addresses[0][:2]
        return found

    async def stop(self) -> None:
        """Stop listening and close all connections."""
        await self._runner.cleanup()
