"""Models of bit errors: a block in, the received block out.

    channel = netchat.channels.get("bsc:0.01")
    received = channel.transmit(block, np.random.Generator(np.random.SFC64(1))).block

`netchat.channels.channel` is the interface, `gaps` how errors are drawn.
"""

from netchat.channels.channel import Channel, Received
from netchat.channels.registry import FORMS, get

__all__ = ["FORMS", "Channel", "Received", "get"]
