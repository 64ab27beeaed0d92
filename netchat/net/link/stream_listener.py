"""Acceptor for links on the chat's TCP port.

A server that has never received a link does not load the modules that links need.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from netchat.net.link.cpu_budget import LinkWork
from netchat.net.link.short_collections import short_collections

if TYPE_CHECKING:
    from netchat.net.link.code_loader import CodeLoader
    from netchat.net.link.transport import LinkTransport

__all__ = ["StreamLinkListener"]


def _prepare() -> None:
    with short_collections():
        from netchat.link.code_table import warm_up

        warm_up()


class StreamLinkListener:
    """Factory for the server side of links.

    Args:
        loop: Event loop of the server.
        is_committing: Returns whether the server is storing events.

    Attributes:
        work: Scheduler that divides CPU time among the links.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, is_committing: Callable[[], bool] = lambda: False
    ) -> None:
        self.work = LinkWork(loop, is_committing=is_committing)
        self._loop = loop
        self._prepared: asyncio.Future[None] | None = None
        # Not the loop's executor, which would delay the end of the loop until everything is compiled.
        self._thread = ThreadPoolExecutor(1, "links")
        self._loader: CodeLoader | None = None

    @property
    def loader(self) -> CodeLoader:
        """Loader of the codes that clients name; available after `prepare`."""
        if self._loader is None:
            from netchat.net.link.code_loader import CodeLoader

            self._loader = CodeLoader(self._loop)
        return self._loader

    async def prepare(self) -> None:
        """Load the modules and codes that links need, in a thread."""
        await self._preparation()

    def accept(
        self,
        protocol: asyncio.Protocol,
        share: str,
        opened: Callable[[LinkTransport], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        """Create the link transport of a new connection.

        Args:
            protocol: Protocol above the link.
            share: Address group of the client.
            opened: Called later with the link transport. The first call may take seconds, while a
                thread loads the modules that links need; the event loop continues.
            failed: Called instead with the thread's error. The next link tries again.
        """

        def loaded(preparation: asyncio.Future[None]) -> None:
            if preparation.cancelled():
                return
            if error := preparation.exception():
                if self._prepared is preparation:
                    self._prepared = None
                failed(error)
            else:
                opened(self._layer(protocol, share))

        self._preparation().add_done_callback(loaded)

    def _preparation(self) -> asyncio.Future[None]:
        if self._prepared is None:
            self._prepared = self._loop.run_in_executor(self._thread, _prepare)
        return self._prepared

    def close(self) -> None:
        """Cancel pending work."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        if self._prepared is not None:
            self._prepared.cancel()
        if self._loader is not None:
            self._loader.close()

    def _layer(self, protocol: asyncio.Protocol, share: str) -> LinkTransport:
        from netchat.link.link import Link
        from netchat.net.link.transport import LinkTransport

        link = Link.server(code=self.loader.source(share))
        return LinkTransport(protocol, link, self.work, share)
