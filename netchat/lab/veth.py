"""Cables between namespaces: pairs of Ethernet interfaces on which packets are as on a wire."""

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

__all__ = ["ETH_P_ALL", "SOL_PACKET", "address", "connect", "loopback", "disable_autoconfiguration", "tap"]

_SIOCETHTOOL = 0x8946
#: ETHTOOL_STXCSUM, _STSO, _SGSO, _SGRO: with any of them on, packets come by that never were on a
#: wire: of many kilobytes, and without a checksum, so that intact ones would be taken for damaged.
_OFFLOADS = (0x17, 0x1F, 0x24, 0x2C)

ETH_P_ALL, SOL_PACKET, _IGNORE_OUTGOING = 0x0003, 263, 23
_RCVBUFFORCE = 33
#: Bytes of frames that wait in the kernel until we look (with its own bookkeeping, 2 KB for 1 KB).
_WAITING = 64 * 1024 * 1024

#: IFA_F_NODAD: an IPv6 address is good at once; nobody else can have it here.
_NODAD = 0x02


def connect(one: tuple[str, str], other: tuple[str, str], mac: str) -> None:
    """Lay a cable, both ends up.

    Args:
        one: the namespace and the interface's name of one end.
        other: the same of the other.
        mac: the hardware address of the first.
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
    """Give an interface its addresses, each with the length of its network's prefix."""
    with _routes(namespace) as routes:
        (index,) = routes.link_lookup(ifname=interface)
        for at, length in addresses:
            flags = {"flags": _NODAD} if ":" in at else {}
            routes.addr("add", index=index, address=at, prefixlen=length, **flags)


def loopback(namespace: str) -> None:
    """Let a host speak to itself, and everybody on it ping."""
    with _routes(namespace) as routes:
        routes.link("set", index=routes.link_lookup(ifname="lo")[0], state="up")
        Path("/proc/sys/net/ipv4/ping_group_range").write_text("0 2147483647", encoding="utf-8")


def disable_autoconfiguration(namespace: str) -> None:
    """Let the kernel say nothing of its own on the interfaces that a namespace gets from now on."""
    with in_namespace(namespace):
        off = Path("/proc/sys/net/ipv6/conf/default/disable_ipv6")
        if off.exists():  # else there is no IPv6 at all
            off.write_text("1", encoding="utf-8")


def tap(namespace: str, interface: str) -> socket.socket:
    """A socket that gets every frame that comes in, and sends frames as they are."""
    with in_namespace(namespace):
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        sock.setsockopt(SOL_PACKET, _IGNORE_OUTGOING, 1)
        sock.setsockopt(socket.SOL_SOCKET, _RCVBUFFORCE, _WAITING)
        sock.bind((interface, ETH_P_ALL))
    sock.setblocking(False)
    return sock


@contextlib.contextmanager
def _routes(namespace: str) -> Iterator[Any]:
    """The kernel's side of a namespace's interfaces; this thread is there meanwhile."""
    from pyroute2 import IPRoute  # type: ignore[import-untyped]

    with in_namespace(namespace), IPRoute() as routes:
        yield routes


def _switch_off_offloads(interface: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for command in _OFFLOADS:
            value = array.array("I", [command, 0])
            request = struct.pack("16sP", interface.encode(), value.buffer_info()[0])
            fcntl.ioctl(sock, _SIOCETHTOOL, request)
