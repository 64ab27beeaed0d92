"""Every code obeys every law."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import netchat.coding
from netchat.coding.laws import LAWS, check

#: Codes whose laws take seconds are checked with one seed, the others with many.
SLOW = {"rs:255,223+interleave:5+hamming:7,4", "rs:255,223+interleave:5", "circ:128"}

#: The package reedsolo decodes a hundred long blocks per second, so its laws are checked with short
#: blocks; tests/coding/reed_solomon/test_code.py compares long blocks with the fast kernels.
SHORTER = {"rs:255,223@reedsolo": "rs:20,12@reedsolo"}

MORE = [
    "hamming:3,1", "hamming:16,11", "hamming:63,57", "secded:22,16", "repetition:2", "repetition:31",
    "uncoded:1", "crc:8,8", "rs:10,9", "rs:12,3,fcr=200", "rs:60,28,prim=0x187,generator=0xad",
    "rs:255,200,fcr=112", "rs:120,40", "hamming:7,4+repetition:3",
    "repetition:3+hamming:7,4", "rs:12,8+secded:72,64", "crc:16,64+interleave:3+hamming:15,11",
    "bch:15,5", "bch:100,t=4", "bch:31,1", "rm:1,3", "rm:2,6", "rm:0,2", "golay:24@hard", "rm:1,3@osd1",
    "rs:7,3,m=3", "rs:100,80,m=7,fcr=5", "rs:60,50,m=10", "rs:ccsds,239", "bch:15,7+product:hamming:7,4",
    "rm:1,3+product", "rs:20,14+product:rs:12,8", "rs:15,11,m=4+bch:15,7@osd1", "bch:31,21+interleave:3",
    "rs:12,8+rs:20,14", "rs:9,5+interleave:4+repetition:3",
]  # fmt: skip

QUICK = [
    SHORTER.get(spec, spec) for spec in netchat.coding.specs() if spec not in SLOW
] + MORE  # fmt: skip


@pytest.mark.parametrize("spec", [*QUICK, *sorted(SLOW)])
@pytest.mark.slow
def test_obeys_every_law(spec):
    for result in check(netchat.coding.get(spec)):
        assert result.counterexample is None, result.law


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@settings(max_examples=60)
@given(data=st.data())
@pytest.mark.slow
def test_obeys_each_law_with_any_seed(law, data):
    code = netchat.coding.get(data.draw(st.sampled_from(QUICK)))
    seed = data.draw(st.integers(0, 2**32 - 1))
    assert law(code, np.random.default_rng(seed)) is None


@given(spec=st.sampled_from(QUICK), payload=st.binary(max_size=600))
def test_bytes_of_any_length_survive(spec, payload):
    code = netchat.coding.get(spec)
    result = code.decode_bytes(code.encode_bytes(payload))
    assert (result.data, result.failed, result.corrected) == (payload, 0, 0)


@given(
    n=st.integers(2, 255), data=st.data(), fcr=st.integers(0, 254),
    prim=st.sampled_from([0x11D, 0x12B, 0x187, 0x1CF]),
)  # fmt: skip
def test_every_reed_solomon_code(n, data, fcr, prim):
    k = data.draw(st.integers(1, n - 1))
    code = netchat.coding.get(f"rs:{n},{k},fcr={fcr},prim={prim}")
    message = np.frombuffer(data.draw(st.binary(min_size=k, max_size=k)), np.uint8)[None]
    erased = data.draw(st.integers(0, n - k))
    errors = data.draw(st.integers(0, (n - k - erased) // 2))
    places = data.draw(st.permutations(range(n)))[: errors + erased]
    received = code.encode(message)
    lost = np.zeros((1, n), np.bool_)
    for number, place in enumerate(places):
        received[0, place] ^= data.draw(st.integers(1, 255))
        lost[0, place] = number >= errors
    result = code.decode(received, lost)
    assert (result.message == message).all()
    assert result.corrected.tolist() == [errors + erased]
