"""A chat server for a notebook, on this machine, in a thread.

For example:

    with LocalServer() as server, Probe(server.host, server.port) as probe:
        probe.hello("Nova")
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from types import TracebackType
from typing import Self

from netchat.chat.effects import Log
from netchat.chat.settings import Settings
from netchat.net.address import show_address
from netchat.net.event_loop import run
from netchat.net.history.memory_history import MemoryHistory
from netchat.net.server_driver import ServerDriver

__all__ = ["LocalServer"]

#: Timeout for starting and for stopping, in seconds.
TIMEOUT = 10.0


class LocalServer:
    """A server on 127.0.0.1, on a free port, with its history in memory.

    Args:
        settings: Its limits; by default a connection may send at any rate.

    Attributes:
        host: The address where it listens.
        port: Its TCP port.
        log: Entries of its log.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.host: str = "127.0.0.1"
        self.port: int = 0
        self.log: list[Log] = []
        self._settings = settings or Settings(rate=0)
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        # A daemon thread, so that a notebook that forgets to stop it can still exit.
        self._problem: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        if not self._ready.wait(TIMEOUT) or not self.port:
            raise RuntimeError("the server did not start listening") from self._problem

    def stop(self) -> None:
        """Stop the server; its clients are notified."""
        if self._loop is not None and self._stop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(TIMEOUT)

    def _run(self) -> None:
        try:
            run(self._serve())
        except BaseException as error:
            self._problem = error
            if self.port:
                raise  # nothing waits for it any more
        finally:
            self._ready.set()  # after the error is stored

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = ServerDriver(MemoryHistory(), self._settings, self.log.append)
        ((_, self.port),) = await server.start(self.host, 0)
        self._ready.set()
        await self._stop.wait()
        await server.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<LocalServer on {show_address(self.host, self.port)}>"
