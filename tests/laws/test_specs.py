"""Every specification of a code, channel, link or policy is valid or gives a plain error.

The error is a one-line ValueError that can be shown to the user who typed the specification. It is not
longer than a paragraph, and not a message of Python about its own functions.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from netchat import channels, coding
from netchat.bench.link.suite import parse_channel, parse_link
from netchat.cli.main import cli
from netchat.coding.code import LONGEST
from netchat.link.policy_registry import policy, validate_policy

NAMES = [
    *coding.names(),
    "nonsense",
    "",
    "RS",
    "file.py:Class",
    "~no-such-user/x.py:A",
    "\0.py:A",
    "x" * 300 + ".py:A",
]
CHANNELS = ["bsc", "bec", "awgn", "gilbert-elliott", "beach", "bcs", ""]

numbers = st.one_of(
    st.integers(-2, 300).map(str),
    st.sampled_from(
        ["7.5", "1e3", "0x1f", "nan", "inf", "-inf", "1e400", "1e-320", "1_0", "٣", "x", "", " "]
    ),
    st.sampled_from([2**20, 2**31, 10**9, 10**30, -(10**30)]).map(str),
    st.sampled_from(["9" * 5000, "0x" + "f" * 9000]),
    st.floats(0, 1).map(str),
)
options = st.tuples(
    st.sampled_from(["fcr", "prim", "generator", "n", "k", "depth", "x", ""]), numbers
)
stages = st.builds(
    lambda name, colon, arguments, named, rest: (
        name + colon + ",".join([*arguments, *(f"{key}={value}" for key, value in named)]) + rest
    ),
    st.sampled_from(NAMES),
    st.sampled_from([":", ":", ":", ""]),
    st.lists(numbers, max_size=3),
    st.lists(options, max_size=2),
    st.sampled_from(["", "", "", "@reedsolo", "@", "/arq", "/x"]),
)
codes = st.one_of(
    st.lists(stages, min_size=1, max_size=3).map("+".join), stages, st.text(max_size=30)
)
places = st.builds(
    lambda name, given, unit, seconds: f"{name}:{','.join(given)}{unit}{seconds}",
    st.sampled_from(CHANNELS),
    st.lists(numbers, max_size=4),
    st.sampled_from(["", "", "dB", "dBm", "db "]),
    st.one_of(st.just(""), numbers.map("@{}".format)),
)
lines = st.one_of(
    places, st.lists(places, min_size=1, max_size=2).map(";".join), st.text(max_size=30)
)
wishes = st.one_of(
    codes, st.sampled_from(["adaptive", "adaptive:bandit", "adaptive:x", "oracle", "oracle/fec"])
)

#: Parts of Python's messages about its own functions.
RAW = re.compile(
    r"invalid literal|could not convert|positional argument|keyword argument|unsupported operand|"
    r"negative shift|must be str|object is not|Exceeds the limit|out of range|embedded null|Traceback"
)


def made(make: Callable[[str], Any], spec: str) -> Any:
    """Return the object of a spec; None if the spec is invalid and the error says so."""
    try:
        return make(spec)
    except ValueError as error:
        text = str(error)
        assert text
        assert len(text) < 1000
        assert RAW.search(text) is None, text
        return None


@settings(max_examples=300)
@given(codes)
def test_a_spec_of_a_code(spec):
    code = made(coding.get, spec)
    assert code is None or code.n <= LONGEST


@settings(max_examples=200)
@given(places)
def test_a_spec_of_a_channel(spec):
    channel = made(channels.get, spec)
    if channel is not None:
        rng = np.random.default_rng(1)
        assert channel.transmit(np.zeros(64, np.uint8), rng).block.shape == (64,)
        channel.at_rate(0.5).corrupt_bytes(np.zeros(64, np.uint8), rng)


@settings(max_examples=200)
@given(wishes)
def test_a_spec_of_a_link(spec):
    made(validate_policy, spec)
    made(policy, spec)
    made(parse_link, spec)


@settings(max_examples=200)
@given(lines)
def test_a_spec_of_a_channel_that_changes(spec):
    found = made(lambda spec: parse_channel(spec, 5.0), spec)
    assert found is None or 0 < found.seconds < float("inf")


@settings(max_examples=40)
@given(codes, places)
def test_a_command_line(code, channel):
    for line in (
        ["encode", "x", f"--code={code}"],
        ["encode", "x", "--code=uncoded:8", f"--channel={channel}"],
    ):
        result = CliRunner().invoke(cli, line)
        assert result.exit_code in (0, 1, 2)
        assert result.exception is None or isinstance(result.exception, SystemExit)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("hamming:7.5", "hamming:7.5: n must be an integer, got '7.5'."),
        ("hamming:0", "hamming:0: Argument 'n' must be 2^r - 1 (3, 7, "),
        ("rs:a,b", "rs:a,b: k must be an integer, got 'b'."),
        (
            "rs:20,10,q=1",
            "rs:20,10,q=1: unknown option q; it takes n, k, fcr, prim, generator, m.",
        ),
        (
            "rs:1,2,3,4,5,6,7",
            "rs:1,2,3,4,5,6,7: too many arguments; it takes n, k, fcr, prim, generator, m.",
        ),
        ("rs:20,n=10", "rs:20,n=10: n is given twice; it takes n, k, fcr, prim, generator, m."),
        (
            "uncoded:1000000000",
            "uncoded:1000000000: Argument 'k' must be from 1 to 1048576, got 1",
        ),
        (
            "interleave:100000",
            "interleave:100000: uncoded (100000), interleaved 100000: Argument 'n' must be from ",
        ),
        (
            "crc:32,800000000",
            "crc:32,800000000: CRC-32, 800000000 bits: Argument 'n' must be from 1 to 1048576, got ",
        ),
        ("hammimg:7,4", "Unknown code 'hammimg' (did you mean hamming?); available: bch, "),
    ],
)
def test_errors_of_invalid_codes(spec, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        coding.get(spec)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("bcs:0.1", "'bcs:0.1' is not a channel (did you mean bsc?); use one of bsc:P"),
        ("bsc:x", "'bsc:x' is not a channel: 'x' is not a number; use one of bsc:P"),
        ("bsc:0.1,2", "bsc takes 1 number, got 2; use one of bsc:P"),
        ("awgn:200dB", "awgn:200dB: Argument 'ebn0_db' must be from -100 to 100 dB, got 200."),
    ],
)
def test_errors_of_invalid_channels(spec, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        channels.get(spec)
