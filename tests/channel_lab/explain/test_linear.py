"""Syndromes, parity equations and what they lead to."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from netchat.channel_lab.explain.linear import explain_linear
from netchat.coding import get
from tests.channel_lab.blocks import blocks, explained, view_of


def test_textbook_syndrome_of_hamming():
    """One error in the fourth bit of (7,4): its column of H is the syndrome.

    H = [A | I] has the columns 3, 5, 6, 7, 1, 2, 4 of the classical code, least significant bit first.
    """
    code = get("hamming:7,4")
    word = code.encode([1, 0, 1, 1])
    word[3] ^= 1
    found = explain_linear(view_of(code, np.array([1, 0, 1, 1], np.uint8), word))
    assert found["syndrome"] == [1, 1, 1]
    assert found["position"] == 3
    assert [one["positions"] for one in found["equations"]] == [
        [0, 1, 3, 4],
        [0, 2, 3, 5],
        [1, 2, 3, 6],
    ]
    assert found["circle"]["regions"] == ["AB", "AC", "BC", "ABC", "A", "B", "C"]
    assert "3 equations of 3 (1, 2, 3) are odd now" in found["steps"][1]
    assert "column 4 of H" in found["steps"][2]


def test_two_errors_that_a_decoder_mistakes_for_one():
    """The explanation says what the receiver cannot know: which bits were hit, and which became wrong."""
    code, sent = get("hamming:7,4"), np.array([1, 0, 1, 1], np.uint8)
    word = code.encode(sent)
    word[[2, 3]] ^= 1
    steps = explain_linear(view_of(code, sent, word))["steps"]
    assert "the channel hit 2 bits (3, 4). Their syndrome is the same" in steps[-2]
    assert "damages 1 good bit" in steps[-2]
    word = code.encode(sent)
    word[2] ^= 1
    assert not any(
        "But the channel" in step for step in explain_linear(view_of(code, sent, word))["steps"]
    )


@pytest.mark.parametrize(
    "spec", ["hamming:7,4", "hamming:8,4", "secded:13,8", "golay:24", "bch:15,7", "rm:1,4"]
)
def test_the_pattern_has_the_syndrome_and_is_what_the_decoder_changed(spec):
    for view in blocks(spec, "bsc:0.08", 20):
        found = explain_linear(view)
        checks, code = np.array(found["H"]), view.code
        assert (checks @ view.hard % 2).tolist() == found["syndrome"]
        assert [one["sum"] for one in found["equations"]] == found["syndrome"]
        if view.failed:
            assert found["coset_leader"] is None
            continue
        pattern = np.zeros(code.n, np.uint8)
        pattern[found["coset_leader"]] = 1
        assert (checks @ pattern % 2).tolist() == found["syndrome"]
        assert len(found["coset_leader"]) == view.corrected
        assert (code.encode(view.message) == view.hard ^ pattern).all()


def test_every_single_and_double_error_of_secded():
    code = get("hamming:8,4")
    word = code.encode([0, 1, 1, 0])
    for places in itertools.chain(
        itertools.combinations(range(8), 1), itertools.combinations(range(8), 2)
    ):
        received = word.copy()
        received[list(places)] ^= 1
        found = explain_linear(view_of(code, np.array([0, 1, 1, 0], np.uint8), received))
        expected = list(places) if len(places) == 1 else None
        assert found["coset_leader"] == expected
        assert any(found["syndrome"])


def test_erasures_are_filled_with_zeros_and_with_ones():
    found = explained(code="hamming:7,4", text="\xff", touched={"0": "erase", "5": "erase"})
    assert [one["fill"] for one in found["attempts"]] == [0, 1]
    accepted = [one for one in found["attempts"] if one["accepted"]]
    assert len(accepted) == 1
    assert found["received"] == accepted[0]["received"]


def test_soft_decoding_lists_the_likeliest_codewords():
    for view in blocks("golay:24", "awgn:2dB", 5):
        found = explain_linear(view)
        correlations = [one["correlation"] for one in found["candidates"]]
        assert correlations == sorted(correlations, reverse=True)
        assert found["candidates"][0]["message"] == view.message.tolist()
