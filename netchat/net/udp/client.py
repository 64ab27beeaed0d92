"""Client side of links over UDP."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from netchat.net.link.transport import LinkTransport
from netchat.net.udp.path import UdpPath
from netchat.net.udp.socket import is_message_too_long, udp_socket

__all__ = ["connect_udp"]

#: Seconds within which an open link must receive a block after a network error.
PROOF_WITHIN = 1.0


class _ConnectedSocket(asyncio.DatagramProtocol):
    """UDP socket connected to one server."""

    def __init__(self, sock: socket.socket, layer: LinkTransport, under: asyncio.Protocol) -> None:
        self._socket, self._layer = sock, layer
        self.path = UdpPath(under, self._send, self._ended, sock.getpeername())
        self._under = under
        self._proof_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._under.connection_made(self.path)

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:  # noqa: ARG002
        if not self.path.is_closing():
            self._under.data_received(data)

    def error_received(self, exc: Exception) -> None:
        """Handle an ICMP error, such as "port unreachable"."""
        if not isinstance(exc, OSError) or not is_message_too_long(exc):
            self._handle_error(exc)

    def _handle_error(self, why: Exception) -> None:
        """Close the path, unless an open link receives a block within `PROOF_WITHIN` seconds.

        An attacker who guesses the port can forge ICMP errors (RFC 5927).
        """
        if not self._layer.link.opened:
            self.path.lose(why)
        elif self._proof_timer is None:
            received = self._layer.link.stats.blocks_received
            loop = asyncio.get_running_loop()
            self._proof_timer = loop.call_later(PROOF_WITHIN, self._check_proof, received, why)
            self._layer.probe()

    def _check_proof(self, received: int, why: Exception) -> None:
        self._proof_timer = None
        if self._layer.link.stats.blocks_received == received:
            self.path.lose(why)

    def _send(self, data: bytes) -> None:
        try:
            self._socket.send(data)
        except BlockingIOError:
            pass  # the datagram is lost; the link retransmits it
        except OSError as error:
            if is_message_too_long(error):
                self._layer.reduce_mtu()
            else:
                self._handle_error(error)

    def _ended(self) -> None:
        if self._proof_timer is not None:
            self._proof_timer.cancel()
        self._transport.close()


async def connect_udp(
    host: str, port: int, layered: Callable[[], tuple[LinkTransport, asyncio.Protocol]]
) -> None:
    """Open a link to a server, and return once it is open.

    Args:
        host: Name or address of the server; each of its addresses is tried.
        port: UDP port of the server.
        layered: Creates a link transport, and the lowest protocol of its stack, for the socket.

    Raises:
        OSError: There is no server, or the link could not be opened.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    failure: Exception = OSError(f"{host} has no address")
    for family, _, _, _, address in found:
        try:
            sock = udp_socket(family)
        except OSError as error:  # for example, this machine has no IPv6
            failure = error
            continue
        try:
            sock.connect(address)
            layer, under = layered()
            await loop.create_datagram_endpoint(
                lambda sock=sock, layer=layer, under=under: _ConnectedSocket(sock, layer, under),  # type: ignore[misc]
                sock=sock,
            )
        except OSError as error:
            sock.close()
            failure = error
            continue
        try:
            await layer.opened()
        except OSError as error:
            failure = error
        except BaseException:
            layer.abort()
            raise
        else:
            return
    raise failure
