"""Cables between namespaces: virtual Ethernet interfaces without offloads."""

from __future__ import annotations

import array
import contextlib
import fcntl
import socket
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from netchat.lab.namespaces import in_namespace

__all__ = [
    "ETH_P_ALL",
    "SOL_PACKET",
    "address",
    "connect",
    "disable_autoconfiguration",
    "loopback",
    "tap",
]

_SIOCETHTOOL = 0x8946
#: ETHTOOL_STXCSUM, _STSO, _SGSO, _SGRO. With any of them on, packets appear that no wire would
#: carry: many kilobytes long, and without a checksum, so that intact ones would seem damaged.
_OFFLOADS = (0x17, 0x1F, 0x24, 0x2C)

ETH_P_ALL, SOL_PACKET, _IGNORE_OUTGOING = 0x0003, 263, 23
_RCVBUFFORCE = 33
#: Receive buffer of a tap, in bytes (including the kernel's bookkeeping: 2 KB for 1 KB).
_WAITING = 64 * 1024 * 1024

#: IFA_F_NODAD: an IPv6 address is usable at once, since no other host can have it.
_NODAD = 0x02


def connect(one: tuple[str, str], other: tuple[str, str], mac: str) -> None:
    """Create a cable with both ends up.

    Args:
        one: Namespace and interface name of one end.
        other: Namespace and interface name of the other end.
        mac: Hardware address of the first end.
    """
    with _routes(one[0]) as routes:
        peer = {"ifname": other[1], "net_ns_fd": other[0]}
        routes.link("add", ifname=one[1], kind="veth", address=mac, peer=peer)
    for namespace, interface in (one, other):
        with _routes(namespace) as routes:
            _switch_off_offloads(interface)
            (index,) = routes.link_lookup(ifname=interface)
            routes.link("set", index=index, state="up")


def address(namespace: str, interface: str, addresses: Sequence[tuple[str, int]]) -> None:
    """Assign addresses to an interface, each with its prefix length."""
    with _routes(namespace) as routes:
        (index,) = routes.link_lookup(ifname=interface)
        for at, length in addresses:
            flags = {"flags": _NODAD} if ":" in at else {}
            routes.addr("add", index=index, address=at, prefixlen=length, **flags)


def loopback(namespace: str) -> None:
    """Bring up a host's loopback interface, and allow every user to ping."""
    with _routes(namespace) as routes:
        routes.link("set", index=routes.link_lookup(ifname="lo")[0], state="up")
        Path("/proc/sys/net/ipv4/ping_group_range").write_text("0 2147483647", encoding="utf-8")


def disable_autoconfiguration(namespace: str) -> None:
    """Disable IPv6 on the interfaces that a namespace will get."""
    with in_namespace(namespace):
        off = Path("/proc/sys/net/ipv6/conf/default/disable_ipv6")
        if off.exists():  # otherwise the kernel has no IPv6
            off.write_text("1", encoding="utf-8")


def tap(namespace: str, interface: str) -> socket.socket:
    """Open a socket that receives every incoming frame and sends frames unchanged."""
    with in_namespace(namespace):
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        sock.setsockopt(SOL_PACKET, _IGNORE_OUTGOING, 1)
        sock.setsockopt(socket.SOL_SOCKET, _RCVBUFFORCE, _WAITING)
        sock.bind((interface, ETH_P_ALL))
    sock.setblocking(False)
    return sock


@contextlib.contextmanager
def _routes(namespace: str) -> Iterator[Any]:
    """Yield netlink access to a namespace, with this thread inside it."""
    from pyroute2 import IPRoute  # type: ignore[import-untyped]

    with in_namespace(namespace), IPRoute() as routes:
        yield routes


def _switch_off_offloads(interface: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for command in _OFFLOADS:
            value = array.array("I", [command, 0])
            request = struct.pack("16sP", interface.encode(), value.buffer_info()[0])
            fcntl.ioctl(sock, _SIOCETHTOOL, request)
