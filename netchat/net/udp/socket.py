"""UDP sockets that deliver damaged payloads, with a datagram size that fits nearly every path."""

from __future__ import annotations

import contextlib
import errno
import socket

__all__ = ["MTU", "is_message_too_long", "udp_socket"]

#: Maximum size of a datagram in bytes, as for QUIC's first packets (RFC 9000, 14.1). With the UDP and
#: IP headers it is within IPv6's minimum MTU of 1280, which all but a few old tunnels carry.
MTU = 1200

#: Receive buffer in bytes, several times a link's window; the system may grant less.
_RECEIVE_BUFFER = 4 * 1024 * 1024

# Linux constants that Python's socket module does not define.
_SO_NO_CHECK = 11
_UDP_NO_CHECK6_TX, _UDP_NO_CHECK6_RX = 101, 102
_IP_MTU_DISCOVER, _IPV6_MTU_DISCOVER, _PMTUDISC_DO = 10, 23, 2


def udp_socket(family: int) -> socket.socket:
    """Create a socket for links, neither bound nor connected.

    The UDP checksum is off where the system allows it, because the kernel would drop datagrams that
    the code can repair. Fragmentation is off, so a datagram that is too long is an error.

    Args:
        family: `socket.AF_INET` or `socket.AF_INET6`.
    """
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
    options: tuple[tuple[int, int, int], ...]
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        options = (
            (socket.IPPROTO_UDP, _UDP_NO_CHECK6_TX, 1),
            (socket.IPPROTO_UDP, _UDP_NO_CHECK6_RX, 1),
            (socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, _PMTUDISC_DO),
        )
    else:
        options = (
            (socket.SOL_SOCKET, _SO_NO_CHECK, 1),
            (socket.IPPROTO_IP, _IP_MTU_DISCOVER, _PMTUDISC_DO),
        )
    if hasattr(socket, "AF_PACKET"):  # Linux only: elsewhere these numbers have other meanings
        for level, option, value in options:
            with contextlib.suppress(OSError):
                sock.setsockopt(level, option, value)
    return sock


def is_message_too_long(error: OSError) -> bool:
    """Return whether a datagram could not be sent because it exceeds the path's MTU."""
    return error.errno == errno.EMSGSIZE
