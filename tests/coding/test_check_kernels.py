"""Cyclic redundancy checks of 64 blocks against the standard library."""

import binascii
import zlib

import numpy as np
import pytest

from netchat.coding import check_kernels
from netchat.coding.cyclic_checks import CHECKS, cyclic_check


def remainders(check, rows):
    """Return the remainder of each of 64 rows of bits, and whether it is reported as wrong."""
    words = np.packbits(rows, axis=0, bitorder="little").T.copy().view(np.uint64).reshape(-1)
    register = np.zeros(check.width, np.uint64)
    wrong = check_kernels.remainder(words, np.arange(len(words)), check.taps, check.start, register)
    bits = (register[:, None] >> np.arange(64, dtype=np.uint64)) & np.uint64(1)
    return bits.T.astype(np.uint8), (
        np.uint64(wrong) >> np.arange(64, dtype=np.uint64)
    ) & np.uint64(1)


def test_crc_16_of_the_standard_library():
    rows = np.random.default_rng(1).integers(0, 2, (64, 80), dtype=np.uint8)
    found, _ = remainders(cyclic_check(16), rows)
    for row, bits in zip(rows, found, strict=True):
        expected = binascii.crc_hqx(np.packbits(row).tobytes(), 0)
        assert int("".join(map(str, bits)), 2) == expected


def test_crc_32_of_the_standard_library():
    """The CRC of zlib begins with ones, inverts the result, and takes the bits in reverse."""
    rows = np.random.default_rng(2).integers(0, 2, (64, 64), dtype=np.uint8)
    found, _ = remainders(cyclic_check(32, ones=0), np.concatenate([
        rows[:, :32] ^ 1, rows[:, 32:],
    ], axis=1))  # fmt: skip
    for row, bits in zip(rows, found, strict=True):
        data = np.packbits(row.reshape(-1, 8)[:, ::-1], axis=1).tobytes()
        expected = zlib.crc32(data)
        assert int("".join(map(str, bits[::-1])), 2) ^ 0xFFFFFFFF == expected


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize("ones", [0, 24])
def test_a_message_with_its_check_passes(name, ones):
    check = cyclic_check(name, ones)
    rows = np.random.default_rng(3).integers(0, 2, (64, 70), dtype=np.uint8)
    found, _ = remainders(check, rows)
    whole = np.concatenate([rows, found], axis=1)
    assert not remainders(check, whole)[1].any()
    whole[5, 20] ^= 1
    assert remainders(check, whole)[1].tolist() == [
        int(lane == 5 and check.width > 0) for lane in range(64)
    ]
    if ones and check.width:  # the same as ones before the message
        same, _ = remainders(
            cyclic_check(name), np.concatenate([np.ones((64, ones), np.uint8), rows], axis=1)
        )
        assert (same == found).all()


def test_the_generators_of_the_standard():
    """3GPP TS 38.212, section 5.1: x^11 + x^10 + x^9 + x^5 + 1, and so on."""
    written = {
        "6": [5], "11": [10, 9, 5], "16": [12, 5], "24b": [23, 6, 5, 1],
        "24a": [23, 18, 17, 14, 11, 10, 7, 6, 5, 4, 3, 1], "24c": [23, 21, 20, 17, 15, 13, 12, 8, 4, 2, 1],
    }  # fmt: skip
    for name, taps in written.items():
        assert cyclic_check(name).taps.tolist() == sorted(taps)
    with pytest.raises(ValueError, match="'crc' must be 0, 6, 8"):
        cyclic_check(7)
