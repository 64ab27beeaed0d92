"""Codes and channels that a visitor may name."""

from __future__ import annotations

import pytest

from netchat.channel_lab.catalogue import CHANNELS, CODES, INTERLEAVERS
from netchat.channel_lab.specs import check_channel, check_code, check_interleaver


@pytest.mark.parametrize("spec", [code.spec for code in CODES])
def test_suggested_codes_are_allowed(spec):
    assert check_code(spec, {}) == spec


@pytest.mark.parametrize(
    "spec",
    [
        "rs:15,11+interleave:4+hamming:7,4",
        "rs:255,223,fcr=112,prim=0x187,generator=0xad",
        "conv:133,-171,k=100,end=tailbiting,puncture=110.101",
        "ldpc:ccsds,128,iterations=50,algorithm=sum-product",
        "bch:63,45@osd2",
        "repetition:3@hard",
        "hamming:7,4+product",
        "polar:uci,120,40,decoder=scl8",
    ],
)
def test_other_allowed_codes(spec):
    assert check_code(spec, {}) == spec


@pytest.mark.parametrize(
    "spec",
    [
        "ldpc:/etc/passwd",
        "ldpc:h.alist",
        "ldpc:../secret.npy",
        "my_code.py:Mine",
        "/tmp/evil.py:Evil",
        "evil.py:Evil:1,2",
        "hamming:7,4+evil.py:Evil",
        "rs:255,223@reedsolo",
        "uncoded:99999",
        "uncoded:1000000",
        "repetition:255",
        "rm:2,20",
        "conv:177777,123456",
        "ldpc:nr,3840,9999",
        "ldpc:ar4ja,8192",
        "ldpc:gallager,iterations=9999",
        "circ:128",
        "bch:65535,t=500",
        "hamming:7,4@osd5",
        "hamming:7,4" + "+interleave:2" * 3,
        "hamming:" + "7" * 100,
        "hamming:7\n,4",
        "hämming:7,4",
        "",
        "+",
        "product:hamming:7,4",
        "turbo:40,algorithm=" + "x" * 60,
        "polar:16,8,decoder=scl64",
    ],
)
def test_codes_that_are_refused(spec):
    with pytest.raises(ValueError, match=r"\w"):
        check_code(spec, {})


def test_the_owners_codes_are_found_by_their_names_only():
    plugins = {"my_code.py:Mine": "/home/owner/my_code.py:Mine"}
    assert check_code("my_code.py:Mine", plugins) == "/home/owner/my_code.py:Mine"
    for absent in "/home/owner/my_code.py:Mine", "my_code.py:Other", "my_code.py:Mi":
        with pytest.raises(
            ValueError, match=f"does not have the code '{absent}': open the link on"
        ):
            check_code(absent, plugins)
    for chained in "my_code.py:Mine:8", "my_code.py:Mine+interleave:4":
        with pytest.raises(ValueError, match=r"must be my_code\.py:Mine, exactly, got"):
            check_code(chained, plugins)


@pytest.mark.parametrize("channel", [one["spec"] for one in CHANNELS])
def test_suggested_channels_are_allowed(channel):
    assert check_channel(channel) == channel


def test_channels_are_normalised():
    assert check_channel(" AWGN: 4db, QPSK ") == "awgn:4dB,qpsk"
    assert check_channel("rayleigh:10,block=20,unknown") == "rayleigh:10,block=20,unknown"


@pytest.mark.parametrize(
    "spec",
    [
        "bsc", "bsc:", "bsc:0.1,0.2", "bsc:0.1:0.2:0.01", "bsc:nan", "bsc:inf", "bsc:1e999",
        "awgn:4dB,qam256", "awgn:4dB,qpsk,qpsk,qpsk,qpsk", "my_channel.py:Z:0.1", "loss:0.1",
        "gilbert-elliott:0.1", "rayleigh:4dB,block=99999", "bsc:" + "0" * 100, "",
    ],
)  # fmt: skip
def test_channels_that_are_refused(spec):
    with pytest.raises(ValueError, match=r"\w"):
        check_channel(spec)


def test_ranges_are_for_measurements():
    assert check_channel("awgn:0:6:0.5,qpsk", has_range=True) == "awgn:0:6:0.5,qpsk"
    assert check_channel("bsc:0.1:0.001:x0.5", has_range=True) == "bsc:0.1:0.001:x0.5"
    assert check_channel("awgn", has_range=True) == "awgn"


def test_interleavers():
    assert [check_interleaver(one["spec"]) for one in INTERLEAVERS] == [0, 2, 4, 6, 8, 16]
    for spec in ("interleave:1", "interleave:65", "interleave:x", "4", "interleave:4,4"):
        with pytest.raises(ValueError, match="an interleaver must be"):
            check_interleaver(spec)
