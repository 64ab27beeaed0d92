"""The extrinsic values that are shown lead to the decision of the library's decoder."""

from __future__ import annotations

import numpy as np
import pytest

from netchat.channel_lab.explain.turbo import run_turbo
from netchat.coding.turbo.code import plan_of
from tests.channel_lab.blocks import blocks, explained


@pytest.mark.parametrize(
    ("spec", "count"),
    [
        ("turbo:40", 5),
        ("turbo:40,100", 3),
        ("turbo:40,crc=24b", 3),
        ("turbo:44,scale=1", 3),
        ("turbo:520,iterations=2", 1),  # two segments of the kernel
    ],
)
@pytest.mark.parametrize("channel", ["bec:0.4", "awgn:-1dB"])
def test_the_last_half_iteration_is_the_decision(spec, count, channel):
    for view in blocks(spec, channel, count):
        run, plan = run_turbo(view.code, view), plan_of(view.code)
        assert run.decided[-1][plan.places[: view.code.k]].tolist() == view.message.tolist()
        assert run.failed == view.failed


def test_errors_and_extrinsic_values_of_each_iteration():
    found = explained(code="turbo:40", channel="awgn:1dB", text="Hi!", seed=2)
    assert len(found["iterations"]) == 6
    for one in found["iterations"]:
        assert len(one["extrinsic1"]) == len(one["extrinsic2"]) == 40
        assert np.abs(one["extrinsic1"]).max() <= 87
    assert sorted(found["order"]) == list(range(found["size"]))
