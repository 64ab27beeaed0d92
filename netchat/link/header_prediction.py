"""Reading of headers with too many errors, with the help of the headers before them.

Most fields of a header follow from the last one of its kind: the link is the same, a block begins where
the previous one ended, and its number is one higher. If a header cannot be decoded, these bytes are
replaced by the expected ones. Where the expectation is right, that removes their errors; each wrong one
counts as one more. The code corrects 32 wrong bytes in either case, and then the CRC must be valid.

A header cannot be invented: two codewords differ in at least 65 of their 96 bytes, so one that differs from
the expectation is found only if the bytes received are closer to it.
"""

from __future__ import annotations

import numpy as np

from netchat.link.header import (
    Header,
    Kind,
    ReadHeader,
    pack_header,
    read_headers,
)

__all__ = ["HeaderPredictor"]

#: Bytes that are expected of a DATA header: all but the counts of bit errors, the delay and the CRC.
_DATA = np.r_[0:6, 8:23, 24:28]

#: Bytes that are expected of an ACK header: of the acknowledged offset and number only the upper half.
_ACK = np.r_[0:6, 8:18, 20:22, 24:28]


class HeaderPredictor:
    """Expectation of a sender's next header, from its last ones."""

    def __init__(self) -> None:
        self._expected: dict[Kind, bytes] = {}

    def note(self, header: Header) -> None:
        """Record a header that could be read."""
        if header.kind is Kind.ACK:
            self._expected[Kind.ACK] = pack_header(header)
        elif header.kind is Kind.DATA:
            following = header._replace(
                offset=header.offset + header.length, number=header.number + 1
            )
            self._expected[Kind.DATA] = pack_header(following)

    def read(self, coded: bytes) -> ReadHeader | None:
        """Decode a coded header that could not be decoded by itself; return None if it is unreadable.

        Args:
            coded: Coded header of `HEADER_SIZE` bytes, unmasked.
        """
        if not self._expected:
            return None
        received = np.frombuffer(coded, np.uint8)
        tried = np.tile(received, (len(self._expected), 1))
        for row, (kind, expected) in zip(tried, self._expected.items(), strict=True):
            places = _DATA if kind is Kind.DATA else _ACK
            row[places] = np.frombuffer(expected, np.uint8)[places]
        found = next((head for head in read_headers(tried) if head is not None), None)
        return None if found is None else found.against(coded)
