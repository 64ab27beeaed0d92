"""Header of a block, byte by byte."""

from __future__ import annotations

import random

import pytest
import reedsolo

from netchat.link.header import (
    HEADER_SIZE,
    Header,
    Kind,
    read_header,
    read_masked_header,
    unwrap,
    write_header,
)
from netchat.link.link import Link
from netchat.link.sync_marker import MARKER, MARKER_ERRORS, differing_bits, starts_like_link
from netchat.wire import Hello, encode

#: Written by hand from docs/LINK.md; the CRC is that of a calculator (CRC-16/IBM-3740).
GOLDEN = bytes.fromhex(
    "14"  # version 1, kind 4 (DATA)
    "04"  # code 4, rs:255,223
    "beef"  # link
    "0102"  # 258 bytes of payload
    "0011"  # 17 wrong bits so far
    "fffffff0"  # offset, near its end
    "00a0b1"  # transmission 41137
    "40"  # window: 64 times 4 KiB
    "00010000"  # all bytes before offset 65536 have arrived
    "7fffff"  # the highest transmission seen
    "32"  # 5 ms ago
    "fffffffd"  # it and 30 of the 31 before it have arrived
    "0203"  # refers to 515 times 64 bytes
)
CRC = "dbbe"
HEADER = Header(
    kind=Kind.DATA,
    code=4,
    link=0xBEEF,
    length=258,
    offset=0xFFFFFFF0,
    number=41137,
    window=64,
    ack=65536,
    echo=0x7FFFFF,
    delay=50,
    arrived=0xFFFFFFFD,
    wrong=17,
    checked=515,
)


def test_a_header_is_laid_out_as_the_document_says() -> None:
    coded = write_header(HEADER)

    assert len(coded) == HEADER_SIZE == 96
    assert coded[:32] == GOLDEN + bytes.fromhex(CRC)


def test_the_parity_is_that_of_another_implementation() -> None:
    reference = reedsolo.RSCodec(64, nsize=96)

    assert write_header(HEADER) == bytes(reference.encode(GOLDEN + bytes.fromhex(CRC)))


def test_a_header_is_read_with_a_third_of_its_bytes_wrong() -> None:
    rng = random.Random(1)
    for wrong in (0, 1, 17, 32):
        coded = bytearray(write_header(HEADER))
        bits = 0
        for place in rng.sample(range(HEADER_SIZE), wrong):
            error = rng.randrange(1, 256)
            coded[place] ^= error
            bits += error.bit_count()

        read = read_header(bytes(coded))

        assert read is not None
        assert read.header == HEADER
        assert (read.corrected, read.wrong) == (wrong, bits)


def test_random_bytes_are_no_header() -> None:
    rng = random.Random(2)

    assert not any(read_header(rng.randbytes(HEADER_SIZE)) for _ in range(2000))
    assert not any(read_masked_header(rng.randbytes(HEADER_SIZE)) for _ in range(100))
    assert read_header(bytes(HEADER_SIZE)) is None  # a codeword, but of version 0


@pytest.mark.parametrize("first", [0x24, 0x04, 0x10, 0x18])
def test_other_versions_and_kinds_are_no_header(first: int) -> None:
    import binascii

    fields = bytes([first]) + GOLDEN[1:]
    sealed = fields + binascii.crc_hqx(fields, 0xFFFF).to_bytes(2, "big")

    coded = bytes(reedsolo.RSCodec(64, nsize=96).encode(sealed))
    assert read_header(coded) is None
    assert read_masked_header(coded) is None


def test_numbers_that_count_up_wrap_around() -> None:
    read = read_header(write_header(HEADER._replace(offset=2**32 + 5, number=2**24, ack=2**40)))

    assert read is not None
    assert (read.header.offset, read.header.number, read.header.ack) == (5, 0, 0)
    assert unwrap(5, 32, 2**32 - 1) == 2**32 + 5
    assert unwrap(2**32 - 1, 32, 2**32 + 5) == 2**32 - 1
    assert unwrap(0xFFFFFF, 24, 0) == -1


def test_no_shift_of_the_marker_looks_like_it() -> None:
    bits = f"{int.from_bytes(MARKER, 'big'):032b}"
    for shift in range(1, 32):
        overlap = 32 - shift
        differing = sum(a != b for a, b in zip(bits[shift:], bits[:overlap], strict=True))
        # The bits outside the overlap are arbitrary; half of them match the marker on average.
        assert differing + shift / 2 > MARKER_ERRORS + 2


def test_links_and_chats_are_distinguished_despite_bit_errors() -> None:
    chat = encode(Hello(0, bytes(16), b"", "Nova", "test", ()))[:4]
    rng = random.Random(3)

    assert differing_bits(MARKER, chat) == 16
    assert not starts_like_link(b"")
    for first, link in ((MARKER, True), (chat, False)):
        for length in range(1, 5):
            assert starts_like_link(first[:length]) is link
        for _ in range(100):
            damaged = bytearray(first)
            for place in rng.sample(range(32), 7):
                damaged[place >> 3] ^= 1 << (place & 7)
            assert starts_like_link(bytes(damaged)) is link


def test_other_data_is_not_a_link() -> None:
    rng = random.Random(4)

    taken = sum(starts_like_link(rng.randbytes(4)) for _ in range(20_000))
    assert taken < 60  # 0.1 %
    for first in (b"GET ", b"\x16\x03\x01\x02", b"SSH-", bytes(4), b"\xff" * 4):
        assert not starts_like_link(first)


def test_open_is_recognised_by_its_header_too() -> None:
    rng = random.Random(5)

    for number in range(50):
        client = Link.client("rs:255,223" if number % 2 else "uncoded")
        first = bytearray(client.data_to_send(float(number))[:34])
        for length in range(1, 35):
            assert starts_like_link(bytes(first[:length]))
        for bit in rng.sample(range(32 * 8, 34 * 8), 4) + rng.sample(range(32, 32 * 8), 12):
            first[bit >> 3] ^= 1 << (
                bit & 7
            )  # a bit error rate of 1/20, the highest that a link survives
        assert starts_like_link(bytes(first))
    assert not any(starts_like_link(MARKER + rng.randbytes(30)) for _ in range(100_000))
