"""The payload of OPEN: what a client asks for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from netchat.errors import LinkError
from netchat.link.datagram_mask import KEY_SIZE

__all__ = ["Mode", "OpenRequest", "read_open_request", "write_open_request"]

#: Bytes that a wish, and a cookie, has at most.
_LONGEST, _LONGEST_COOKIE = 64, 8


class Mode(IntEnum):
    """What is done about a block that could not be decoded. The code is FEC; this is the ARQ."""

    HYBRID = 0
    """It is sent again, and decoded together with its earlier copies (Chase combining)."""
    ARQ = 1
    """It is sent again, and decoded by itself."""
    FEC = 2
    """It is never sent again, but handed over as it is: nothing but the code protects it, and what
    is lost leaves a hole."""


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """What a client asks for.

    Attributes:
        up: what decides the code from the client to the server, as `netchat.link.policies.policy.policy`
            reads it. It is here so that the server can decode, and be shown, a code without a number.
        down: the same for the other way.
        mode: of both directions.
        cookie: over datagrams, what the server sent to the client's address; empty before.
        key: over datagrams, what the link's headers are masked with; empty for a client that does
            not mask them.
    """

    up: str
    down: str
    mode: Mode = Mode.HYBRID
    cookie: bytes = b""
    key: bytes = b""


def write_open_request(opening: OpenRequest) -> bytes:
    """The payload of OPEN."""
    parts = [bytes([opening.mode])]
    for text in (opening.up.encode(), opening.down.encode(), opening.cookie):
        parts += [bytes([len(text)]), text]
    if opening.key:
        parts += [bytes([len(opening.key)]), opening.key]
    return b"".join(parts)


def read_open_request(payload: bytes) -> OpenRequest:
    """Read the payload of OPEN. What a later version puts behind it is passed over.

    Raises:
        LinkError: it is none; the text says why.
    """
    try:
        mode, at = Mode(payload[0]), 1
        wishes = []
        for _ in range(2):
            end = at + 1 + payload[at]
            text = payload[at + 1 : end]
            if end > len(payload) or not 0 < len(text) <= _LONGEST:
                raise ValueError(f"a wish has 1 to {_LONGEST} bytes")
            wishes.append(text.decode("ascii"))
            at = end
        cookie = key = b""
        if payload[at:]:
            cookie = payload[at + 1 : at + 1 + min(payload[at], _LONGEST_COOKIE)]
            at += 1 + payload[at]
        if payload[at : at + 1] == bytes([KEY_SIZE]):
            key = payload[at + 1 : at + 1 + KEY_SIZE]
    except (IndexError, ValueError) as error:
        raise LinkError(f"this is no OPEN: {error}") from error
    return OpenRequest(wishes[0], wishes[1], mode, cookie, key if len(key) == KEY_SIZE else b"")
