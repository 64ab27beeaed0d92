"""Payload of OPEN: the codes and the mode that a client requests."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from netchat.errors import LinkError
from netchat.link.datagram_mask import KEY_SIZE

__all__ = ["Mode", "OpenRequest", "read_open_request", "write_open_request"]

#: Maximum length of a code's spec, and of a cookie, in bytes.
_MAX_SPEC, _MAX_COOKIE = 64, 8

#: Bit of the last byte: the client understands headers that announce incremental redundancy.
_READS_REDUNDANCY = 1


class Mode(IntEnum):
    """Handling of blocks that could not be decoded."""

    HYBRID = 0
    """Retransmit, and decode together with earlier copies (Chase combining)."""
    ARQ = 1
    """Retransmit, and decode each copy by itself."""
    FEC = 2
    """Never retransmit: deliver damaged bytes, and leave a gap for lost ones."""


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """A client's request.

    Attributes:
        up: Code or policy from the client to the server, as `netchat.link.policy_registry.policy`
            accepts it. The server needs it to decode a code that has no number.
        down: Code or policy from the server to the client.
        mode: Mode of both directions.
        cookie: Over datagrams, the cookie that the server sent to the client's address; empty before.
        key: Over datagrams, the key that masks the link's headers; empty for no mask.
        reads_redundancy: Whether the client understands headers that announce incremental redundancy.
    """

    up: str
    down: str
    mode: Mode = Mode.HYBRID
    cookie: bytes = b""
    key: bytes = b""
    reads_redundancy: bool = False


def write_open_request(opening: OpenRequest) -> bytes:
    """Encode the payload of OPEN."""
    parts = [bytes([opening.mode])]
    for text in (opening.up.encode(), opening.down.encode(), opening.cookie):
        parts += [bytes([len(text)]), text]
    if opening.key or opening.reads_redundancy:
        parts += [bytes([len(opening.key)]), opening.key]
    if opening.reads_redundancy:
        parts.append(bytes([_READS_REDUNDANCY]))
    return b"".join(parts)


def read_open_request(payload: bytes) -> OpenRequest:
    """Decode the payload of OPEN, ignoring extra bytes of later versions.

    Raises:
        LinkError: The payload is invalid; the text gives the reason.
    """
    try:
        mode, at = Mode(payload[0]), 1
        specs = []
        for _ in range(2):
            end = at + 1 + payload[at]
            text = payload[at + 1 : end]
            if end > len(payload) or not 0 < len(text) <= _MAX_SPEC:
                raise ValueError(f"a code's spec must have 1 to {_MAX_SPEC} bytes")
            specs.append(text.decode("ascii"))
            at = end
        cookie = key = b""
        if payload[at:]:
            cookie = payload[at + 1 : at + 1 + min(payload[at], _MAX_COOKIE)]
            at += 1 + payload[at]
        if payload[at : at + 1] == bytes([KEY_SIZE]):
            key = payload[at + 1 : at + 1 + KEY_SIZE]
        if payload[at:]:
            at += 1 + payload[at]
        features = payload[at] if payload[at:] else 0
    except (IndexError, ValueError) as error:
        raise LinkError(f"invalid OPEN: {error}") from error
    return OpenRequest(
        specs[0],
        specs[1],
        mode,
        cookie,
        key if len(key) == KEY_SIZE else b"",
        bool(features & _READS_REDUNDANCY),
    )
