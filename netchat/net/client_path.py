"""Path from a client to its server: TCP or UDP, optionally with a link and a noisy channel."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np

from netchat.channels.stream import ChannelStream
from netchat.errors import CannotConnect, LinkError
from netchat.link.link import Link
from netchat.link.policy_registry import validate_policy
from netchat.net.address import show_address
from netchat.net.link.client_codes import ready_code, warm_up_client
from netchat.net.link.transport import LinkTransport
from netchat.net.noise.transport import NoiseTransport
from netchat.net.udp.client import connect_udp
from netchat.net.udp.socket import MTU

if TYPE_CHECKING:
    from netchat.net.tls.client import TlsClient

__all__ = ["ClientPath"]


class ClientPath:
    """Factory for a client's connections, which adds a link, a noisy channel, or both.

    The channel keeps its state across connections; each connection gets a new link.

    Args:
        link: Code such as `rs:255,223`, or `adaptive`; None sends plain frames.
        channel: Channel that flips bits in both directions, such as `bsc:1e-3`; None adds no noise.
        seed: Random seed for the channel; None draws a new one.
        udp: Run the link over UDP instead of TCP.
        tls: Carries the link or the noisy bytes over TLS; None uses no TLS.

    Attributes:
        channel: Spec of the channel.
        link: Link of the current connection; None without a link.

    Raises:
        ValueError: The code or channel does not exist, or `udp` is set without a link or with TLS.
    """

    def __init__(
        self,
        link: str | None = None,
        channel: str | None = None,
        seed: int | np.random.SeedSequence | None = None,
        *,
        udp: bool = False,
        tls: TlsClient | None = None,
    ) -> None:
        if udp and tls is not None:
            raise ValueError("TLS requires TCP: omit tls:// or UDP")
        if udp and link is None:
            raise ValueError("UDP requires a link: name its code, for example uncoded")
        self._code = None if link is None else validate_policy(link)
        self._udp = udp
        self._tls = tls
        self._streams: tuple[ChannelStream, ChannelStream] | None = None
        self.channel = channel
        self.link: Link | None = None
        if channel is not None:
            root = (
                seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
            )
            out, back = root.spawn(2)
            self._streams = ChannelStream(channel, out), ChannelStream(channel, back)
        if self._code is not None:
            warm_up_client(self._code)

    async def connect(self, protocol: asyncio.Protocol, host: str, port: int) -> None:
        """Connect a protocol to a server over this path.

        Args:
            protocol: Protocol that receives the connection.
            host: Name or address of the server.
            port: Port of the server.

        Raises:
            OSError: There is no server at the address.
            CannotConnect: There is no UDP server, or the link or TLS could not be opened.
        """
        if not self._udp:
            if self._code is not None:
                protocol = self._add_link(protocol, None)
            bottom = self._add_noise(protocol)
            if self._tls is not None:
                await self._tls.connect(bottom, host, port)
            else:
                await asyncio.get_running_loop().create_connection(lambda: bottom, host, port)
            return

        def stack() -> tuple[LinkTransport, asyncio.Protocol]:
            link = self._add_link(protocol, MTU)
            return link, self._add_noise(link)

        try:
            await connect_udp(host, port, stack)
        except ConnectionRefusedError as error:
            raise CannotConnect(
                f"No UDP server at {show_address(host, port)}. Start one there with: netchat serve --udp"
            ) from error
        except LinkError as error:
            raise CannotConnect(
                f"Cannot open a link to {show_address(host, port)}: {error}"
            ) from error

    def _add_link(self, protocol: asyncio.Protocol, mtu: int | None) -> LinkTransport:
        assert self._code is not None
        self.link = Link.client(self._code, mtu=mtu, code=ready_code)
        return LinkTransport(protocol, self.link)

    def _add_noise(self, protocol: asyncio.Protocol) -> asyncio.Protocol:
        return protocol if self._streams is None else NoiseTransport(protocol, *self._streams)

    def explain(self, why: str, finder: str) -> str:
        """Add the channel's bit errors to the reason for a lost connection.

        Args:
            why: Reason given by the side that closed the connection.
            finder: Side that detected the damage: "server", "client", or "" if neither did.

        Returns:
            The reason; with a channel and no link, followed by the number of bit errors.
        """
        if self._streams is None or self._code is not None:
            return why
        out, back = self._streams
        detected = {
            "server": "The server detected the damage: so far",
            "client": "The client detected the damage: so far",
        }
        damage = " and ".join(
            f"{stream.flipped:,} of {8 * stream.passed:,} bits {direction}"
            for stream, direction in ((out, "sent"), (back, "received"))
        )
        return (
            f"{why.rstrip('.')}. {detected.get(finder, 'So far')} the channel {out.channel.spec} has "
            f"flipped {damage}, and without a code one bit error ends the connection. "
            "Try --link rs:255,223"
        )
