"""Properties of every channel."""

import math

import numpy as np
import pytest

import netchat.channels
from netchat.channels.channel import entropy
from netchat.coding import bit_slicing

SPECS = [
    "bsc:0", "bsc:0.01", "bsc:0.3", "bsc:1", "gilbert-elliott:0.01,0.1,0.001,0.4", "bec:0.1",
    "bec:1", "awgn:4dB", "awgn:-1.5dB",
]  # fmt: skip
each = pytest.mark.parametrize("spec", SPECS)


def generator(seed=1):
    return np.random.Generator(np.random.SFC64(seed))


@each
def test_spec_and_capacity(spec):
    channel = netchat.channels.get(spec)
    assert channel.spec == spec
    assert spec in repr(channel)
    assert channel.capacity is None or 0 <= channel.capacity <= 1
    assert channel.at_rate(0.5).name


@each
@pytest.mark.parametrize("alphabet", ["bit", "byte"])
def test_output_depends_on_the_seed_and_the_argument_is_unchanged(spec, alphabet):
    channel = netchat.channels.get(spec)
    block = generator().integers(0, 2 if alphabet == "bit" else 256, (40, 30), dtype=np.uint8)
    before = block.copy()
    one = channel.transmit(block, generator(5), alphabet)
    two = channel.transmit(block, generator(5), alphabet)
    assert (block == before).all()
    for a, b in ((one.block, two.block), (one.erasures, two.erasures), (one.soft, two.soft)):
        assert (a is None) == (b is None)
        assert a is None or (a.shape == block.shape and (a == b).all())
    assert one.block.dtype == np.uint8
    assert alphabet == "byte" or one.block.max() <= 1


@each
@pytest.mark.parametrize("bit_generator", [np.random.PCG64, np.random.Philox, np.random.SFC64])
def test_any_numpy_generator_works(spec, bit_generator):
    rng = np.random.Generator(bit_generator(1))
    assert netchat.channels.get(spec).transmit(np.zeros(500, np.uint8), rng).block.shape == (500,)


@pytest.mark.parametrize("spec", ["bsc:0.02", "gilbert-elliott:0.01,0.1,0.001,0.4", "awgn:3dB"])
def test_all_layouts_have_the_same_rate(spec):
    channel = netchat.channels.get(spec)
    rng = generator(7)
    # A wide tolerance: bursts make the variance of the error count much larger than np(1-p).
    near = pytest.approx(channel.p, rel=0.08)
    if not spec.startswith("awgn"):
        bits = channel.transmit(np.zeros((1000, 700), np.uint8), rng).block
        assert bits.mean() == near
    octets = np.zeros((500, 200), np.uint8)
    assert channel.corrupt_bytes(octets, rng) is None
    assert np.unpackbits(octets).mean() == near
    words = np.zeros((7, 2000), np.uint64)
    assert channel.corrupt_bit_sliced(words, rng) is None
    assert np.bitwise_count(words).sum() / (64 * words.size) == near


def test_bit_slices_are_sent_block_by_block():
    channel = netchat.channels.get("gilbert-elliott:0.01,0.1,0,1")
    rows = channel.transmit(np.zeros((128, 9), np.uint8), generator(3)).block
    words = np.zeros((9, 2), np.uint64)
    channel.corrupt_bit_sliced(words, generator(3))
    assert rows.any()
    assert (bit_slicing.to_rows(words) == rows).all()
    octets = np.zeros((128, 9), np.uint8)
    channel.corrupt_bytes(octets, generator(3))
    flat = np.unpackbits(octets.ravel())[: rows.size]
    assert (flat == rows.ravel()).all()


def test_arrays_that_cannot_be_modified_in_place_are_refused():
    for array, name in (
        (np.zeros((8, 8), np.uint64)[:, ::2], "corrupt_bit_sliced"),
        (np.zeros((8, 8), np.uint8).T[1:], "corrupt_bytes"),
    ):
        with pytest.raises(ValueError, match="contiguous"):
            getattr(netchat.channels.get("bsc:0.1"), name)(array, generator())


@pytest.mark.parametrize(
    ("spec", "capacity"),
    [("bsc:0.11", 0.500084), ("bsc:0.01", 0.919207), ("bsc:0.5", 0), ("bec:0.25", 0.75)],
)
def test_capacities(spec, capacity):
    assert netchat.channels.get(spec).capacity == pytest.approx(capacity, abs=5e-7)


def test_entropy_at_the_ends():
    assert entropy(0) == entropy(1) == 0


@pytest.mark.parametrize(
    "spec",
    ["", "bsc", "bsc:", "bsc:x", "bsc:0.1,0.2", "nonsense:1", "gilbert-elliott:0.1", "awgn:4dBm"],
)
def test_invalid_specs(spec):
    with pytest.raises(ValueError, match="use one of bsc:P"):
        netchat.channels.get(spec)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("bsc:1.5", "probability"),
        ("bec:-0.1", "probability"),
        ("bsc:nan", "probability"),
        ("gilbert-elliott:0,0,0,1", "use bsc"),
        ("gilbert-elliott:0.1,0.1,0,2", "'e_bad' must be a probability"),
        ("awgn:nan", "from -100 to 100 dB"),
    ],
)
def test_arguments_out_of_range(spec, says):
    with pytest.raises(ValueError, match=says):
        netchat.channels.get(spec)


def test_errors_of_the_bsc_are_binomial_in_every_block():
    channel, n, p = netchat.channels.get("bsc:0.02"), 50, 0.02
    weights = channel.transmit(np.zeros((200_000, n), np.uint8), generator(9)).block.sum(axis=1)
    for weight in range(6):
        exact = math.comb(n, weight) * p**weight * (1 - p) ** (n - weight)
        scatter = math.sqrt(exact * (1 - exact) / len(weights))
        assert abs((weights == weight).mean() - exact) < 5 * scatter
