"""Who may ask for what: which names this server has, and which pages may connect to it.

Two attacks come through the browser of somebody who may reach the server. A foreign page may open a
WebSocket to it: the browser names that page in `Origin`, and only our own are let in. A foreign
name may be made to lead to our address (DNS rebinding), so that a foreign page counts as ours: the
browser names it in `Host`, and only names that nobody else can have are answered.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable
from urllib.parse import urlsplit

from aiohttp import web

from netchat.web.address import is_loopback
from netchat.web.throttle import Throttle

__all__ = ["Guard", "is_local"]

#: On every response. Scripts and styles come from this server alone and never stand in the page;
#: with Trusted Types and no policy, not even a mistake can turn text into markup.
HEADERS = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "connect-src 'self'",
            "img-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


#: What a proxy in front of us adds: then it is the proxy that is on this machine, not who asks.
_FORWARDED = ("Forwarded", "Via", "X-Forwarded-For", "X-Real-IP")


def is_local(request: web.Request) -> bool:
    """Whether a request comes from a browser on this machine."""
    host, _ = _split(request.headers.get("Host", ""))
    forwarded = any(name in request.headers for name in _FORWARDED)
    return not forwarded and is_loopback(request.remote or "") and is_loopback(host)


#: What a port is where none is written: browsers leave these out.
_PORTS = {"http": 80, "https": 443}


def _split(authority: str, scheme: str = "http") -> tuple[str, int]:
    """Host, in lower case and without brackets, and port; an empty host if it is none."""
    try:
        parts = urlsplit(f"//{authority}")
        port = _PORTS[scheme] if parts.port is None else parts.port
        return (parts.hostname or "").rstrip("."), port
    except ValueError:
        return "", 0


def _origin(written: str) -> tuple[str, str, int]:
    """Scheme, host and port of an origin; an empty host if it is none."""
    scheme, _, authority = written.strip().rstrip("/").partition("://")
    scheme = scheme.lower()
    if scheme not in _PORTS:
        return scheme, "", 0
    return scheme, *_split(authority, scheme)


class Guard:
    """The checks that every request goes through.

    Args:
        origins: further origins that may connect, such as `https://chat.example.org`.
        hosts: further names of this server, beside its addresses and this machine's name.
    """

    def __init__(self, origins: Iterable[str] = (), hosts: Iterable[str] = ()) -> None:
        self._origins = {_origin(origin) for origin in origins}
        here = socket.gethostname().casefold()
        self._names = {here, f"{here}.local", *(host.casefold() for host in hosts)}
        self._names |= {host for _, host, _ in self._origins}
        self._names.discard("")
        self._throttle = Throttle()

    def is_own_host(self, authority: str) -> bool:
        """Whether `Host` names this server. No foreign name leads to an address written in digits."""
        host, _ = _split(authority)
        if is_loopback(host) or host in self._names:
            return True
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return False
        return True

    def is_own_origin(self, origin: str, authority: str) -> bool:
        """Whether a page of `origin` may connect to a server that it calls `authority`."""
        scheme, name, port = found = _origin(origin)
        if not name:
            return False
        host, own_port = _split(authority, scheme)
        if found in self._origins:
            return True
        # The same name, or two names of one machine.
        return port == own_port and (name == host or (is_loopback(name) and is_loopback(host)))

    @web.middleware
    async def check(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        """Refuse what is not for this server; a middleware of aiohttp."""
        await self._throttle.wait(request.remote or "")
        authority = request.headers.get("Host", "")
        if not self.is_own_host(authority):
            raise web.HTTPMisdirectedRequest(
                text="This server has another name. Use its address, or start it with "
                "netchat serve --origin http://NAME:PORT.\n"
            )
        origin = request.headers.get("Origin")
        # Programs other than browsers name no origin: they may be anybody, as on the TCP port.
        if origin is not None and not self.is_own_origin(origin, authority):
            raise web.HTTPForbidden(
                text="A page of another origin may not use this server, unless it was started with "
                "netchat serve --origin ORIGIN.\n"
            )
        return await handler(request)

    async def add_headers(self, request: web.Request, response: web.StreamResponse) -> None:  # noqa: ARG002
        """Put the headers on a response; a signal of aiohttp."""
        response.headers.update(HEADERS)
        response.headers.popall("Server", None)
