"""How a client reaches its server: over which link, and through which channel."""

from __future__ import annotations

import asyncio

import numpy as np

from netchat.channels.stream import ChannelStream
from netchat.errors import CannotConnect, LinkError
from netchat.link.code_table import warm_up
from netchat.link.link import Link
from netchat.link.policy_registry import validate_policy
from netchat.net.address import show_address
from netchat.net.link.transport import LinkTransport
from netchat.net.noise.transport import NoiseTransport
from netchat.net.udp.client import connect_udp
from netchat.net.udp.socket import MTU

__all__ = ["ClientPath"]


class ClientPath:
    """What stands between a client and its connections: a link, a channel, or both.

    The channel goes on from one connection to the next; a link begins with each.

    Args:
        link: the code, such as `rs:255,223`, or `adaptive`; None is no link: frames go out as they are.
        channel: what turns bits over, in both directions, such as `bsc:1e-3`; None is nothing.
        seed: where its chance comes from; None is a new one each time.
        udp: the link goes over UDP rather than TCP.

    Attributes:
        channel: the channel's spec.
        link: the link of the present connection, if there is one.

    Raises:
        ValueError: there is no such code or channel, or no link over UDP.
    """

    def __init__(
        self,
        link: str | None = None,
        channel: str | None = None,
        seed: int | np.random.SeedSequence | None = None,
        *,
        udp: bool = False,
    ) -> None:
        if udp and link is None:
            raise ValueError("over UDP there is always a link: name its code, such as uncoded")
        self._code = None if link is None else validate_policy(link)
        self._udp = udp
        self._streams: tuple[ChannelStream, ChannelStream] | None = None
        self.channel = channel
        self.link: Link | None = None
        if channel is not None:
            root = (
                seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
            )
            out, back = root.spawn(2)
            self._streams = ChannelStream(channel, out), ChannelStream(channel, back)
        if link is not None:
            warm_up()

    async def connect(self, protocol: asyncio.Protocol, host: str, port: int) -> None:
        """Make a connection on which `protocol` speaks over this path.

        Raises:
            OSError: there is no server at that address.
            CannotConnect: there is none for UDP, or a link could not be opened.
        """
        if not self._udp:
            if self._code is not None:
                protocol = self._linked(protocol, None)
            under = self._noisy(protocol)
            await asyncio.get_running_loop().create_connection(lambda: under, host, port)
            return

        def layered() -> tuple[LinkTransport, asyncio.Protocol]:
            layer = self._linked(protocol, MTU)
            return layer, self._noisy(layer)

        try:
            await connect_udp(host, port, layered)
        except ConnectionRefusedError as error:
            raise CannotConnect(
                f"No server for UDP at {show_address(host, port)}. Start one there with: netchat serve --udp"
            ) from error
        except LinkError as error:
            raise CannotConnect(f"No link to {show_address(host, port)}: {error}") from error

    def _linked(self, protocol: asyncio.Protocol, mtu: int | None) -> LinkTransport:
        assert self._code is not None
        self.link = Link.client(self._code, mtu=mtu)
        return LinkTransport(protocol, self.link)

    def _noisy(self, protocol: asyncio.Protocol) -> asyncio.Protocol:
        return protocol if self._streams is None else NoiseTransport(protocol, *self._streams)

    def explain(self, why: str, finder: str) -> str:
        """Why a connection was lost, with what the channel has to do with it.

        Args:
            why: what the one who gave it up says.
            finder: who has found damage: "server", "client", or nobody.
        """
        if self._streams is None or self._code is not None:
            return why
        out, back = self._streams
        found = {
            "server": "The server's check found it: so far",
            "client": "A check of ours found it: so far",
        }
        damage = " and ".join(
            f"{stream.flipped:,} of {8 * stream.passed:,} bits {way}"
            for stream, way in ((out, "on the way out"), (back, "on the way in"))
        )
        return (
            f"{why.rstrip('.')}. {found.get(finder, 'So far')} the channel {out.channel.spec} has "
            f"turned over {damage}, and a chat without a code does not survive one. "
            "Try --link rs:255,223"
        )
