"""Sync marker and detection of a link by its first bytes, with no heavy imports."""

from __future__ import annotations

from netchat.wire import MAGIC, VERSION, Hello

__all__ = ["MARKER", "MARKER_ERRORS", "OPEN_BYTES", "differing_bits", "starts_like_link"]

#: The attached sync marker of CCSDS 131.0-B. It differs from every shifted copy of itself, and in 16
#: of 32 bits from the first bytes of a chat connection.
MARKER = bytes.fromhex("1acffc1d")

#: Maximum number of wrong bits in a marker. Random bytes match at one of 3,700 positions, and a
#: codeword with a valid CRC must follow.
MARKER_ERRORS = 6

#: Maximum number of wrong bits per 32 bits at the start of a link. With 8, the connection could
#: equally be a chat.
_FIRST_ERRORS = 7

_CHAT = MAGIC + bytes([VERSION, Hello.TYPE])

#: Constant bits of the marker and header of any OPEN, and their mask: version, kind, code, a length
#: below 256, and nothing received yet. One in a thousand random connections matches the marker alone;
#: these 12 bytes keep such a connection from loading 150 MB of libraries.
_OPEN = bytes.fromhex(
    "1acffc1d 11010000 00000000 00000000 00000000 00000000 000000ff 00000000 0000"
)
_CONSTANT = bytes.fromhex(
    "00000000 ffff0000 ff00ffff 00000000 00000000 00000000 000000ff ffffffff ffff"
)

#: First bytes of a link after which nothing more can be detected.
OPEN_BYTES = len(_OPEN)


def starts_like_link(first: bytes) -> bool:
    """Return whether a connection starts like a link rather than like a chat.

    Args:
        first: First bytes of the connection, possibly damaged; up to 34 are used.
    """
    if first.startswith(_CHAT):  # the result would be the same, but most connections begin so
        return False
    wrong = _distance(first, MARKER)
    return (
        wrong < _distance(first, _CHAT)
        and 32 * wrong <= _FIRST_ERRORS * 8 * len(first[:4])
        and _matches_open(first)
    )


def _matches_open(first: bytes) -> bool:
    """Return whether at most a quarter of the constant bits of OPEN are wrong."""
    size = min(len(first), len(_OPEN))
    mask = int.from_bytes(_CONSTANT[:size], "big")
    difference = int.from_bytes(first[:size], "big") ^ int.from_bytes(_OPEN[:size], "big")
    return 4 * (difference & mask).bit_count() <= mask.bit_count()


def _distance(first: bytes, pattern: bytes) -> int:
    size = min(len(first), len(pattern))
    return differing_bits(first[:size], pattern[:size])


def differing_bits(a: bytes, b: bytes) -> int:
    """Return the Hamming distance in bits between two byte strings of the same length."""
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).bit_count()
