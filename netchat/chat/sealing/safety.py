"""Safety numbers, which two people compare to be sure that the server has not substituted any keys."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from netchat.chat.sealing.room_secret import to_words

__all__ = ["SafetyNumber", "pair_number", "room_number"]

_DIGITS, _GROUP = 60, 5


class SafetyNumber(NamedTuple):
    """A safety number, in two forms that show the same hash.

    Attributes:
        digits: 60 decimal digits in groups of five.
        words: 12 words.
    """

    digits: str
    words: str

    @property
    def code(self) -> str:
        """Content of the QR code: the digits without spaces."""
        return self.digits.replace(" ", "")


def _number(content: bytes) -> SafetyNumber:
    digest = hashlib.sha512(content).digest()
    number = f"{int.from_bytes(digest[:32], 'big') % 10**_DIGITS:0{_DIGITS}}"
    groups = [number[at : at + _GROUP] for at in range(0, _DIGITS, _GROUP)]
    return SafetyNumber(" ".join(groups), " ".join(to_words(digest[32:48])))


def pair_number(keys: bytes, other: bytes) -> SafetyNumber:
    """Return the safety number of two devices, given their public keys in any order."""
    return _number(b"netchat safety pair 1\0" + b"".join(sorted((keys, other))))


def room_number(log: int, epoch: int, check: bytes, members: Iterable[bytes]) -> SafetyNumber:
    """Return the safety number of a room.

    Args:
        log: Identity of the room's log.
        epoch: The room's epoch.
        check: Check value of its secret.
        members: Public keys of its members' devices.
    """
    start = b"netchat safety room 1\0" + log.to_bytes(8, "big") + epoch.to_bytes(4, "big") + check
    return _number(start + b"".join(sorted(members)))
