"""Channel models that add bit errors, erasures or noise to blocks.

>>> import numpy as np
>>> import netchat.channels
>>> channel = netchat.channels.BSC(0.01)  # or netchat.channels.get("bsc:0.01")
>>> rng = np.random.Generator(np.random.SFC64(1))
>>> received = channel.transmit(np.zeros((10, 7), np.uint8), rng)
>>> received.block.shape
(10, 7)

`Channel` is the interface of all channels, and `ErrorChannel` that of channels that only flip bits.
`ChannelStream` applies a channel to a byte stream, and `ImpairedLine` loses, duplicates, reorders and
delays packets. `get` creates a channel from a specification, and `check` searches for violations of
the laws that every channel must obey.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netchat.channels.awgn import AWGN
from netchat.channels.bec import BEC
from netchat.channels.bsc import BSC
from netchat.channels.channel import Channel, ErrorChannel, MarkovChain, Received
from netchat.channels.gilbert_elliott import GilbertElliott
from netchat.channels.modulated import ModulatedAWGN, ModulatedChannel, Rayleigh
from netchat.channels.registry import FORMS, get, names, specs
from netchat.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from netchat.channels.impairment import ImpairedLine, ImpairmentCounts, Impairments
    from netchat.channels.laws import check
    from netchat.channels.stream import ChannelStream
else:
    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            "impairment": "ImpairmentCounts ImpairedLine Impairments",
            "laws": "check",
            "stream": "ChannelStream",
        },
    )

__all__ = [
    "AWGN",
    "BEC",
    "BSC",
    "FORMS",
    "Channel",
    "ChannelStream",
    "ErrorChannel",
    "GilbertElliott",
    "ImpairedLine",
    "ImpairmentCounts",
    "Impairments",
    "MarkovChain",
    "ModulatedAWGN",
    "ModulatedChannel",
    "Rayleigh",
    "Received",
    "check",
    "get",
    "names",
    "specs",
]
