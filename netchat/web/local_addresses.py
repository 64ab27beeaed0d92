"""Addresses of this machine."""

from __future__ import annotations

import contextlib
import ipaddress
import socket

__all__ = ["has_address", "is_loopback", "lan_address", "url"]

#: Connecting a UDP socket sends no packet, but selects the local address for this destination.
_PROBE_TARGET = ("203.0.113.1", 9)  # TEST-NET-3, RFC 5737


def lan_address() -> str | None:
    """Return this machine's address on its network, or None without a network."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(_PROBE_TARGET)
        address: str = probe.getsockname()[0]
        if not ipaddress.ip_address(address).is_loopback:
            return address
    # There is no default route, but there may be a local network.
    import psutil

    for addresses in psutil.net_if_addrs().values():
        for entry in addresses:
            if entry.family == socket.AF_INET:
                ip = ipaddress.ip_address(entry.address)
                if not ip.is_loopback and not ip.is_link_local:
                    return str(ip)
    return None


def has_address(host: str) -> bool:
    """Return whether a host is an address of this machine; False for a name."""
    try:
        address = ipaddress.ip_address(host)
        if address.is_unspecified:
            return False
        family, kind, _, _, end = socket.getaddrinfo(
            host, 0, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST
        )[0]
        with socket.socket(family, kind) as probe:
            probe.bind(end)  # only works on an own address
    except (OSError, ValueError):
        return False
    return True


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is a loopback one."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def url(host: str, port: int, *, has_tls: bool = False) -> str:
    """Return the URL of the page at a host and port."""
    scheme = "https" if has_tls else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
