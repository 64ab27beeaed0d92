"""A channel of your own: the Z-channel, where only a 1 can be received wrong.

Try it:  netchat encode-bench --code hamming:7,4 --channel experiments/my_channel.py:Z
         netchat encode Hi --channel experiments/my_channel.py:Z:0.2
"""

from math import log2

from netchat.channels import Channel, Received


class Z(Channel):
    """A 1 is received as 0 with probability p; a 0 is always received correctly (optical pulses)."""

    sweep = ("0.2", "0.1", "0.05", "0.02", "0.01")  # the curve of `my_channel.py:Z`

    def __init__(self, p=0.1):
        self.p = p
        h = -p * log2(p) - (1 - p) * log2(1 - p) if 0 < p < 1 else 0
        super().__init__(f"Z, p = {p:g}", capacity=log2(1 + 2 ** (-h / (1 - p))) if p < 1 else 0)

    def _transmit(self, bits, rng):
        arrives = rng.random(bits.shape) >= self.p
        return Received(bits & arrives)
