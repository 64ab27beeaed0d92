"""What a link begins with: light enough to be looked for by a server that no link ever comes to."""

from __future__ import annotations

from netchat.wire import MAGIC, VERSION, Hello

__all__ = ["MARKER", "MARKER_ERRORS", "differing_bits", "starts_like_link"]

#: The attached sync marker of CCSDS 131.0-B: 32 bits of which no shift looks like the whole, and 16
#: of them differ from the first bytes of a chat.
MARKER = bytes.fromhex("1acffc1d")

#: Wrong bits with which a marker is still taken for one. Random bytes pass in one of 3,700 places,
#: and what follows them must then be a codeword with a good CRC.
MARKER_ERRORS = 6

#: Of each 32 bits, those that may be wrong for a connection to begin like a link. With 8 it could
#: as well be a chat.
_FIRST_ERRORS = 7

_CHAT = MAGIC + bytes([VERSION, Hello.TYPE])

#: What the header behind the first marker says in any case, and where: version and OPEN, the header's
#: own code, a length below 256, and nothing received yet. One of a thousand random beginnings has the
#: marker; with these 12 bytes, none is worth loading 150 MB of libraries for.
_OPEN = bytes.fromhex(
    "1acffc1d 11010000 00000000 00000000 00000000 00000000 000000ff 00000000 0000"
)
_SAID = bytes.fromhex(
    "00000000 ffff0000 ff00ffff 00000000 00000000 00000000 000000ff ffffffff ffff"
)


def starts_like_link(first: bytes) -> bool:
    """Whether a connection begins like a link, and not rather like a chat.

    Args:
        first: up to 34 of its bytes are looked at; each may have wrong bits.
    """
    wrong = _distance(first, MARKER)
    return (
        wrong < _distance(first, _CHAT)
        and 32 * wrong <= _FIRST_ERRORS * 8 * len(first[:4])
        and _opens(first)
    )


def _opens(first: bytes) -> bool:
    """Whether at most a quarter of the bits that are known of OPEN's header are wrong."""
    size = min(len(first), len(_OPEN))
    said = int.from_bytes(_SAID[:size], "big")
    differ = int.from_bytes(first[:size], "big") ^ int.from_bytes(_OPEN[:size], "big")
    return 4 * (differ & said).bit_count() <= said.bit_count()


def _distance(first: bytes, pattern: bytes) -> int:
    size = min(len(first), len(pattern))
    return differing_bits(first[:size], pattern[:size])


def differing_bits(a: bytes, b: bytes) -> int:
    """In how many bits two strings of the same length differ."""
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).bit_count()
