"""Channels of byte streams."""

from __future__ import annotations

import itertools
import random

import pytest

from netchat.channels.stream import ChannelStream


def test_errors_do_not_depend_on_the_pieces() -> None:
    data = random.Random(1).randbytes(200_000)
    for spec in ("bsc:1e-3", "gilbert-elliott:1e-4,0.01,0,0.5"):
        whole = ChannelStream(spec, 7).damage(data)
        stream, cut, at = ChannelStream(spec, 7), [], 0
        while at < len(data):
            size = random.Random(at).choice((1, 7, 4000, 70_000))
            cut.append(stream.damage(data[at : at + size]))
            at += size

        assert b"".join(cut) == whole != data
        assert stream.passed == len(data)
        differing = (int.from_bytes(whole, "big") ^ int.from_bytes(data, "big")).bit_count()
        assert stream.flipped == differing


def test_the_error_rate_is_that_of_the_channel() -> None:
    stream = ChannelStream("bsc:1e-2", 1)
    stream.damage(bytes(1_000_000))

    assert stream.flipped == pytest.approx(80_000, rel=0.02)


def test_a_burst_continues_in_the_next_piece() -> None:
    """With a mean of 4,000 bits per state, neighbouring bytes are nearly always in the same state."""
    stream = ChannelStream("gilbert-elliott:2.5e-4,2.5e-4,0,1", 1)
    out = b"".join(stream.damage(b"\0") for _ in range(60_000))

    assert 0.2 < out.count(255) / len(out) < 0.8
    assert sum(a != b for a, b in itertools.pairwise(out)) < 600


def test_channels_with_erasures_are_refused() -> None:
    with pytest.raises(ValueError, match="erases bits"):
        ChannelStream("bec:0.1", 1)
    with pytest.raises(ValueError, match="is not a channel"):
        ChannelStream("fog", 1)
