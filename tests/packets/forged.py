"""Blocks of a link as a peer may make them, one by one."""

from __future__ import annotations

from netchat.link.codes import CODES, block_code
from netchat.link.header import Header, write_header
from netchat.link.marker import MARKER
from netchat.link.opening import Mode, Opening, write_opening
from netchat.link.payload import payload_context

__all__ = ["block_of", "open_of"]


def open_of(spec: str, mode: Mode = Mode.HYBRID) -> bytes:
    """The payload of OPEN that asks for one code both ways."""
    return write_opening(Opening(spec, spec, mode))


def block_of(header: Header, payload: bytes = b"") -> bytes:
    """A block with this header, but that its length is the payload's; its code is a number."""
    header = header._replace(length=len(payload))
    coded = b""
    if payload:
        coded = block_code(CODES[header.code]).close(payload_context(header), payload)
    return MARKER + write_header(header) + coded
