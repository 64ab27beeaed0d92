"""Client side of TLS: connections to trusted servers, with session resumption."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import ssl
from functools import partial

from netchat.errors import NetchatError
from netchat.net.tls.transport import TlsTransport
from netchat.net.tls.trust import Trust

__all__ = ["TlsClient"]

#: Maximum number of sessions that are kept for resumption.
_MAX_SESSIONS = 64


class TlsClient:
    """Factory for a client's TLS connections.

    Args:
        trust: Rule by which servers are trusted.
    """

    def __init__(self, trust: Trust) -> None:
        self.trust = trust
        """Rule by which servers are trusted."""
        self._sessions: dict[tuple[str, int], ssl.SSLSession] = {}

    async def connect(self, protocol: asyncio.Protocol, host: str, port: int) -> None:
        """Connect a protocol to a server over TLS.

        Args:
            protocol: Protocol that is connected after the handshake.
            host: Name or address of the server.
            port: Its port.

        Raises:
            OSError: There is no server at the address.
            CannotConnect: The handshake failed, or the server is not trusted.
        """
        server = host, port
        layer = TlsTransport(
            protocol,
            self.trust.context,
            is_server=False,
            host=_server_name(host),
            session=self._sessions.get(server),
            verify=partial(self.trust.check, host, port),
            ended=partial(self._keep, server),
        )
        transport, _ = await asyncio.get_running_loop().create_connection(lambda: layer, host, port)
        try:
            await layer.opened()
        except NetchatError as error:
            transport.abort()
            cause = error.__cause__
            raise self.trust.problem(host, port, cause or error, layer.first) from error
        except BaseException:
            transport.abort()
            raise

    def _keep(self, server: tuple[str, int], tls: ssl.SSLObject) -> None:
        """Keep the session of a connection, to resume it on the next one."""
        session = tls.session
        if session is not None and session.has_ticket:
            self._sessions.pop(server, None)
            self._sessions[server] = session
            if len(self._sessions) > _MAX_SESSIONS:
                del self._sessions[next(iter(self._sessions))]


def _server_name(host: str) -> str:
    """Return the name that the certificate must have, for SNI."""
    with contextlib.suppress(ValueError):
        return str(ipaddress.ip_address(host.partition("%")[0]))
    return host.removesuffix(".")
