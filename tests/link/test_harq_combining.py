"""Joint decoding of several damaged copies of a block."""

from __future__ import annotations

import random
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.channels.stream import ChannelStream
from netchat.link.block_code import crc_syndrome
from netchat.link.code_table import block_code
from netchat.link.harq_buffer import REDUNDANCY, HarqBuffer
from netchat.link.harq_combining import _guess, _majority
from netchat.link.incremental_work import finish


def damaged(coded: bytes, bits: list[int]) -> bytes:
    out = bytearray(coded)
    for bit in bits:
        out[bit >> 3] ^= 0x80 >> (bit & 7)
    return bytes(out)


def test_a_codeword_is_taken_from_the_copy_that_has_it() -> None:
    code, data = block_code("rs:255,223"), random.Random(1).randbytes(4 * 223 - 4)
    coded = code.encode(b"", data)
    # Interleaved: byte i belongs to codeword i % 4. Each copy loses another codeword.
    copies = [damaged(coded, [8 * (4 * i + word) for i in range(40)]) for word in (0, 2)]

    assert not any(code.decode(b"", copy, len(data)).good for copy in copies)
    assert finish(code.decode_combined(b"", copies, len(data))) == data


@pytest.mark.parametrize("spec", ["uncoded", "hamming:7,4"])
def test_few_bytes_that_differ_are_guessed(spec: str) -> None:
    code, data = block_code(spec), random.Random(2).randbytes(100)
    coded = code.encode(b"", data)
    width = len(coded) * 8
    one = damaged(coded, [5, 6, width // 2, width // 2 + 1])
    other = damaged(coded, [100, 101, width - 9, width - 10])

    assert finish(code.decode_combined(b"", [one, other], len(data))) == data
    assert finish(code.decode_combined(b"?", [one, other], len(data))) is None


def test_errors_common_to_both_copies_are_not_corrected() -> None:
    code, data = block_code("uncoded"), bytes(100)
    coded = code.encode(b"", data)

    copies = [damaged(coded, [5, 70]), damaged(coded, [5, 90])]
    assert finish(code.decode_combined(b"", copies, len(data))) is None
    # With a third copy, the majority decides.
    assert finish(code.decode_combined(b"", [*copies, damaged(coded, [300])], len(data))) == data


@pytest.mark.parametrize(("spec", "p"), [("uncoded", "2e-2"), ("repetition:3", "0.1")])
def test_the_majority_of_many_is_right(spec: str, p: str) -> None:
    code, data = block_code(spec), random.Random(3).randbytes(60)
    stream = ChannelStream(f"bsc:{p}", 3)
    coded = code.encode(b"", data)

    assert finish(code.decode_combined(b"", [stream.damage(coded) for _ in range(7)], 60)) == data


@given(copies=st.lists(st.binary(min_size=3, max_size=3), min_size=1, max_size=9))
def test_the_majority_counts_the_ones_of_each_bit(copies: list[bytes]) -> None:
    expected = 0
    for bit in range(24):
        ones = sum(int.from_bytes(copy, "big") >> bit & 1 for copy in copies)
        last = int.from_bytes(copies[-1], "big") >> bit & 1
        expected |= (last if 2 * ones == len(copies) else 2 * ones > len(copies)) << bit
    assert _majority(copies) == expected.to_bytes(3, "big")


@given(
    data=st.binary(min_size=12, max_size=12),
    wrong=st.dictionaries(st.integers(0, 15), st.integers(1, 255), max_size=8),
    chosen=st.integers(0, 255),
    valid=st.booleans(),
)
def test_each_combination_is_guessed(
    data: bytes, wrong: dict[int, int], chosen: int, valid: bool
) -> None:
    """Each wrong byte is wrong in one of two copies, whichever."""
    sealed = data + crc32(data if valid else data + b"?").to_bytes(4, "big")
    copies = [bytearray(sealed), bytearray(sealed)]
    for index, (position, error) in enumerate(wrong.items()):
        copies[chosen >> index & 1][position] ^= error
    one, other = (np.frombuffer(copy, np.uint8) for copy in copies)
    found = _guess(one, other, lambda sealed: crc_syndrome(b"", sealed))

    assert found == (sealed if valid else None)


def test_copies_are_kept_by_block_and_up_to_a_limit() -> None:
    copies = HarqBuffer(1000)
    first = (0, 10, 4)

    assert [len(copies.add(first, 4, bytes(100))) for _ in range(7)] == [1, 2, 3, 4, 5, 5, 5]
    assert copies.held == 500
    for offset in range(10, 60, 10):
        copies.add((offset, 10, 4), 4, bytes(100))
    assert copies.held == 1000
    copies.add((70, 10, 4), 4, bytes(100))  # the least recently updated one is evicted
    assert copies.held == 600
    copies.forget_before(40)
    assert copies.held == 300
    assert len(copies.add((30, 10, 4), 4, bytes(100))) == 1


def test_more_pieces_than_copies_are_kept() -> None:
    copies, key = HarqBuffer(1000), (0, 10, REDUNDANCY)

    assert not copies.has(key)
    counts = [len(copies.add(key, number, b"x")) for number in range(30)]
    assert counts == [*range(1, 25), 24, 24, 24, 24, 24, 24]
    assert copies.has(key)
    assert copies.held == 24
