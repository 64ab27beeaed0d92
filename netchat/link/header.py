"""Header of a block, with a code strong enough to be read when the payload's code fails.

A header has 32 bytes and is sent as one Reed-Solomon codeword of 96, so up to 32 of its bytes may
arrive wrong. `docs/LINK.md` shows the layout and gives the reasons.
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
    "pack_header",
    "read_header",
    "read_headers",
    "read_masked_header",
    "unwrap",
    "write_header",
]

LINK_VERSION = 1

#: Code of every header, with rate 1/3: a bit error rate of 1e-2 loses no headers, and 3e-2 loses
#: three in a thousand.
HEADER_CODE = "rs:96,32"

_FIELDS = struct.Struct(">BBHHHIIIIIHH")

#: Size in bytes of a header, of a coded header (which begins with it), and of marker plus coded header.
HEADER_BYTES = _FIELDS.size
HEADER_SIZE = 96
HEAD_SIZE = len(MARKER) + HEADER_SIZE


_ERASED = np.arange(HEADER_SIZE)[None, :] >= HEADER_SIZE - MASKED


class Kind(IntEnum):
    """Kind of a block."""

    OPEN = 1
    ACCEPT = 2
    REFUSE = 3
    DATA = 4
    ACK = 5
    CLOSE = 6
    CHALLENGE = 7


class Header(NamedTuple):
    """Fields of a block's header; all counters wrap around."""

    kind: Kind
    """Kind of the block."""
    code: int
    """Number of the payload's code in `netchat.link.code_table`."""
    link: int
    """Identifier of the link: 16 bits, chosen by the client."""
    length: int
    """Payload length in bytes, before coding and without the CRC."""
    offset: int
    """Offset of the payload in the stream, in bytes (32 bits)."""
    number: int
    """Transmission number (24 bits); each retransmission gets a new one. Kinds other than DATA carry
    the number of the next DATA block."""
    window: int
    """Receive window of this block's sender after `ack`, in units of 4 KiB."""
    ack: int
    """Cumulative acknowledgement: all bytes before this offset have arrived (32 bits)."""
    echo: int
    """Highest transmission number received with a readable header (24 bits)."""
    delay: int
    """Time since `echo` was received, in units of 0.1 ms."""
    arrived: int
    """Bit i: transmission `echo` - i has arrived, and its payload could be decoded."""
    wrong: int
    """Number of bit errors found in everything that could be decoded (16 bits)."""
    checked: int
    """Amount of data that `wrong` refers to, in units of 64 bytes (16 bits)."""
    redundancy: bool = False
    """Whether its sender can decode the codes with incremental redundancy."""


class ReadHeader(NamedTuple):
    """A decoded header, and the errors in it."""

    header: Header
    """The header."""
    corrected: int
    """Number of corrected bytes."""
    wrong: int
    """Number of wrong bits."""

    def against(self, coded: bytes) -> ReadHeader:
        """Return the same header, with the errors of other received bytes.

        Args:
            coded: Coded header of `HEADER_SIZE` bytes, as received.
        """
        sent = write_header(self.header)
        corrected = sum(a != b for a, b in zip(coded, sent, strict=True))
        return self._replace(corrected=corrected, wrong=differing_bits(coded, sent))


@cache
def _code() -> ReedSolomon:
    return ReedSolomon(HEADER_SIZE, HEADER_BYTES)


def pack_header(header: Header) -> bytes:
    """Return the bytes of a header before coding.

    Args:
        header: Fields of the header; counters are wrapped around.
    """
    fields = _FIELDS.pack(
        LINK_VERSION << 4 | header.kind,
        header.code,
        header.link,
        header.length,
        header.wrong & 0xFFFF,
        header.offset & 0xFFFFFFFF,
        (header.number & 0xFFFFFF) << 8 | header.redundancy << 7 | header.window,
        header.ack & 0xFFFFFFFF,
        (header.echo & 0xFFFFFF) << 8 | header.delay,
        header.arrived,
        header.checked & 0xFFFF,
        0,
    )[:-2]
    return fields + binascii.crc_hqx(fields, 0xFFFF).to_bytes(2, "big")


def write_header(header: Header) -> bytes:
    """Encode a header.

    Args:
        header: Fields of the header; counters are wrapped around.
    """
    sealed = pack_header(header)
    return _code().encode(np.frombuffer(sealed, np.uint8)[None, :]).tobytes()


def read_header(coded: bytes) -> ReadHeader | None:
    """Decode a coded header; return None if it is unreadable.

    Args:
        coded: Coded header of `HEADER_SIZE` bytes.
    """
    return next(read_headers(np.frombuffer(coded, np.uint8)[None, :]))


def read_masked_header(coded: bytes) -> ReadHeader | None:
    """Decode a coded header with an unknown mask; return None if it is unreadable.

    The masked bytes are treated as erasures, so 8 wrong bytes in the others can be corrected.

    Args:
        coded: Coded header of `HEADER_SIZE` bytes.
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
    """Decode a batch of coded headers, and yield each, or None if it is unreadable.

    Args:
        received: Coded headers, of shape (batch, HEADER_SIZE).
    """
    result = _code().decode(received)
    for i, corrected in enumerate(result.corrected.tolist()):
        yield _read(result.message[i : i + 1], received[i], corrected) if corrected >= 0 else None


def _read(message: Rows, received: Rows, corrected: int) -> ReadHeader | None:
    """Parse a decoded header; return None if its CRC or a field is invalid.

    Args:
        message: Decoded header, of shape (1, 32).
        received: Received codeword, of shape (HEADER_SIZE,).
        corrected: Number of corrected bytes.
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
        Kind(first & 15), code, link, length, offset, number >> 8, number & 127, ack,
        echo >> 8, echo & 255, arrived, wrong, checked, bool(number & 128),
    )  # fmt: skip
    bits = 0
    if corrected:
        bits = differing_bits(received.tobytes(), _code().encode(message).tobytes())
    return ReadHeader(header, corrected, bits)


def unwrap(value: int, bits: int, near: int) -> int:
    """Return the number nearest to `near` whose lowest `bits` bits are `value`.

    >>> unwrap(2, 8, 255), unwrap(254, 8, 256)
    (258, 254)
    """
    half = 1 << (bits - 1)
    return near + ((value - near + half) & (2 * half - 1)) - half
