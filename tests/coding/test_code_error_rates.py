"""Simulated error rates compared with exact ones; seeds are fixed, tolerances are five sigma."""

import math

import numpy as np
import pytest

import netchat.channels
import netchat.coding


def generator(seed=1):
    return np.random.Generator(np.random.SFC64(seed))


def close(found, exact, count):
    return abs(found - exact) < 5 * math.sqrt(exact * (1 - exact) / count)


@pytest.mark.parametrize(
    ("spec", "fer", "ber"),
    [
        ("repetition:3", 2.98e-4, 2.98e-4),
        ("repetition:5", 9.8506e-6, 9.8506e-6),
        ("hamming:7,4", 2.031042e-3, 8.742988e-4),
        ("hamming:15,11", 9.629773e-3, 1.951879e-3),
    ],
)
def test_codes_over_bits_at_one_percent(spec, fer, ber):
    code, channel, rng = netchat.coding.get(spec), netchat.channels.get("bsc:0.01"), generator()
    words, rounds, blocks, bits = 4096, 40, 0, 0
    for _ in range(rounds):
        message = rng.bit_generator.random_raw(code.k * words).reshape(code.k, words)
        received = code.encode_bit_sliced(message)
        channel.corrupt_bit_sliced(received, rng)
        wrong = code.decode_bit_sliced(received).message ^ message
        blocks += np.bitwise_count(np.bitwise_or.reduce(wrong, axis=0)).sum()
        bits += np.bitwise_count(wrong).sum()
    count = 64 * words * rounds
    assert close(blocks / count, fer, count)
    # Wrong bits are clustered: up to k in a block.
    assert close(bits / count / code.k, ber, count / code.k)


@pytest.mark.parametrize(
    ("k", "p", "fer"), [(223, 0.005, 2.497210e-2), (223, 0.004, None), (239, 0.002, None)]
)
def test_reed_solomon_on_the_bsc(k, p, fer):
    code, channel, rng = (
        netchat.coding.get(f"rs:255,{k}"),
        netchat.channels.get(f"bsc:{p}"),
        generator(),
    )
    q = 1 - (1 - p) ** 8
    exact = 1 - sum(
        math.comb(255, e) * q**e * (1 - q) ** (255 - e) for e in range(code.corrects + 1)
    )
    assert fer is None or exact == pytest.approx(fer, rel=1e-6)
    count = 40_000
    message = rng.integers(0, 256, (count, k), dtype=np.uint8)
    received = code.encode(message)
    channel.corrupt_bytes(received, rng)
    result = code.decode(received)
    wrong = (result.message != message).any(axis=1)
    assert close((wrong | result.failed).mean(), exact, count)
    # About one in t! of the uncorrectable words is decoded to a wrong codeword.
    assert (wrong & ~result.failed).sum() <= 2 + 10 * exact * count / math.factorial(code.corrects)


def test_secded_detects_double_errors_that_hamming_miscorrects():
    channel = netchat.channels.get("bsc:0.02")
    silent = {}
    for spec in ("hamming:7,4", "hamming:8,4"):
        code, rng = netchat.coding.get(spec), generator(3)
        message = rng.integers(0, 2, (200_000, 4), dtype=np.uint8)
        result = code.decode(channel.transmit(code.encode(message), rng).block)
        wrong = (result.message != message).any(axis=1)
        silent[spec] = (wrong & ~result.failed).mean()
    assert silent["hamming:8,4"] < silent["hamming:7,4"] / 10
