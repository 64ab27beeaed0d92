"""Models of bit errors: a block in, the received block out.

    channel = netchat.channels.get("bsc:0.01")
    received = channel.transmit(block, np.random.Generator(np.random.SFC64(1))).block

`netchat.channels.channel` is the interface, `registry` what a spec may say, `gaps` how errors are
drawn, `laws` what every channel must obey.
"""

from netchat.channels.channel import Channel, Received
from netchat.channels.registry import FORMS, get, names, specs

__all__ = ["FORMS", "Channel", "Received", "get", "names", "specs"]
