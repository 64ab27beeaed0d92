"""A proxy that damages what passes, so that any client and any server can be tried.

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
from netchat.net.noise.datagrams import Session, UdpRelay
from netchat.net.noise.tcp_relay import TcpRelay, Way

__all__ = ["NoiseProxy"]

#: TCP connections at a time; each may hold 2 MiB.
MAX_CONNECTIONS = 500

#: Bytes of datagrams under way in each direction of an address, as much as of a connection.
MAX_WAITING = 1024 * 1024

#: Tries to find a port that is free for TCP and for UDP.
FREE_PORT_TRIES = 10


class NoiseProxy:
    """Listens, and passes on to a server; both ways are damaged.

    Every connection, and every address over UDP, meets chance of its own: the same for its number
    and the seed.

    Args:
        target: the server's host and port.
        wish: what is done to what passes. To the bytes of TCP, only `channel` and `delay`.
        seed: where chance comes from; None is a new one each time.
        tell: called with what happens, as plain data: an `event` of "connected", "closed" or
            "refused", and what belongs to it.

    Attributes:
        seed: where chance comes from.
        total: what was done to all that has ended, by direction.
    """

    def __init__(
        self,
        target: tuple[str, int],
        wish: Impairments,
        seed: int | None = None,
        tell: Callable[[dict[str, Any]], None] = lambda _: None,
    ) -> None:
        self.seed = int.from_bytes(os.urandom(4), "big") if seed is None else seed
        self._target, self._wish, self._tell = target, wish, tell
        self._number = 0
        self._numbers: dict[TcpRelay | Session, int] = {}
        self.total = {"to_server": dict[str, int](), "to_client": dict[str, int]()}
        self._server: asyncio.Server | None = None
        self._datagrams: UdpRelay | None = None

    async def start(self, host: str, port: int, *, udp: bool = False) -> tuple[str, int]:
        """Listen.

        Args:
            host: the address to listen on.
            port: the port; 0 takes a free one.
            udp: pass datagrams as well, on the port of the same number.

        Returns:
            The address and port.

        Raises:
            OSError: it cannot be listened on.
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
        """Cut all connections, and listen no more."""
        if self._server is not None:
            self._server.close()
        if self._datagrams is not None:
            self._datagrams.stop()
        for pipe in list(self._numbers):
            if isinstance(pipe, TcpRelay):
                pipe.abort()
        await asyncio.sleep(0)  # the loop tells them that they are lost

    def _accept(self) -> asyncio.Protocol:
        if sum(isinstance(each, TcpRelay) for each in self._numbers) >= MAX_CONNECTIONS:
            self._tell({"event": "refused", "why": f"{MAX_CONNECTIONS} connections are open"})
            return _Refuse()
        out, back = (
            Way(
                ChannelStream(self._wish.channel, seed) if self._wish.channel else None,
                self._wish.delay,
            )
            for seed in self._seeds()
        )
        begun = partial(self._begun, self._number)
        return TcpRelay(self._target, out, back, begun, self._ended).front

    def _take_datagrams(self) -> UdpRelay:
        return UdpRelay(self._target, self._session, self._forgotten)

    def _session(self, client: str, reply: Callable[[bytes], None]) -> Session:
        out, back = (ImpairedLine(self._wish, seed, MAX_WAITING) for seed in self._seeds())
        session = Session(client, out, back, reply)
        self._begun(self._number, session)
        return session

    def _seeds(self) -> list[np.random.SeedSequence]:
        self._number += 1
        return np.random.SeedSequence(self.seed, spawn_key=(self._number,)).spawn(2)

    def _begun(self, number: int, who: TcpRelay | Session) -> None:
        self._numbers[who] = number
        kind = "TCP" if isinstance(who, TcpRelay) else "UDP"
        self._tell({"event": "connected", "number": number, "over": kind, "client": who.client})

    def _ended(self, pipe: TcpRelay, problem: str) -> None:
        out, back = ({"bytes": way.passed, "flipped": way.flipped} for way in (pipe.out, pipe.back))
        self._closed(pipe, out, back, problem)

    def _forgotten(self, session: Session) -> None:
        self._closed(session, session.out.as_dict(), session.back.as_dict(), session.problem)

    def _closed(
        self, who: TcpRelay | Session, out: dict[str, int], back: dict[str, int], problem: str
    ) -> None:
        both = {"to_server": out, "to_client": back}
        for way, counts in both.items():
            for name, count in counts.items():
                self.total[way][name] = self.total[way].get(name, 0) + count
        number = self._numbers.pop(who, 0)
        told = {"event": "closed", "number": number, "client": who.client, **both}
        self._tell({**told, "problem": problem} if problem else told)


class _Refuse(asyncio.Protocol):
    """Cuts a connection for which there is no room."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.abort()
