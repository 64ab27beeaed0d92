"""The trellis that is shown is the one that the library's decoder walks through."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from netchat.channel_lab.explain.trellis import explain_trellis, run_viterbi
from netchat.coding import get
from tests.channel_lab.blocks import blocks, view_of

CODES = [
    "conv:7,5,k=24",
    "conv:7,5,k=24,end=truncated",
    "conv:7,5,k=16,end=tailbiting",
    "conv:voyager,k=64",
    "conv:wifi,rate=3/4,k=60",
    "conv:lte,k=40",
    "conv:gsm,k=50",
    "conv:561,753,k=30",
]


@pytest.mark.parametrize("spec", CODES)
@pytest.mark.parametrize("channel", ["bsc:0.1", "bec:0.3", "awgn:-1dB", "rayleigh:5dB"])
def test_the_path_is_the_decision(spec, channel):
    for view in blocks(spec, channel, 6):
        run = run_viterbi(view.code, view)
        assert run.bits[: view.code.k] == view.message.tolist()
        assert run.closes == (not view.failed)


def test_textbook_trellis():
    """The code (7,5), received 11 11 10 10 ...: survivors by hand (Lin and Costello, section 12.1).

    The message 1 0 1 1 is sent as 11 01 00 10 10 11 here (the outputs are those of 5, then 7); the first bit
    of the second pair is flipped.
    """
    code = get("conv:5,7,k=4")
    sent = code.encode([1, 0, 1, 1])
    assert sent.tolist() == [1, 1, 0, 1, 0, 0, 1, 0, 1, 0, 1, 1]
    received = sent.copy()
    received[2] ^= 1
    view = view_of(code, np.array([1, 0, 1, 1], np.uint8), received)
    found = explain_trellis(view)
    assert found["message"] == [1, 0, 1, 1]
    assert found["traceback"] == [0, 2, 1, 2, 3, 1, 0]
    assert found["cost"] == 1
    # After 11: state 00 has cost 2 (output 00), state 10 has cost 0 (output 11).
    assert found["stages"][0]["metrics"] == [2, None, 0, None]
    # After 11 11: 00 to 00 costs 4, 00 to 10 costs 2, 10 to 01 (01) costs 1, 10 to 11 (10) costs 1.
    assert found["stages"][1]["metrics"] == [4, 1, 2, 1]
    # After 11 11 00: 00 from 01 (11): 1 + 2, or from 00 (00): 4 + 0.
    assert found["stages"][2]["metrics"][0] == 3
    assert found["stages"][2]["survivors"][0] == 1
    assert len(found["diagram"]) == 8
    assert {"from": 0, "input": 1, "to": 2, "output": [1, 1]} in found["diagram"]


def test_a_large_trellis_is_summarised():
    view = next(blocks("conv:voyager,k=64", "bsc:0.02", 1))
    found = explain_trellis(view)
    assert found["diagram"] == []
    assert all(stage["metrics"] is None for stage in found["stages"])
    assert len(found["stages"]) == 70


def test_bitwise_decoding_says_that_the_trellis_is_another_algorithm():
    view = next(blocks("conv:7,5,k=24", "awgn:2dB", 1))
    view = replace(view, code=get("conv:7,5,k=24,algorithm=bcjr"))
    assert explain_trellis(view)["is_decision"] is False
