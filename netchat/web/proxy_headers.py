"""Addresses of clients behind proxies, from the header that the proxies add."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from aiohttp import web

__all__ = ["Network", "ProxyHeaders"]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: Hops to read: more than any deployment has.
_MOST_HOPS = 16


class ProxyHeaders:
    """Reads the client's address from X-Forwarded-For, if a trusted proxy has sent it.

    Each proxy appends the address of its own client, so the last address that is not a trusted proxy's is
    the client's. Those before it may be forged. Forwarded (RFC 7239) is never read: a proxy that writes only
    X-Forwarded-For passes on the Forwarded that its client has sent.

    Args:
        proxies: Networks of the trusted proxies; without any, no header is read.
    """

    def __init__(self, proxies: Iterable[Network] = ()) -> None:
        self._proxies = list(proxies)

    def client(self, request: web.Request) -> str:
        """Return the address of the client that has sent a request."""
        remote = request.remote or ""
        if not self._is_proxy(remote):
            return remote
        for hop in reversed(_hops(request)[-_MOST_HOPS:]):
            address = _address(hop)
            if address is None:  # hidden on purpose, or forged: the proxy is all that is known
                return remote
            remote = address
            if not self._is_proxy(address):
                break
        return remote

    def _is_proxy(self, host: str) -> bool:
        try:
            address = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in self._proxies)


def _hops(request: web.Request) -> list[str]:
    """Return the addresses in the header, that of the last proxy's client last."""
    listed = request.headers.getall("X-Forwarded-For", [])
    return [hop.strip() for hop in ",".join(listed).split(",")] if listed else []


def _address(hop: str) -> str | None:
    """Return the address of a hop without its port, or None if it is not an address."""
    text = hop.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None
