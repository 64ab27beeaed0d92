import binascii
import zlib

import numpy as np
import pytest

from netchat.coding.block.crc import CRC


def crc8(data):
    """Compute CRC-8 by long division."""
    register = 0
    for octet in data:
        register ^= octet
        for _ in range(8):
            register = register << 1 ^ (0x107 if register & 0x80 else 0)
    return register


ORACLES = {8: crc8, 16: lambda data: binascii.crc_hqx(data, 0), 32: zlib.crc32}
each_width = pytest.mark.parametrize("width", ORACLES)


def test_the_reference_crc_has_the_catalogued_check_value():
    assert crc8(b"123456789") == 0xF4  # CRC-8/SMBUS
    assert crc8(b"123456789") ^ 0x55 == 0xA1  # CRC-8/I-432-1, the header check of ATM


@each_width
@pytest.mark.parametrize("length", [1, 2, 8, 33, 128, 300])
def test_agrees_with_the_standard_library(width, length):
    code = CRC(width, 8 * length)
    data = np.random.default_rng(length).integers(0, 256, (70, length), dtype=np.uint8)
    word = np.packbits(code.encode(np.unpackbits(data, axis=1)), axis=1)
    assert (word[:, :length] == data).all()
    for row in word:
        parity = ORACLES[width](row[:length].tobytes())
        assert row[length:].tobytes() == parity.to_bytes(width // 8, "big")


@each_width
def test_a_shortened_block_has_the_crc_of_its_data(width):
    data = np.random.default_rng(1).bytes(3 + CRC(width).k // 8)
    coded = CRC(width).encode_bytes(data)
    assert coded[-width // 8 :] == ORACLES[width](data[-3:]).to_bytes(width // 8, "big")


@each_width
def test_minimum_distance_of_the_default_length(width):
    """No sum of fewer than `distance` columns is zero; checked exhaustively."""
    code = CRC(width)
    zero = code.encode(np.zeros((1, code.k), np.uint8))
    words = np.packbits((code.encode(np.eye(code.k, dtype=np.uint8)) ^ zero)[:, code.k :], axis=1)
    syndromes = [int.from_bytes(row.tobytes(), "big") for row in words]
    syndromes += [1 << bit for bit in range(width)]
    assert len({*syndromes, 0}) == len(syndromes) + 1  # no single column and no two columns
    pairs = np.array(syndromes, np.uint64)
    sums = (pairs[:, None] ^ pairs[None, :])[np.triu_indices(len(pairs), 1)]
    assert not np.isin(sums, pairs).any()  # no three
    if code.minimum_distance == 5:
        assert len(np.unique(sums)) == len(sums)  # no four
    else:
        assert code.minimum_distance == 4


@each_width
def test_bursts_up_to_the_width_are_detected(width):
    code = CRC(width)
    rng = np.random.default_rng(2)
    received = code.encode(rng.integers(0, 2, (code.n - width, code.k), dtype=np.uint8))
    for start, row in enumerate(received):
        burst = rng.integers(0, 2, width, dtype=np.uint8)
        burst[0] = 1
        row[start : start + width] ^= burst
    assert (code.decode(received).corrected == -1).all()


def test_the_minimum_distance_decreases_with_the_length():
    assert [CRC(32, 8 * octets).minimum_distance for octets in (33, 34, 371, 372, 11450, 11451)] == [
        6, 5, 5, 4, 4, 2,
    ]  # fmt: skip


@pytest.mark.parametrize("arguments", [(7,), (32, 12), (32, 0)])
def test_invalid_arguments(arguments):
    with pytest.raises(ValueError, match=r"Argument '(width|k)' must be"):
        CRC(*arguments)
