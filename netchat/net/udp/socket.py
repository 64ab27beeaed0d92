"""UDP sockets that let damaged payloads through, and datagrams of a size that fits the way."""

from __future__ import annotations

import contextlib
import errno
import socket

__all__ = ["MTU", "is_message_too_long", "udp_socket"]

#: Bytes of a datagram: as QUIC begins with (RFC 9000, 14.1). With the headers of UDP and IP it is
#: within IPv6's least MTU of 1280, which all but a few old tunnels carry.
MTU = 1200

#: Bytes that may wait to be read; the system may give less. One link's whole window, a few times.
_RECEIVE_BUFFER = 4 * 1024 * 1024

# What Python's socket has no names for: Linux's numbers.
_SO_NO_CHECK = 11
_UDP_NO_CHECK6_TX, _UDP_NO_CHECK6_RX = 101, 102
_IP_MTU_DISCOVER, _IPV6_MTU_DISCOVER, _PMTUDISC_DO = 10, 23, 2


def udp_socket(family: int) -> socket.socket:
    """A socket for the datagrams of links, neither bound nor connected.

    Its checksum is off where the system allows it: it would have the kernel throw away what the code
    could repair. Its datagrams are not cut on their way; one that is too long is an error.

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
    if hasattr(socket, "AF_PACKET"):  # these numbers mean something else where it is not Linux
        for level, option, value in options:
            with contextlib.suppress(OSError):
                sock.setsockopt(level, option, value)
    return sock


def is_message_too_long(error: OSError) -> bool:
    """Whether a datagram could not be sent because its way takes no such long ones."""
    return error.errno == errno.EMSGSIZE
