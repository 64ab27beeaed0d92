"""Opens a link over UDP."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from netchat.net.link.transport import LinkTransport
from netchat.net.udp.path import UdpPath
from netchat.net.udp.socket import is_message_too_long, udp_socket

__all__ = ["connect_udp"]

#: Seconds in which an open link must hear something after an error from the network.
PROOF_WITHIN = 1.0


class _Socket(asyncio.DatagramProtocol):
    """A socket with one other side."""

    def __init__(self, sock: socket.socket, layer: LinkTransport, under: asyncio.Protocol) -> None:
        self._socket, self._layer = sock, layer
        self.path = UdpPath(under, self._send, self._ended, sock.getpeername())
        self._under = under
        self._doubts: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._under.connection_made(self.path)

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:  # noqa: ARG002
        if not self.path.is_closing():
            self._under.data_received(data)

    def error_received(self, exc: Exception) -> None:
        """The system says that nothing listens there."""
        if not isinstance(exc, OSError) or not is_message_too_long(exc):
            self._doubt(exc)

    def _doubt(self, why: Exception) -> None:
        """End the path; but give an open link a moment to prove that its server is there.

        Anyone who guesses our port can forge what ICMP says (RFC 5927).
        """
        if not self._layer.link.opened:
            self.path.lose(why)
        elif self._doubts is None:
            heard = self._layer.link.stats.blocks_received
            loop = asyncio.get_running_loop()
            self._doubts = loop.call_later(PROOF_WITHIN, self._decide, heard, why)
            self._layer.probe()

    def _decide(self, heard: int, why: Exception) -> None:
        self._doubts = None
        if self._layer.link.stats.blocks_received == heard:
            self.path.lose(why)

    def _send(self, data: bytes) -> None:
        try:
            self._socket.send(data)
        except BlockingIOError:
            pass  # lost; it is sent again
        except OSError as error:
            if is_message_too_long(error):
                self._layer.reduce_mtu()
            else:
                self._doubt(error)

    def _ended(self) -> None:
        if self._doubts is not None:
            self._doubts.cancel()
        self._transport.close()


async def connect_udp(
    host: str, port: int, layered: Callable[[], tuple[LinkTransport, asyncio.Protocol]]
) -> None:
    """Open a link to a server; returns when it is open.

    Args:
        host: the server's name or address; each of its addresses is tried.
        port: its UDP port.
        layered: makes a fresh link, with what stands between it and the socket, which is to be
            given for a protocol to the latter.

    Raises:
        OSError: there is no server, or the link could not be opened.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    failure: Exception = OSError("it has no address")
    for family, _, _, _, address in found:
        try:
            sock = udp_socket(family)
        except OSError as error:  # the machine has no IPv6, though the name has
            failure = error
            continue
        try:
            sock.connect(address)
            layer, under = layered()
            await loop.create_datagram_endpoint(
                lambda sock=sock, layer=layer, under=under: _Socket(sock, layer, under),  # type: ignore[misc]
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
