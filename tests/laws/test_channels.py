"""Every channel obeys every law, including registered ones."""

from importlib.metadata import EntryPoint

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import netchat.channels
from netchat.channels import Channel, Received
from netchat.channels.channel import ErrorChannel
from netchat.channels.laws import LAWS, check
from netchat.channels.registry import sweep

MORE = [
    "gilbert-elliott:0.0002,0.01,1e-5,0.3", "gilbert-elliott:0.9,0.8,0.1,0.9", "bsc:1e-9", "bec:0",
    "awgn:-100dB", "awgn:100dB", "experiments/my_channel.py:Z", "experiments/my_channel.py:Z:0.5",
    "experiments/my_channel.py:Z:0", "experiments/my_channel.py:Z:1",
]  # fmt: skip
EVERY = [*netchat.channels.specs(), *MORE]


@pytest.mark.parametrize("spec", EVERY)
def test_obeys_every_law(spec):
    for result in check(spec):
        assert result.counterexample is None, result.law


@pytest.mark.parametrize("spec", [s for kind in netchat.channels.names() for s in sweep(kind)])
def test_every_channel_of_a_sweep_is_valid(spec):
    assert netchat.channels.get(spec).spec == spec


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@settings(max_examples=25)
@given(spec=st.sampled_from(EVERY), seed=st.integers(0, 2**32 - 1))
def test_obeys_each_law_with_any_seed(law, spec, seed):
    rng = np.random.Generator(np.random.SFC64(seed))
    assert law(netchat.channels.get(spec), rng) is None


class Wrong(Channel):
    """A channel with one bug."""

    def __init__(self, mistake):
        super().__init__("wrong", capacity=2 if mistake == "capacity" else None)
        self.mistake, self.calls = mistake, 0

    def _transmit(self, bits, rng):
        self.calls += 1
        out = bits ^ (rng.random(bits.shape) < 0.1)
        if self.mistake == "shape":
            return Received(out.ravel())
        if self.mistake == "type":
            return Received(out.astype(np.int64))
        if self.mistake == "bits":
            return Received(out + np.uint8(1))
        if self.mistake == "state":
            return Received(out ^ np.uint8(self.calls >> 1 & 1))
        if self.mistake == "soft":
            return Received(out, soft=out - 0.5)
        return Received(out)

    def corrupt_bytes(self, octets, rng):
        if self.mistake == "rate":
            octets ^= np.uint8(1)
            return None
        if self.mistake == "losses":
            return np.zeros(octets.shape, np.bool_)
        return super().corrupt_bytes(octets, rng)

    def transmit(self, block, rng, alphabet="bit"):
        out = super().transmit(block, rng, alphabet)
        if self.mistake == "argument" and len(block):
            block[0] ^= 1
        return out


class WrongErrors(ErrorChannel):
    """A channel with three times its declared error rate."""

    def __init__(self):
        super().__init__("wrong", None, 0.01)

    def positions(self, total, rng):
        return np.flatnonzero(rng.random(total) < 0.03)


@pytest.mark.parametrize(
    ("channel", "law"),
    [
        (Wrong("capacity"), "parameters_are_possible"),
        (Wrong("shape"), "shapes_and_types"),
        (Wrong("type"), "shapes_and_types"),
        (Wrong("bits"), "shapes_and_types"),
        (Wrong("argument"), "arguments_are_unchanged"),
        (Wrong("state"), "results_are_reproducible"),
        (Wrong("losses"), "erasures_are_reported"),
        (Wrong("rate"), "erasures_are_reported"),
        (Wrong("soft"), "soft_values_agree"),
        (WrongErrors(), "error_rate_is_right"),
        (Wrong(""), "spec_creates_an_equal_channel"),
    ],
)
def test_each_bug_is_found(channel, law):
    broken = {
        named.__name__ for named, result in zip(LAWS, check(channel), strict=True)
        if result.counterexample
    }  # fmt: skip
    assert law in broken


def test_a_channel_of_another_package_is_found(monkeypatch):
    """A channel registered by entry point works in specs and laws, with and without arguments."""
    point = EntryPoint("z", "experiments.my_channel:Z", "netchat.channels")
    monkeypatch.setattr(
        "netchat.channels.registry.entry_points",
        lambda *, group, name="z": [point] if (group, name) == ("netchat.channels", "z") else [],
    )
    assert "z" in netchat.channels.names()
    assert set(sweep("z")) < set(netchat.channels.specs())
    assert sweep("z") == ("z:0.2", "z:0.1", "z:0.05", "z:0.02", "z:0.01")
    assert netchat.channels.get("z:0.25").p == 0.25
    assert all(result.counterexample is None for result in check("z:0.02"))
