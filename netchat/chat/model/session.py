"""A session: a user's name and rooms, which outlive any one connection."""

from __future__ import annotations

import hashlib
import random
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netchat.chat.model.connection import Connection
    from netchat.chat.model.room import Room

__all__ = ["DEVICE_KEY_SIZE", "TOKEN_SIZE", "Session", "device_id", "new_token", "token_hash"]

TOKEN_SIZE = 32
DEVICE_KEY_SIZE = 16


def device_id(key: bytes) -> int:
    """The public device id of a secret device key: 63 bits of its SHA-256.

    63, not 64, so that it fits a signed integer of the history and of other languages.
    """
    return int.from_bytes(hashlib.sha256(key).digest()[:8], "big") >> 1


#: The default source of random numbers: the system's secure one.
_SECURE = secrets.SystemRandom()


def new_token(rng: random.Random = _SECURE) -> bytes:
    """Return a fresh resume token of 256 unguessable bits."""
    return rng.randbytes(TOKEN_SIZE)


def token_hash(token: bytes) -> bytes:
    """What is stored of a token. A plain hash is enough: there is nothing to guess in 256 bits."""
    return hashlib.sha256(token).digest()


class Session:
    """One user.

    Attributes:
        id: its number, public.
        name: the user's name.
        device: its device id.
        token: hash of the token that resumes it.
        previous: hash of the token before, valid until the client proves that it has the new one
            by sending anything: the WELCOME that carried it may have been lost.
        connection: the connection it is on, or None while it is away.
        away_since: when the connection was lost.
        rooms: the rooms it is in, by code.
        share: the address that it counts against, also while it is away; empty if it is not known,
            since the server was started again.
    """

    __slots__ = (
        "away_since",
        "connection",
        "device",
        "id",
        "name",
        "previous",
        "rooms",
        "share",
        "token",
    )

    def __init__(self, number: int, name: str, device: int) -> None:
        self.id = number
        self.name = name
        self.device = device
        self.token = b""
        self.previous = b""
        self.connection: Connection | None = None
        self.away_since = 0.0
        self.rooms: dict[str, Room] = {}
        self.share = ""
