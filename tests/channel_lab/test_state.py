"""States of visitors: defaults, normal form, and hostile input."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netchat.channel_lab.limits import MAX_TEXT, MAX_TOUCHED
from netchat.channel_lab.state import LabState, StateError, parse_state


def test_an_empty_state_is_the_default():
    state = parse_state({}, {})
    assert state == LabState()
    assert state.as_dict()["code"] == "hamming:7,4"


def test_the_normal_form_parses_to_itself():
    state = parse_state(
        {
            "text": "Grüße 🚀", "carry": "frame", "code": "rs:15,11", "interleave": "interleave:4",
            "channel": "AWGN:4db", "seed": "7", "touched": {"30": "erase", "4": "flip"}, "block": 2,
            "view": "decoder", "with": "unknown keys belong to the page",
        },
        {},
    )  # fmt: skip
    assert state.touched == ((4, "flip"), (30, "erase"))
    assert (state.channel, state.seed, state.depth) == ("awgn:4dB", 7, 4)
    assert parse_state(state.as_dict(), {}) == state


@pytest.mark.parametrize(
    ("state", "field"),
    [
        ([], "state"),
        ("text", "state"),
        (None, "state"),
        ({"text": 5}, "text"),
        ({"text": "x" * (MAX_TEXT + 1)}, "text"),
        ({"text": "\ud800"}, "text"),
        ({"text": "ü" * 129}, "text"),
        ({"carry": "packet"}, "carry"),
        ({"carry": ["text"]}, "carry"),
        ({"view": {}}, "view"),
        ({"code": "ldpc:/etc/passwd"}, "code"),
        ({"code": None}, "code"),
        ({"interleave": "interleave:1000"}, "interleave"),
        ({"channel": "bsc:0:1:0.1"}, "channel"),
        ({"seed": -1}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"seed": True}, "seed"),
        ({"seed": 2**31}, "seed"),
        ({"seed": "9" * 50}, "seed"),
        ({"block": "frame"}, "block"),
        ({"block": 10**9}, "block"),
        ({"touched": [1]}, "touched"),
        ({"touched": {"1": "burn"}}, "touched"),
        ({"touched": {"-1": "flip"}}, "touched"),
        ({"touched": {"5000": "flip"}}, "touched"),
        ({"touched": {str(at): "flip" for at in range(MAX_TOUCHED + 1)}}, "touched"),
    ],
)
def test_invalid_states_name_the_field(state, field):
    with pytest.raises(StateError) as caught:
        parse_state(state, {})
    assert caught.value.field == field


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda each: (
        st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=5), each, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=80, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(
            ["text", "carry", "code", "interleave", "channel", "seed", "touched", "block", "view"]
        ),
        _JSON,
        max_size=4,
    )
)
def test_any_json_is_a_state_or_an_error(value):
    try:
        state = parse_state(value, {})
    except StateError:
        return
    assert parse_state(state.as_dict(), {}) == state
