"""Explanations of the line's blocks: every suggested code, in words, as JSON."""

from __future__ import annotations

import json

import pytest

from netchat.channel_lab.catalogue import CODES
from netchat.channel_lab.state import StateError
from tests.channel_lab.blocks import explained


@pytest.mark.parametrize("spec", [code.spec for code in CODES])
@pytest.mark.parametrize("channel", ["bec:0.1", "awgn:3dB"])
def test_every_suggested_code_is_explained(spec, channel):
    found = explained(code=spec, channel=channel, text="Hi!", touched={"1": "flip", "4": "erase"})
    assert len(found["steps"]) >= 1
    assert all(line.endswith(".") and "\n" not in line for line in found["steps"])
    assert found["steps"][-1] == found["verdict"]
    assert len(json.dumps(found, allow_nan=False)) < 200_000


def test_an_interleaver_says_where_each_bit_goes():
    found = explained(code="hamming:7,4", interleave="interleave:4", text="Hi!", block=1)
    assert found["interleaver"]["line"] == [1, 5, 9, 13, 17, 21, 25]
    last = explained(code="hamming:7,4", interleave="interleave:4", text="Hi!", block=5)
    assert last["interleaver"]["line"] == [29, 31, 33, 35, 37, 39, 41]  # a group of two
    assert "writes 4 codewords" in found["interleaver"]["steps"][0]
    assert "writes 2 codewords" in last["interleaver"]["steps"][0]


def test_a_block_that_does_not_exist():
    with pytest.raises(StateError, match="block must be from 0 to 5"):
        explained(code="hamming:7,4", text="Hi!", block=6)


def test_votes_of_repetition():
    found = explained(code="repetition:3", text="\x80", touched={"0": "flip"})
    assert found["groups"] == [{"values": [0, 1, 1], "votes": [1, 2], "decided": 1}]
    found = explained(code="repetition:3", text="\x80", touched={"0": "erase"})
    assert found["groups"][0]["values"] == [None, 1, 1]
    soft = explained(code="repetition:5", text="U", channel="awgn:0dB", seed=3)
    group = soft["groups"][0]
    assert group["decided"] == int(group["sum"] < 0)
