import math

import numpy as np
import pytest

import netchat.channels
import netchat.coding
from netchat.coding import bit_slicing


def generator(seed=1):
    return np.random.Generator(np.random.SFC64(seed))


@pytest.mark.parametrize("alphabet", ["bit", "byte"])
def test_erasures_are_reported(alphabet):
    channel = netchat.channels.get("bec:0.1")
    block = np.ones((1000, 255), np.uint8)
    received = channel.transmit(block, generator(), alphabet)
    assert (received.block == ~received.erasures).all()
    scatter = math.sqrt(0.1 * 0.9 / block.size)
    assert abs(received.erasures.mean() - 0.1) < 5 * scatter


def test_bit_slices():
    channel = netchat.channels.get("bec:0.2")
    words = np.full((7, 100), 2**64 - 1, np.uint64)
    lost = channel.corrupt_bit_sliced(words, generator())
    assert (words == ~lost).all()
    assert np.bitwise_count(lost).mean() == pytest.approx(12.8, rel=0.05)


def test_a_code_fills_erasures():
    channel, code = netchat.channels.get("bec:0.05"), netchat.coding.get("hamming:8,4")
    message = generator().integers(0, 2, (640, 4), dtype=np.uint8)
    received = channel.transmit(code.encode(message), generator(2))
    result = code.decode(received.block, received.erasures)
    assert (result.message == message)[~result.failed].all()
    assert result.failed.sum() == (received.erasures.sum(axis=1) > 3).sum()
    fast = code.decode_bit_sliced(
        bit_slicing.from_rows(received.block),
        bit_slicing.from_rows(received.erasures.astype(np.uint8)),
    )
    assert (bit_slicing.to_rows(fast.message) == result.message).all()
    assert (bit_slicing.to_rows(fast.failed[None])[:, 0] == result.failed).all()


def test_reed_solomon_fails_at_the_binomial_rate():
    channel, code = netchat.channels.get("bec:0.1"), netchat.coding.get("rs:255,223")
    received = channel.transmit(np.zeros((20_000, 255), np.uint8), generator(3), "byte")
    result = code.decode(received.block, received.erasures)
    fer = 7.572977e-2
    assert abs(result.failed.mean() - fer) < 5 * math.sqrt(fer * (1 - fer) / 20_000)
    assert not result.message[~result.failed].any()
