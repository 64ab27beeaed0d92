"""CRCs as long division, compared with zlib and binascii."""

from __future__ import annotations

import binascii
import zlib

from netchat.channel_lab.explain.crc import divide, explain_crc, explain_frame_crc
from netchat.channel_lab.frame_fields import frame_of
from tests.channel_lab.blocks import blocks, explained


def test_the_remainder_is_that_of_other_implementations():
    for view in blocks("crc:32,64", "bsc:0", 4):
        found = explain_crc(view)
        data = bytes(int("".join(map(str, view.hard[at : at + 8])), 2) for at in range(0, 64, 8))
        assert int(found["remainder"], 16) == zlib.crc32(data)
        assert found["agrees"]
    for view in blocks("crc:16,32", "bsc:0", 4):
        found = explain_crc(view)
        data = bytes(int("".join(map(str, view.hard[at : at + 8])), 2) for at in range(0, 32, 8))
        assert int(found["remainder"], 16) == binascii.crc_hqx(data, 0)


def test_damage_shows_exactly_when_the_decoder_reports_it():
    for spec in ("crc:8,16", "crc:16,32", "crc:32,64"):
        for view in blocks(spec, "bsc:0.02", 20):
            assert explain_crc(view)["agrees"] == (not view.failed)


def test_worked_division():
    """Peterson and Davie: 10011010 by 1101 leaves 101."""
    steps, remainder = divide([1, 0, 0, 1, 1, 0, 1, 0, 0, 0, 0], 3, 0b101)
    assert remainder == 0b101
    assert [step["shift"] for step in steps] == [0, 1, 2, 3, 4, 7]
    assert all(step["xor"] == "1101" for step in steps)


def test_the_checksum_of_a_frame():
    frame = frame_of("Hi!")
    found = explain_frame_crc(frame)
    assert found["agrees"]
    assert found["remainder"] == f"0x{frame[12:16].hex()}"
    assert found["omitted"] > 0
    damaged = bytearray(frame)
    damaged[20] ^= 4
    assert not explain_frame_crc(bytes(damaged))["agrees"]


def test_the_line_shows_the_checksum_of_the_received_frame():
    good = explained(code="hamming:7,4", carry="frame", text="Hi")
    assert good["crc"]["agrees"]
    bad = explained(
        code="hamming:7,4", carry="frame", text="Hi", touched={"0": "flip", "1": "flip"}
    )
    assert not bad["crc"]["agrees"]
