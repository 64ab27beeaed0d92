"""The head of a block: a sync marker, and a header strong enough to be read when all else fails.

A header is 32 bytes, sent as one Reed-Solomon codeword of 96, so that up to 32 of its bytes may
arrive wrong. `docs/LINK.md` draws it, with the reasons.
"""

from __future__ import annotations

import binascii
import struct
from collections.abc import Iterator
from enum import IntEnum
from functools import cache
from typing import NamedTuple

import numpy as np

from netchat.coding.arrays import Rows
from netchat.coding.reed_solomon.code import ReedSolomon
from netchat.link.datagram_mask import MASKED
from netchat.link.sync_marker import MARKER, differing_bits

__all__ = [
    "HEADER_BYTES",
    "HEADER_CODE",
    "HEADER_SIZE",
    "HEAD_SIZE",
    "LINK_VERSION",
    "Header",
    "Kind",
    "ReadHeader",
    "read_header",
    "read_headers",
    "read_masked_header",
    "unwrap",
    "write_header",
]

LINK_VERSION = 1

#: The code of every header: rate 1/3, so that a bit error rate of 1e-2 costs no header, and one of
#: 3e-2 three of a thousand.
HEADER_CODE = "rs:96,32"

_FIELDS = struct.Struct(">BBHHHIIIIIHH")

#: Bytes of a header, of a coded one (which begins with them), and of marker and coded header.
HEADER_BYTES = _FIELDS.size
HEADER_SIZE = 96
HEAD_SIZE = len(MARKER) + HEADER_SIZE


_ERASED = np.arange(HEADER_SIZE)[None, :] >= HEADER_SIZE - MASKED


class Kind(IntEnum):
    """What a block is for."""

    OPEN = 1
    ACCEPT = 2
    REFUSE = 3
    DATA = 4
    ACK = 5
    CLOSE = 6
    CHALLENGE = 7


class Header(NamedTuple):
    """What stands in front of every block. Numbers that count up wrap around."""

    kind: Kind
    code: int
    """Which code the payload is in: a number of `netchat.link.code_table`."""
    link: int
    """Which link this block belongs to: 16 bits that the client chose."""
    length: int
    """Bytes of payload, before coding and without its CRC."""
    offset: int
    """Where in the stream the payload begins, in bytes (32 bits)."""
    number: int
    """Which transmission this is (24 bits): what is sent again has a new number. An ACK has that
    of the next transmission."""
    window: int
    """How far behind `ack` the sender of this block can take data in, in units of 4 KiB."""
    ack: int
    """Every byte of the other direction in front of this one has arrived (32 bits)."""
    echo: int
    """The highest number of the other direction whose header was read (24 bits)."""
    delay: int
    """How long ago that was, in units of 0.1 ms."""
    arrived: int
    """Bit i: transmission `echo` - i has arrived, and its payload could be decoded."""
    wrong: int
    """Wrong bits found so far in what could be decoded (16 bits)."""
    checked: int
    """How much that was, in units of 64 bytes (16 bits)."""


class ReadHeader(NamedTuple):
    """A header that could be read."""

    header: Header
    corrected: int
    """Bytes of it that were corrected."""
    wrong: int
    """Bits of it that were wrong."""


@cache
def _code() -> ReedSolomon:
    return ReedSolomon(HEADER_SIZE, HEADER_BYTES)


def write_header(header: Header) -> bytes:
    """The coded header.

    Args:
        header: its fields; those that wrap around may be any number.
    """
    fields = _FIELDS.pack(
        LINK_VERSION << 4 | header.kind,
        header.code,
        header.link,
        header.length,
        header.wrong & 0xFFFF,
        header.offset & 0xFFFFFFFF,
        (header.number & 0xFFFFFF) << 8 | header.window,
        header.ack & 0xFFFFFFFF,
        (header.echo & 0xFFFFFF) << 8 | header.delay,
        header.arrived,
        header.checked & 0xFFFF,
        0,
    )[:-2]
    sealed = fields + binascii.crc_hqx(fields, 0xFFFF).to_bytes(2, "big")
    return _code().encode(np.frombuffer(sealed, np.uint8)[None, :]).tobytes()


def read_header(coded: bytes) -> ReadHeader | None:
    """Read a coded header; None where none can be read.

    Args:
        coded: `HEADER_SIZE` bytes.
    """
    return next(read_headers(np.frombuffer(coded, np.uint8)[None, :]))


def read_masked_header(coded: bytes) -> ReadHeader | None:
    """Read a coded header whose mask is not known; None where none can be read.

    The masked bytes count as erased, which leaves a correction of 8 wrong bytes in the others.

    Args:
        coded: `HEADER_SIZE` bytes.
    """
    received = np.frombuffer(coded, np.uint8)[None, :]
    result = _code().decode(received, _ERASED)
    if result.failed[0]:
        return None
    head = _read(result.message, received[0], 0)
    if head is None:
        return None
    sent = _code().encode(result.message)[0, :-MASKED].tobytes()
    corrected = sum(a != b for a, b in zip(coded, sent, strict=False))
    return ReadHeader(head.header, corrected, differing_bits(coded[:-MASKED], sent))


def read_headers(received: Rows) -> Iterator[ReadHeader | None]:
    """Read coded headers, all decoded at once.

    Args:
        received: (batch, HEADER_SIZE)
    """
    result = _code().decode(received)
    for i, corrected in enumerate(result.corrected.tolist()):
        yield _read(result.message[i : i + 1], received[i], corrected) if corrected >= 0 else None


def _read(message: Rows, received: Rows, corrected: int) -> ReadHeader | None:
    """Read a header that could be decoded.

    Args:
        message: (1, 32) what was decoded.
        received: (HEADER_SIZE,) what that was.
        corrected: bytes that were corrected.
    """
    sealed = message.tobytes()
    if binascii.crc_hqx(sealed, 0xFFFF):
        return None
    (first, code, link, length, wrong, offset, number, ack, echo, arrived, checked, _) = (
        _FIELDS.unpack(sealed)
    )
    if first >> 4 != LINK_VERSION or first & 15 not in Kind._value2member_map_:
        return None
    header = Header(
        Kind(first & 15), code, link, length, offset, number >> 8, number & 255, ack,
        echo >> 8, echo & 255, arrived, wrong, checked,
    )  # fmt: skip
    bits = 0
    if corrected:
        bits = differing_bits(received.tobytes(), _code().encode(message).tobytes())
    return ReadHeader(header, corrected, bits)


def unwrap(value: int, bits: int, near: int) -> int:
    """The number nearest to `near` that is `value` when cut to so many bits.

    >>> unwrap(2, 8, 255), unwrap(254, 8, 256)
    (258, 254)
    """
    half = 1 << (bits - 1)
    return near + ((value - near + half) & (2 * half - 1)) - half
