"""Access checks for HTTP requests: the `Host` and `Origin` headers.

They stop two attacks through the browser of a user who can reach the server:

- A foreign page opens a WebSocket to the server. The browser sends that page's `Origin`; only
  allowed origins may connect.
- A foreign DNS name resolves to the server's address (DNS rebinding), so that a foreign page has the
  server's origin. The browser sends that name as `Host`; only names of this server are accepted.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable
from urllib.parse import urlsplit

from aiohttp import web

from netchat.web.local_addresses import is_loopback
from netchat.web.proxy_headers import ProxyHeaders
from netchat.web.throttle import Throttle

__all__ = ["Guard", "is_local"]

#: Directives of every response's policy. `blob:` is for pictures that were offered as files; no other
#: file is ever shown. Scripts and styles come only from this server and are never
#: inline. Trusted Types allow one policy, which creates the URL of the service worker and nothing else, so
#: that even a faulty script cannot turn text into markup.
_POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' blob:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types worker",
    "manifest-src 'self'",
    "worker-src 'self'",
    "connect-src 'self'",
)

#: WebSockets that a page may open in a cluster: to any server, because others can join after the page
#: was loaded. Each server checks the origin.
_CLUSTER_SOCKETS = " ws: wss:"

#: Other headers of every response.
HEADERS = {
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


#: Headers added by proxies: the connection then comes from the proxy, not from the browser.
_PROXY_HEADERS = ("Forwarded", "Via", "X-Forwarded-For", "X-Real-IP")


def is_local(request: web.Request) -> bool:
    """Return whether a request comes from a browser on this machine."""
    host, _ = _split(request.headers.get("Host", ""))
    forwarded = any(name in request.headers for name in _PROXY_HEADERS)
    return not forwarded and is_loopback(request.remote or "") and is_loopback(host)


#: Limit on the pages of a cluster's current and former servers that may connect.
MAX_CLUSTER_PAGES = 256

#: Default ports, which browsers omit.
_DEFAULT_PORTS = {"http": 80, "https": 443}


def _split(authority: str, scheme: str = "http") -> tuple[str, int]:
    """Split an authority into host and port; the host is empty if it is invalid.

    The host is in lower case and without brackets.
    """
    try:
        parts = urlsplit(f"//{authority}")
        port = _DEFAULT_PORTS[scheme] if parts.port is None else parts.port
        return (parts.hostname or "").rstrip("."), port
    except ValueError:
        return "", 0


def _origin(origin: str) -> tuple[str, str, int]:
    """Split an origin into scheme, host and port; the host is empty if it is invalid."""
    scheme, _, authority = origin.strip().rstrip("/").partition("://")
    scheme = scheme.lower()
    if scheme not in _DEFAULT_PORTS:
        return scheme, "", 0
    return scheme, *_split(authority, scheme)


class Guard:
    """Middleware that checks every request.

    Args:
        origins: Additional allowed origins, such as `https://chat.example.org`.
        hosts: Additional names of this server, besides its addresses and host name.
        proxies: Reads the addresses of clients behind proxies.
        is_clustered: Whether the page also connects to other servers.
        has_tls: Whether to redirect requests without TLS to https.

    Attributes:
        policy: The Content-Security-Policy of every response.
    """

    def __init__(
        self,
        origins: Iterable[str] = (),
        hosts: Iterable[str] = (),
        proxies: ProxyHeaders | None = None,
        *,
        is_clustered: bool = False,
        has_tls: bool = False,
    ) -> None:
        self._has_tls = has_tls
        self._origins = {_origin(origin) for origin in origins}
        own_name = socket.gethostname().casefold()
        self._names = {own_name, f"{own_name}.local", *(host.casefold() for host in hosts)}
        self._names |= {host for _, host, _ in self._origins}
        self._names.discard("")
        self._throttle = Throttle()
        self._proxies = proxies or ProxyHeaders()
        # An ordered set: the most recent last.
        self._cluster: dict[tuple[str, str, int], None] = {}
        self.policy = "; ".join(_POLICY) + (_CLUSTER_SOCKETS if is_clustered else "")

    def set_cluster(self, pages: Iterable[str]) -> None:
        """Let the pages of a cluster's other servers connect here.

        Pages of servers that have left may still connect: they are open in browsers that now need
        another server.

        Args:
            pages: URLs of the other servers' pages.
        """
        found = (_origin("/".join(page.split("/", 3)[:3])) for page in pages)
        for origin in found:
            if not origin[1]:
                continue
            self._cluster.pop(origin, None)
            self._cluster[origin] = None
        for origin in list(self._cluster)[:-MAX_CLUSTER_PAGES]:
            del self._cluster[origin]

    def is_own_host(self, authority: str) -> bool:
        """Return whether the `Host` header names this server.

        Numeric addresses are allowed: DNS rebinding needs a name.
        """
        host, _ = _split(authority)
        if is_loopback(host) or host in self._names:
            return True
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return False
        return True

    def is_own_origin(self, origin: str, authority: str) -> bool:
        """Return whether a page from `origin` may connect to the server at `authority`."""
        scheme, name, port = found = _origin(origin)
        if not name:
            return False
        host, own_port = _split(authority, scheme)
        if found in self._origins or found in self._cluster:
            return True
        # The same host, or two loopback names.
        return port == own_port and (name == host or (is_loopback(name) and is_loopback(host)))

    @web.middleware
    async def check(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        """Refuse requests with a foreign host or origin; an aiohttp middleware."""
        await self._throttle.wait(self._proxies.client(request))
        authority = request.headers.get("Host", "")
        if not self.is_own_host(authority):
            raise web.HTTPMisdirectedRequest(
                text="This server does not have that name. Use its address, or start it with "
                "netchat serve --origin http://NAME:PORT.\n"
            )
        if self._has_tls and not (request.secure or self._may_be_plain(request)):
            raise web.HTTPPermanentRedirect(f"https://{authority}{request.raw_path}")
        origin = request.headers.get("Origin")
        # Programs other than browsers send no Origin. They may connect, as to the TCP port.
        if origin is not None and not self.is_own_origin(origin, authority):
            raise web.HTTPForbidden(
                text="Pages from other origins may not use this server. To allow one, start it with "
                "netchat serve --origin ORIGIN.\n"
            )
        return await handler(request)

    def _may_be_plain(self, request: web.Request) -> bool:
        """Return whether a request needs no TLS: for the CA, or by a proxy on this machine."""
        if request.path == "/ca.crt":
            return True
        forwarded = any(name in request.headers for name in _PROXY_HEADERS)
        return forwarded and is_loopback(request.remote or "")

    async def add_headers(self, request: web.Request, response: web.StreamResponse) -> None:  # noqa: ARG002
        """Add the security headers to a response; an aiohttp signal handler."""
        response.headers.update(HEADERS)
        response.headers["Content-Security-Policy"] = self.policy
        response.headers.popall("Server", None)
