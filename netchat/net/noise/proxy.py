"""Proxy that damages traffic, for testing any client with any server.

For example:

    proxy = NoiseProxy(("127.0.0.1", 6464), Impairments(channel="bsc:1e-3", delay=0.01), seed=1)
    await proxy.start("127.0.0.1", 7000, udp=True)
    ...
    await proxy.stop()
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from netchat.channels.impairment import ImpairedLine, Impairments
from netchat.channels.stream import ChannelStream
from netchat.net.noise.tcp_relay import RelayDirection, TcpRelay
from netchat.net.noise.udp_relay import RelayedClient, UdpRelay

__all__ = ["NoiseProxy"]

#: Maximum number of TCP connections; each may buffer 2 MiB.
MAX_CONNECTIONS = 500

#: Maximum bytes of datagrams in flight per session and direction, the same as for a connection.
MAX_WAITING = 1024 * 1024

#: Attempts to find a port that is free for both TCP and UDP.
FREE_PORT_TRIES = 10


class NoiseProxy:
    """Proxy between clients and a server that impairs both directions.

    Every connection, and every client address over UDP, has its own random stream, which depends on
    its number and the seed.

    Args:
        target: Host and port of the server.
        impairments: Impairments of the traffic; for TCP, only `channel` and `delay` apply.
        seed: Random seed; None draws a new one.
        report: Called with each event as a dictionary: `event` is "connected", "closed" or
            "refused", with further keys for each.

    Attributes:
        seed: Random seed.
        total: Impairment counters of all ended connections and sessions, by direction.
    """

    def __init__(
        self,
        target: tuple[str, int],
        impairments: Impairments,
        seed: int | None = None,
        report: Callable[[dict[str, Any]], None] = lambda _: None,
    ) -> None:
        self.seed = int.from_bytes(os.urandom(4), "big") if seed is None else seed
        self._target, self._impairments, self._report = target, impairments, report
        self._number = 0
        self._numbers: dict[TcpRelay | RelayedClient, int] = {}
        self.total = {"to_server": dict[str, int](), "to_client": dict[str, int]()}
        self._server: asyncio.Server | None = None
        self._datagrams: UdpRelay | None = None

    async def start(self, host: str, port: int, *, udp: bool = False) -> tuple[str, int]:
        """Start listening.

        Args:
            host: Address to listen on.
            port: Port; 0 picks a free one.
            udp: Also relay datagrams, on the same port number.

        Returns:
            The address and port.

        Raises:
            OSError: The address or port is not available.
        """
        loop = asyncio.get_running_loop()
        tries = 1 if port or not udp else FREE_PORT_TRIES
        while True:
            tries -= 1
            self._server = await loop.create_server(self._accept, host, port)
            address: tuple[str, int] = self._server.sockets[0].getsockname()[:2]
            if not udp:
                return address
            try:
                _, self._datagrams = await loop.create_datagram_endpoint(
                    self._take_datagrams, local_addr=address
                )
            except OSError:
                self._server.close()
                if not tries:
                    raise
            else:
                return address

    async def stop(self) -> None:
        """Stop listening and abort all connections."""
        if self._server is not None:
            self._server.close()
        if self._datagrams is not None:
            self._datagrams.stop()
        for pipe in list(self._numbers):
            if isinstance(pipe, TcpRelay):
                pipe.abort()
        await asyncio.sleep(0)  # let the loop call connection_lost

    def _accept(self) -> asyncio.Protocol:
        if sum(isinstance(each, TcpRelay) for each in self._numbers) >= MAX_CONNECTIONS:
            self._report({"event": "refused", "why": f"{MAX_CONNECTIONS} connections are open"})
            return _Refuse()
        out, back = (
            RelayDirection(
                ChannelStream(self._impairments.channel, seed)
                if self._impairments.channel
                else None,
                self._impairments.delay,
            )
            for seed in self._seeds()
        )
        begun = partial(self._begun, self._number)
        return TcpRelay(self._target, out, back, begun, self._ended).front

    def _take_datagrams(self) -> UdpRelay:
        return UdpRelay(self._target, self._session, self._forgotten)

    def _session(self, client: str, reply: Callable[[bytes], None]) -> RelayedClient:
        out, back = (ImpairedLine(self._impairments, seed, MAX_WAITING) for seed in self._seeds())
        session = RelayedClient(client, out, back, reply)
        self._begun(self._number, session)
        return session

    def _seeds(self) -> list[np.random.SeedSequence]:
        self._number += 1
        return np.random.SeedSequence(self.seed, spawn_key=(self._number,)).spawn(2)

    def _begun(self, number: int, who: TcpRelay | RelayedClient) -> None:
        self._numbers[who] = number
        kind = "TCP" if isinstance(who, TcpRelay) else "UDP"
        self._report({"event": "connected", "number": number, "over": kind, "client": who.client})

    def _ended(self, pipe: TcpRelay, problem: str) -> None:
        out, back = ({"bytes": way.passed, "flipped": way.flipped} for way in (pipe.out, pipe.back))
        self._closed(pipe, out, back, problem)

    def _forgotten(self, session: RelayedClient) -> None:
        self._closed(session, session.out.as_dict(), session.back.as_dict(), session.problem)

    def _closed(
        self, who: TcpRelay | RelayedClient, out: dict[str, int], back: dict[str, int], problem: str
    ) -> None:
        both = {"to_server": out, "to_client": back}
        for way, counts in both.items():
            for name, count in counts.items():
                self.total[way][name] = self.total[way].get(name, 0) + count
        number = self._numbers.pop(who, 0)
        event = {"event": "closed", "number": number, "client": who.client, **both}
        self._report({**event, "problem": problem} if problem else event)


class _Refuse(asyncio.Protocol):
    """Protocol that aborts a connection beyond `MAX_CONNECTIONS`."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.abort()
