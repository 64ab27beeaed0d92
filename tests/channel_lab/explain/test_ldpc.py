"""The messages that are shown are those of the library's decoder."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from netchat.channel_lab.explain.ldpc import explain_ldpc, run_min_sum
from netchat.coding import get
from tests.channel_lab.blocks import blocks, explained


@pytest.mark.parametrize(
    ("spec", "count"),
    [
        ("ldpc:gallager", 12),
        ("ldpc:ccsds,128", 3),
        ("ldpc:nr,40,100", 2),
        ("ldpc:wimax,576,iterations=4", 1),
        ("ldpc:gallager,scale=1,iterations=3", 6),
    ],
)
@pytest.mark.parametrize("channel", ["bsc:0.08", "bec:0.4", "awgn:1dB", "awgn:5dB"])
def test_the_last_iteration_is_the_decision(spec, count, channel):
    for view in blocks(spec, channel, count):
        run = run_min_sum(view.code, view)
        assert run.failed == view.failed
        decided = run.decided[view.code._design.message]
        assert decided.tolist() == view.message.tolist()


def test_gallagers_code_is_that_of_the_paper():
    code = get("ldpc:gallager")
    assert (code.n, code.k) == (20, 7)
    assert code.H.shape == (15, 20)
    assert (code.H.sum(axis=0) == 3).all()
    assert (code.H.sum(axis=1) == 4).all()
    weights = code.weight_distribution()
    assert next(weight for weight in range(1, 21) if weights[weight]) == code.minimum_distance
    assert not (code.H @ code.G.T % 2).any()


def test_iterations_reduce_the_failing_checks_to_none():
    found = explained(code="ldpc:gallager", channel="awgn:2dB", seed=3, text="H")
    assert len(found["edges"]) == 60
    last = found["iterations"][-1]
    assert found["converged"] == (last["unsatisfied"] == [])
    assert len(last["to_checks"]) == len(last["to_variables"]) == 60
    hard = np.array([int(bit) for bit in last["hard"]])
    failing = [
        check for check in range(15)
        if sum(hard[variable] for owner, variable in found["edges"] if owner == check) % 2
    ]  # fmt: skip
    assert failing == last["unsatisfied"]


def test_a_large_graph_is_sent_as_dots():
    found = explained(code="ldpc:wifi,648,1/2", channel="bsc:0.03")
    assert found["edges"] is None
    assert len(found["dots"]) > 2000
    assert found["iterations"][-1]["to_checks"] is None


def test_other_algorithms_show_their_result_only():
    view = next(blocks("ldpc:gallager", "awgn:2dB", 1))
    view = replace(view, code=get("ldpc:gallager,algorithm=sum-product"))
    found = explain_ldpc(view)
    assert found["is_decision"] is False
    assert found["converged"] == (not view.failed)
