"""The BCJR decoder against sums over all codewords."""

import re

import numpy as np
import pytest

import netchat.channels
import netchat.coding
from netchat.coding import Convolutional
from netchat.coding.convolutional import bcjr_kernels
from netchat.coding.convolutional import code as module


def generator(seed=1):
    return np.random.Generator(np.random.SFC64(seed))


def received(code, ebn0_db, batch, seed=1):
    message = generator(seed).integers(0, 2, (batch, code.k), dtype=np.uint8)
    channel = netchat.channels.AWGN(ebn0_db).at_rate(code.rate)
    return message, channel.transmit(code.encode(message), generator(seed + 1))


def ratios_of_bits(code, soft, exact, segment):
    """Return the ratios that the kernel computes for the message bits of 64 blocks."""
    states, count = code._trellis.states, len(code.generators)
    inputs = np.zeros((code._steps * count, 64), np.float32)
    inputs[code._sources] = soft.T
    out = np.zeros(code._steps * 64, np.float32)
    targets = np.arange(2 * states) >> 1
    end = ("terminated", "truncated", "tailbiting").index(code.end)
    bcjr_kernels.posterior(
        inputs.reshape(-1), code._steps, count, targets, np.argsort(targets, kind="stable"),
        code._trellis.outputs, end, exact, segment, out,
    )  # fmt: skip
    return out.reshape(-1, 64).T[:, : code.k]


def all_codewords(code):
    every = ((np.arange(1 << code.k)[:, None] >> np.arange(code.k)) & 1).astype(np.uint8)
    return every, code.encode(every)


@pytest.mark.parametrize("end", ["terminated", "truncated"])
@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("segment", [3, 100])
def test_sums_over_all_codewords(end, exact, segment):
    for generators, puncture in (((5, 7), ""), ((13, -15, 17), ""), ((5, 7), "110.101")):
        code = Convolutional(*generators, k=8, end=end, puncture=puncture)
        _, out = received(code, 1, 64)
        every, words = all_codewords(code)
        metric = out.soft.astype(float) @ (1 - 2.0 * words.T) / 2
        join = np.logaddexp.reduce if exact else np.max
        expected = np.stack([
            join(metric[:, every[:, bit] == 0], axis=1) - join(metric[:, every[:, bit] == 1], axis=1)
            for bit in range(code.k)
        ], axis=1)  # fmt: skip
        found = ratios_of_bits(code, out.soft, exact, segment)
        # The approximation of ln(1 + exp(-d)) is off by at most 0.0004 for each sum.
        assert np.abs(found - expected).max() < (0.02 if exact else 1e-3)


def test_tail_biting():
    """The first state is found by a turn round the block: nearly the exact decision of each bit."""
    code = Convolutional(5, 7, k=12, end="tailbiting", algorithm="bcjr")
    message, out = received(code, 2, 640)
    every, words = all_codewords(code)
    metric = out.soft.astype(float) @ (1 - 2.0 * words.T) / 2
    weight = np.exp(metric - metric.max(axis=1, keepdims=True))
    exact = (weight @ every > weight @ (1 - every.astype(float))).astype(np.uint8)
    found = code.decode(out.block, soft=out.soft).message
    wrong = [int((each != message).sum()) for each in (exact, found)]
    assert 50 < wrong[0] <= wrong[1] < 1.15 * wrong[0]


def test_max_log_finds_the_path_of_the_viterbi_decoder():
    viterbi, bits = (
        Convolutional(133, 171, k=60, algorithm=name) for name in ("viterbi", "max-log")
    )
    message, out = received(viterbi, 2, 640)
    one, two = (code.decode(out.block, soft=out.soft) for code in (viterbi, bits))
    same = (one.message == two.message).all(axis=1)  # but for quantisation
    assert same.mean() > 0.93
    assert (one.corrected[same] == two.corrected[same]).all()
    assert 0.02 < (one.message != message).any(axis=1).mean() < 0.5


def test_bcjr_has_the_lowest_bit_error_rate():
    codes = [Convolutional(5, 7, k=100, algorithm=name) for name in ("bcjr", "max-log")]
    message, out = received(codes[0], 0.5, 3200)
    rates = [(code.decode(out.block, soft=out.soft).message != message).mean() for code in codes]
    assert rates[0] < 0.98 * rates[1]


def test_segments_do_not_change_the_result(monkeypatch):
    for end in ("terminated", "truncated", "tailbiting"):
        code = Convolutional(23, 33, k=50, end=end, algorithm="bcjr")
        _, out = received(code, 1, 70)
        whole = code.decode(out.block, soft=out.soft)
        with monkeypatch.context() as patch:
            patch.setattr(module, "_FORWARD", 1)
            cut = code.decode(out.block, soft=out.soft)
        assert (whole.message == cut.message).all()


def test_known_and_lost_bits():
    code = netchat.coding.get("conv:5,7,k=30,algorithm=bcjr")
    message = generator().integers(0, 2, (20, 30), dtype=np.uint8)
    word = code.encode(message)
    ratios = np.where(word, -np.inf, np.inf)
    ratios[:, 10:13] = 0
    result = code.decode(word, soft=ratios)
    assert (result.message == message).all()
    assert (result.corrected == 3).all()
    lost = np.zeros(word.shape, bool)
    lost[:, 20:24] = True
    assert (code.decode(word & ~lost, lost).message == message).all()


def test_specifications():
    code = netchat.coding.get("conv:wifi,k=20,algorithm=max-log")
    assert code.algorithm == "max-log"
    assert Convolutional("wifi", k=20, algorithm="bcjr").spec == "conv:133,171,k=20,algorithm=bcjr"
    assert Convolutional("wifi", k=20, algorithm="bcjr").shortened(10).algorithm == "bcjr"
    text = "'algorithm' must be viterbi, bcjr, max-log, got 'map'"
    with pytest.raises(ValueError, match=re.escape(text)):
        netchat.coding.get("conv:5,7,algorithm=map")
