"""Brute-force decoding to the likeliest codeword, and received words of a Gaussian channel."""

import numpy as np

import netchat.channels

__all__ = ["likeliest", "received"]


def likeliest(code, ratios):
    """Return the message of the codeword with the largest correlation, by trying all of them."""
    every = ((np.arange(1 << code.k)[:, None] >> np.arange(code.k)) & 1).astype(np.uint8)
    signs = 1 - 2 * code.encode(every).astype(np.float64)
    return every[(ratios.astype(np.float64) @ signs.T).argmax(axis=1)]


def received(code, ebn0_db, batch, seed=1):
    """Return random messages, and what an AWGN channel makes of their codewords."""
    rng = np.random.Generator(np.random.SFC64(seed))
    message = rng.integers(0, 2, (batch, code.k), dtype=np.uint8)
    channel = netchat.channels.AWGN(ebn0_db).at_rate(code.rate)
    return message, channel.transmit(code.encode(message), rng)
