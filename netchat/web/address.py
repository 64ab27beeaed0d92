"""What this machine is called."""

from __future__ import annotations

import contextlib
import ipaddress
import socket

__all__ = ["is_loopback", "lan_address", "url"]

#: Where no packet is sent to: asking for the way there says which of our addresses is used.
_ELSEWHERE = ("203.0.113.1", 9)  # TEST-NET-3, RFC 5737


def lan_address() -> str | None:
    """This machine's address on its network; None if it is on none."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(_ELSEWHERE)
        found: str = probe.getsockname()[0]
        if not ipaddress.ip_address(found).is_loopback:
            return found
    # No way leads out of this network; it may be one all the same.
    import psutil

    for addresses in psutil.net_if_addrs().values():
        for address in addresses:
            if address.family == socket.AF_INET:
                ip = ipaddress.ip_address(address.address)
                if not ip.is_loopback and not ip.is_link_local:
                    return str(ip)
    return None


def is_loopback(host: str) -> bool:
    """Whether a host's name or address is this machine's own, whoever asks."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def url(host: str, port: int) -> str:
    """The address of a page."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
