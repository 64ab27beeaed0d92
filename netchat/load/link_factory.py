"""Links and channels between a crowd and its server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np

from netchat.link.link import Link
from netchat.load.report import LinkUse
from netchat.net.client_path import ClientPath

if TYPE_CHECKING:
    from netchat.net.tls.client import TlsClient

__all__ = ["LinkFactory"]


class LinkFactory:
    """Factory for connections, each with its own channel and link.

    Args:
        link: Code of the links; None uses no links.
        channel: Channel of each connection; None adds no noise.
        seed: Random seed; None draws a new one.
        udp: Run the links over UDP.
        tls: Carries the links over TLS; None uses no TLS.

    Raises:
        ValueError: The code or channel does not exist.
    """

    def __init__(
        self,
        link: str | None,
        channel: str | None,
        seed: int | None,
        *,
        udp: bool,
        tls: TlsClient | None = None,
    ) -> None:
        ClientPath(link, channel, udp=udp, tls=tls)  # raises ValueError before any user connects
        self._spec, self._channel, self._udp, self._tls = link, channel, udp, tls
        self._seed = np.random.SeedSequence(seed)
        self._links: list[Link] = []

    async def connect(self, protocol: asyncio.Protocol, host: str, port: int) -> None:
        """Connect a protocol; see `ClientPath.connect`."""
        seed = self._seed.spawn(1)[0]
        path = ClientPath(self._spec, self._channel, seed, udp=self._udp, tls=self._tls)
        await path.connect(protocol, host, port)
        if path.link is not None:
            self._links.append(path.link)

    def use(self) -> LinkUse | None:
        """Return the counters of all links together; None without links."""
        if self._spec is None:
            return None
        stats = [link.stats for link in self._links]
        return LinkUse(
            link=self._spec,
            udp=self._udp,
            channel=self._channel,
            blocks_sent=sum(one.blocks_sent for one in stats),
            blocks_received=sum(one.blocks_received for one in stats),
            bytes_sent=sum(one.bytes_sent for one in stats),
            bytes_received=sum(one.bytes_received for one in stats),
            wrong_bits=sum(one.wrong_bits for one in stats),
            corrected_symbols=sum(one.corrected_symbols for one in stats),
            failed_blocks=sum(one.failed_blocks for one in stats),
            retransmissions=sum(one.retransmissions for one in stats),
        )
