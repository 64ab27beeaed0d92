"""Lets links in on the port of the chat: who does not speak the chat's protocol may speak a link.

A server that no link has ever come to has not even loaded what links need.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from netchat.net.link.cpu_budget import LinkWork

if TYPE_CHECKING:
    from netchat.net.link.code_loader import CodeLoader
    from netchat.net.link.transport import LinkTransport

__all__ = ["StreamLinkListener"]


def _prepare() -> None:
    from netchat.link.code_table import warm_up

    warm_up()


class StreamLinkListener:
    """Makes the server's side of links.

    Args:
        loop: where the connections are.

    Attributes:
        work: what divides processor time among the links.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.work = LinkWork(loop)
        self._loop = loop
        self._prepared: asyncio.Future[None] | None = None
        self._loader: CodeLoader | None = None

    @property
    def loader(self) -> CodeLoader:
        """What builds the codes that clients name; only once links are `prepare`d."""
        if self._loader is None:
            from netchat.net.link.code_loader import CodeLoader

            self._loader = CodeLoader(self._loop)
        return self._loader

    async def prepare(self) -> None:
        """Load what links need, before any comes."""
        if self._prepared is None:
            self._prepared = self._loop.run_in_executor(None, _prepare)
        await self._prepared

    def accept(self, protocol: asyncio.Protocol, opened: Callable[[LinkTransport], None]) -> None:
        """A link has come.

        Args:
            protocol: whoever is to speak on it.
            opened: called soon, with the layer that carries that protocol. The first time that may
                take seconds, in which the loop goes on: what links need is loaded by a thread.
        """
        if self._prepared is None:
            self._prepared = self._loop.run_in_executor(None, _prepare)
        self._prepared.add_done_callback(lambda _: opened(self._layer(protocol)))

    def close(self) -> None:
        """Build no more codes."""
        if self._loader is not None:
            self._loader.close()

    def _layer(self, protocol: asyncio.Protocol) -> LinkTransport:
        from netchat.link.link import Link
        from netchat.net.link.transport import LinkTransport

        return LinkTransport(protocol, Link.server(code=self.loader), self.work)
