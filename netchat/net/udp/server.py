"""Server side of links over UDP."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from typing import Any, cast

from netchat.chat.fair_shares import Shares, share_of
from netchat.link.code_table import CodeSource
from netchat.link.datagram_listener import DatagramListener
from netchat.link.link import Link
from netchat.net.link.cpu_budget import ABUSE, LinkWork
from netchat.net.link.transport import LinkTransport
from netchat.net.udp.path import UdpPath
from netchat.net.udp.socket import MTU, is_message_too_long, udp_socket

__all__ = ["UdpServer", "listen_udp"]


class UdpServer(asyncio.DatagramProtocol):
    """All links of one UDP socket, shared fairly among address groups.

    Args:
        sock: Bound socket.
        most: Maximum number of links.
        peer: Creates the protocol for a new link.
        code: Returns the source of the codes that the clients of an address group name.
        work: Scheduler of the links' CPU time.
    """

    def __init__(
        self,
        sock: socket.socket,
        most: int,
        peer: Callable[[], asyncio.Protocol],
        code: Callable[[str], CodeSource],
        work: LinkWork,
    ) -> None:
        self._socket, self._peer, self._work = sock, peer, work
        self._loop = asyncio.get_running_loop()
        self._shares = Shares(most)
        self._listener = DatagramListener(
            MTU,
            most,
            lambda address: code(_share(address)),
            lambda address: self._shares.allows(_share(address)),
        )
        self._layers: dict[Link, LinkTransport] = {}
        self._shut = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport of the socket."""
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        """Process a datagram from any source."""
        if len(data) > MTU:  # no client sends these, and they could take long to decode
            return
        now, work = self._loop.time(), self._work
        known = self._listener.link_at(addr)
        layer = self._layers[known] if known is not None else None
        # Datagrams cannot be paused: one that would have to wait for CPU time is dropped.
        if layer is None:
            if self._shut or work.strangers.wait(now, _share(addr)):
                return
        elif not work.may_waste(layer):
            return
        before = (known.useful, known.stats.blocks_received) if known is not None else (0, 0)
        begun = time.thread_time()
        arrival = self._listener.receive(data, addr, now)
        spent = time.thread_time() - begun
        if layer is None:
            work.strangers.spend(spent, _share(addr))
        else:
            useful, received = before
            is_useful = layer.link.useful != useful
            work.spent(layer, spent, useful=is_useful)
            if is_useful:
                layer.forged = 0.0
            elif layer.link.stats.blocks_received == received:
                layer.forged += spent
        if arrival.answer:
            self._send(arrival.answer, addr)
        if arrival.ended in self._layers:
            self._layers[arrival.ended].arrived()
        if arrival.link is not None:
            layer = self._layers.get(arrival.link) or self._accept(arrival.link, addr)
            layer.arrived()
            # Anyone can send datagrams that are not the link's from its address: they do not end it.
            if layer.wasted - layer.forged >= ABUSE:
                layer.give_up()

    def _accept(self, link: Link, addr: tuple[Any, ...]) -> LinkTransport:
        share = _share(addr)
        layer = self._layers[link] = LinkTransport(self._peer(), link, self._work, share)
        self._shares.acquire(share)

        def send(data: bytes) -> None:
            # Use the current address: a link moves with its client, and may have been replaced.
            to = self._listener.address(link)
            if to is not None and not self._send(data, cast(tuple[Any, ...], to)):
                layer.reduce_mtu()

        def ended() -> None:
            self._listener.forget(link)
            del self._layers[link]
            self._shares.release(share)

        layer.connection_made(UdpPath(layer, send, ended, addr))
        return layer

    def _send(self, data: bytes, addr: tuple[Any, ...]) -> bool:
        """Send a datagram; return False if it is too long for its path."""
        try:
            self._socket.sendto(data, addr)
        except OSError as error:  # after other errors the datagram is lost and retransmitted
            return not is_message_too_long(error)
        return True

    def shut(self) -> None:
        """Accept no more links."""
        self._shut = True

    def close(self) -> None:
        """Close the socket."""
        self._transport.close()


def _share(address: Any) -> str:
    """Return the address group of a socket address."""
    return share_of(address[0])


async def listen_udp(
    addresses: list[tuple[Any, ...]],
    most: int,
    peer: Callable[[], asyncio.Protocol],
    *,
    code: Callable[[str], CodeSource],
    work: LinkWork,
) -> list[UdpServer]:
    """Listen for links over UDP.

    Args:
        addresses: Socket addresses to listen on.
        most: Maximum number of links per address.
        peer: Creates the protocol for a new link.
        code: Returns the source of the codes that the clients of an address group name.
        work: Scheduler of the links' CPU time.

    Returns:
        One server for each address.

    Raises:
        OSError: An address is not available.
    """
    loop = asyncio.get_running_loop()
    servers: list[UdpServer] = []
    try:
        for address in addresses:
            sock = udp_socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
            try:
                sock.bind(address)
            except OSError:
                sock.close()
                raise
            server = UdpServer(sock, most, peer, code, work)
            await loop.create_datagram_endpoint(lambda server=server: server, sock=sock)  # type: ignore[misc]
            servers.append(server)
    except OSError:
        for server in servers:
            server.close()
        raise
    return servers
