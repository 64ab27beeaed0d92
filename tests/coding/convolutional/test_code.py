"""Convolutional codes against a textbook encoder and decoder, brute force, and libfec."""

import re

import numpy as np
import pytest

import netchat.channels
import netchat.coding
from netchat.coding import Convolutional
from tests.coding.convolutional import libfec


def generator(seed=1):
    return np.random.Generator(np.random.SFC64(seed))


def every_message(k):
    return ((np.arange(1 << k)[:, None] >> np.arange(k)) & 1).astype(np.uint8)


def encode_by_polynomials(code, octal, message):
    """Encode a terminated message by multiplying polynomials over GF(2)."""
    streams = []
    for text in octal:
        taps = [int(bit) for bit in f"{int(text, 8):0{code.memory + 1}b}"]
        streams.append(np.convolve(message, taps) % 2)
    return np.stack(streams, axis=1).ravel()


def viterbi(code, octal, ratios):
    """Decode one terminated block as in a textbook: states as tuples, metrics as floats."""
    taps = [[int(bit) for bit in f"{int(text, 8):0{code.memory + 1}b}"] for text in octal]
    zero = (0,) * code.memory
    paths = {zero: (0.0, [])}
    for step in range(code.k + code.memory):
        some = ratios[step * len(taps) : (step + 1) * len(taps)]
        after = {}
        for state, (metric, bits) in paths.items():
            for bit in (0, 1) if step < code.k else (0,):
                register = (bit, *state)
                sent = [sum(a * b for a, b in zip(tap, register, strict=True)) % 2 for tap in taps]
                found = metric + sum(
                    ratio * (1 - 2 * one) for ratio, one in zip(some, sent, strict=True)
                )
                if found > after.get(register[:-1], (-np.inf,))[0]:
                    after[register[:-1]] = found, [*bits, bit]
        paths = after
    return np.array(paths[zero][1][: code.k], np.uint8)


@pytest.mark.parametrize(
    "octal", [("5", "7"), ("133", "171"), ("13", "15", "17"), ("40001", "77777")]
)
def test_codewords_are_products_of_polynomials(octal):
    code = Convolutional(*octal, k=20)
    message = generator().integers(0, 2, (10, 20), dtype=np.uint8)
    for row, word in zip(message, code.encode(message), strict=True):
        assert (word == encode_by_polynomials(code, octal, row)).all()


@pytest.mark.parametrize(
    ("octal", "k"),
    [(("5", "7"), 30), (("23", "33"), 40), (("25", "33", "37"), 25), (("133", "171"), 20)],
)
def test_the_textbook_decoder_finds_the_same(octal, k):
    """Metrics of 8 bits differ from floats only in near ties."""
    code = Convolutional(*octal, k=k)
    message = generator(2).integers(0, 2, (40, k), dtype=np.uint8)
    channel = netchat.channels.AWGN(1).at_rate(code.rate)
    received = channel.transmit(code.encode(message), generator(3))
    found = code.decode(received.block, soft=received.soft).message
    right = np.array([viterbi(code, octal, ratios) for ratios in received.soft])
    assert ((found != right).any(axis=1)).mean() <= 0.05
    assert 0.1 < (right == message).all(axis=1).mean() < 1


@pytest.mark.parametrize(
    "arguments",
    [
        {}, {"end": "truncated"}, {"end": "tailbiting"}, {"puncture": "110.101"},
        {"end": "tailbiting", "puncture": "1110.1101"},
    ],
)  # fmt: skip
@pytest.mark.parametrize("hard", [True, False])
def test_maximum_likelihood_by_brute_force(arguments, hard):
    """For K = 3, the decoder finds a likeliest codeword of all 2^k."""
    code = Convolutional(5, 7, k=8, **arguments)
    words = code.encode(every_message(8))
    signs = 1.0 - 2.0 * words
    sent = generator(4).integers(0, 256, 1000)
    channel = netchat.channels.AWGN(2).at_rate(code.rate)
    received = channel.transmit(words[sent], generator(5))
    ratios = 1.0 - 2.0 * received.block if hard else received.soft
    found = code.decode(received.block, soft=None if hard else received.soft)
    score = ratios @ signs.T
    index = found.message @ (1 << np.arange(8))
    lost = score.max(axis=1) - score[np.arange(1000), index]
    closed = ~found.failed
    worse = (lost[closed] > (1e-6 if hard else 0.2 * np.abs(ratios).mean())).mean()
    # The rounds of a tail-biting code may miss the likeliest codeword, above all of so short a block.
    assert worse <= (0.04 if "tailbiting" in arguments.values() else 0 if hard else 0.002)
    assert found.failed.mean() <= (0.1 if "tailbiting" in arguments.values() else 0)


def test_metrics_of_16_bits_find_a_likeliest_codeword():
    code = Convolutional(5, 7, 7, 5, 7, k=8)
    words = code.encode(every_message(8))
    channel = netchat.channels.AWGN(0).at_rate(code.rate)
    received = channel.transmit(words[generator(4).integers(0, 256, 500)], generator(5))
    score = received.soft @ (1.0 - 2.0 * words.T)
    found = code.decode(received.block, soft=received.soft).message @ (1 << np.arange(8))
    lost = score.max(axis=1) - score[np.arange(500), found]
    assert (lost < 0.1 * np.abs(received.soft).mean()).all()


def test_minimum_distances_by_brute_force():
    for arguments in (
        {}, {"end": "tailbiting"}, {"end": "truncated"}, {"puncture": "110.101"},
        {"end": "tailbiting", "puncture": "1110.1101"},
    ):  # fmt: skip
        for octal in ((5, 7), (13, 17), (3, 1), (7, 7, 5)):
            if octal == (3, 1) and "puncture" in arguments:
                continue
            if len(octal) == 3 and "puncture" in arguments:
                continue
            code = Convolutional(*octal, k=10, **arguments)
            least = code.encode(every_message(10))[1:].sum(axis=1).min()
            assert code.minimum_distance <= least, code.spec
            if code.end != "truncated" and not code.spec.count("puncture"):
                assert code.minimum_distance == least, code.spec


@pytest.mark.parametrize(
    ("spec", "free"),
    [
        ("conv:5,7", 5), ("conv:133,171", 10), ("conv:133,171,165", 15), ("conv:561,753", 12),
        ("conv:wifi,rate=2/3", 6), ("conv:wifi,rate=3/4", 5), ("conv:wifi,rate=5/6", 4),
        ("conv:voyager,rate=7/8", 3), ("conv:gsm", 7), ("conv:463,535,733,745", 24),
    ],
)  # fmt: skip
def test_free_distances_of_the_literature(spec, free):
    """Lin and Costello (2004), tables 12.1; Yasuda, Kashiki and Hirata (1984) for punctured codes."""
    assert netchat.coding.get(spec).minimum_distance == free


@pytest.mark.skipif(libfec.LIBRARY is None, reason="libfec is not installed")
def test_libfec_finds_the_same():
    code = Convolutional(133, 171, k=200)
    message = generator(6).integers(0, 2, (200, 200), dtype=np.uint8)
    channel = netchat.channels.AWGN(2.5).at_rate(code.rate)
    received = channel.transmit(code.encode(message), generator(7))
    ours = code.decode(received.block, soft=received.soft).message
    theirs = libfec.decode(received.soft, code.k, 25 / np.abs(received.soft).mean())
    assert ((ours != theirs).any(axis=1)).mean() < 0.03
    assert abs((ours != message).any(axis=1).mean() - (theirs != message).any(axis=1).mean()) < 0.02


def test_long_blocks_are_decoded_in_segments(monkeypatch):
    """The segments give the result of a single one, with every kind of termination."""
    from netchat.coding.convolutional import code as module

    for end in ("terminated", "truncated", "tailbiting"):
        code = Convolutional(23, 33, k=200, end=end)
        message = generator(8).integers(0, 2, (70, 200), dtype=np.uint8)
        received = (
            netchat.channels.AWGN(1).at_rate(0.5).transmit(code.encode(message), generator(9))
        )
        whole = code.decode(received.block, soft=received.soft)
        with monkeypatch.context() as patch:
            patch.setattr(module, "_DECISIONS", 1)
            cut = code.decode(received.block, soft=received.soft)
        assert (whole.message == cut.message).all()
        assert (whole.corrected == cut.corrected).all()


def test_known_bits_and_lost_bits():
    """Infinite ratios are certain, and the decoder fills in as many erasures as the distance allows."""
    code = netchat.coding.get("conv:133,171,k=40")
    message = generator(10).integers(0, 2, (20, 40), dtype=np.uint8)
    word = code.encode(message)
    ratios = np.where(word, -np.inf, np.inf)
    ratios[:, 10:19] = 0
    assert (code.decode(word, soft=ratios).message == message).all()
    lost = np.zeros(word.shape, bool)
    lost[:, 30:39] = True
    result = code.decode(word & ~lost, lost)
    assert (result.message == message).all()
    assert (result.corrected == 9).all()
    assert (code.decode(word, lost, ratios).message == message).all()
    nothing = code.decode(np.zeros((1, 92), np.uint8), soft=np.zeros((1, 92)))
    assert nothing.corrected.tolist() == [92]


def test_ratios_count_relative_to_their_mean():
    code = netchat.coding.get("conv:5,7,k=20")
    received = netchat.channels.AWGN(1).transmit(
        code.encode(np.zeros((200, 20), np.uint8)), generator(11)
    )
    one, large, small = (
        code.decode(received.block, soft=received.soft * factor).message
        for factor in (1, 1e6, 1e-6)
    )
    assert (one == large).all()
    assert (one == small).all()


def test_presets_and_specifications():
    lte = netchat.coding.get("conv:lte")
    assert (lte.n, lte.k, lte.end, lte.minimum_distance) == (120, 40, "tailbiting", 15)
    voyager = Convolutional("voyager", k=10)
    assert voyager.spec == "conv:171,-133,k=10"
    assert not voyager.linear
    plain = Convolutional(171, 133, k=10)
    message = every_message(10)
    assert ((voyager.encode(message) ^ plain.encode(message)) == [0, 1] * 16).all()
    assert netchat.coding.get("conv:wifi,rate=5/6,k=50").n == 68  # 5/6 of 112 outputs, rounded up
    assert netchat.coding.get("conv:wifi,rate=1/2,k=50").n == 112
    punctured = Convolutional(5, 7, k=6, end="truncated", puncture="11.10")
    assert punctured.spec == "conv:5,7,k=6,end=truncated,puncture=11.10"
    assert netchat.coding.get(punctured.spec).n == punctured.n == 9
    assert lte.shortened(30).n == 90
    assert lte.shortened(3).n == 120
    assert netchat.coding.get("conv:gsm").shortened(5).n == 18


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("conv:", "'generators' must be 2 to 6 octal numbers of 2 to 15 bits, or one of voyager, "),
        ("conv:5", "'generators' must be 2 to 6 octal numbers"),
        ("conv:1,1", "'generators' must be 2 to 6 octal numbers"),
        ("conv:100001,7", "'generators' must be 2 to 6 octal numbers"),
        ("conv:1,2,3,4,5,6,7", "'generators' must be 2 to 6 octal numbers"),
        ("conv:5,8", "'generators' must be octal numbers or one of voyager"),
        ("conv:5,5", "must not have a common factor"),
        ("conv:6,5", "must not have a common factor"),
        ("conv:5,7,k=9,end=tailbiting,puncture=1.0", "bits have the same codeword"),
        ("conv:5,7,k=0", "'k' must be from 1 to"),
        ("conv:lte,k=5", "'k' must be from 6 to"),
        ("conv:5,7,end=x", "'end' must be terminated, truncated, tailbiting, got 'x'"),
        ("conv:5,7,puncture=11", "'puncture' must be 2 groups"),
        ("conv:5,7,puncture=11.12", "'puncture' must be 2 groups"),
        ("conv:5,7,puncture=1.01", "'puncture' must be 2 groups"),
        ("conv:5,7,puncture=00.00", "bits have the same codeword"),
        ("conv:5,7,end=truncated,puncture=01.01", "bits have the same codeword"),
        ("conv:5,7,rate=3/4", "'rate' needs a preset"),
        ("conv:gsm,rate=3/4", "'rate' must be 1/2 here, got 3/4"),
        ("conv:wifi,rate=7/8", "'rate' must be 1/2, 2/3, 3/4, 5/6 here"),
        ("conv:wifi,rate=3/4,puncture=1.1", "'rate' must be"),
    ],
)
def test_invalid_specifications(spec, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        netchat.coding.get(spec)
