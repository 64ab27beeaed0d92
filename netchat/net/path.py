"""How a client reaches its server: over which link, and through which channel."""

from __future__ import annotations

import asyncio

import numpy as np

from netchat.channels.stream import ChannelStream
from netchat.link.codes import check_spec, warm_up
from netchat.link.link import Link
from netchat.net.link_layer import LinkLayer
from netchat.net.noise_layer import NoiseLayer

__all__ = ["NoisyPath"]


class NoisyPath:
    """What stands between a client and its connections: a link, a channel, or both.

    The channel goes on from one connection to the next; a link begins with each.

    Args:
        link: the code, such as `rs:255,223`; None is no link: frames go out as they are.
        channel: what turns bits over, in both directions, such as `bsc:1e-3`; None is nothing.
        seed: where its chance comes from; None is a new one each time.

    Attributes:
        channel: the channel's spec.
        link: the link of the present connection, if there is one.

    Raises:
        ValueError: there is no such code or channel.
    """

    def __init__(
        self,
        link: str | None = None,
        channel: str | None = None,
        seed: int | np.random.SeedSequence | None = None,
    ) -> None:
        self._code = None if link is None else check_spec(link)
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

    def under(self, protocol: asyncio.Protocol) -> asyncio.Protocol:
        """What to give a new connection as its protocol, so that `protocol` speaks over this path."""
        if self._code is not None:
            self.link = Link.client(self._code)
            protocol = LinkLayer(protocol, self.link)
        if self._streams is not None:
            protocol = NoiseLayer(protocol, *self._streams)
        return protocol

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
