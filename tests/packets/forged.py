"""Blocks of a link, built one by one as a peer may send them."""

from __future__ import annotations

from netchat.link.code_table import CODES, block_code
from netchat.link.header import Header, write_header
from netchat.link.open_request import Mode, OpenRequest, write_open_request
from netchat.link.payload_decoder import payload_context
from netchat.link.sync_marker import MARKER

__all__ = ["block_of", "open_of"]


def open_of(spec: str, mode: Mode = Mode.HYBRID) -> bytes:
    """The payload of OPEN that asks for one code both ways."""
    return write_open_request(OpenRequest(spec, spec, mode))


def block_of(header: Header, payload: bytes = b"") -> bytes:
    """A block with this header, but that its length is the payload's; its code is a number."""
    header = header._replace(length=len(payload))
    coded = b""
    if payload:
        coded = block_code(CODES[header.code]).encode(payload_context(header), payload)
    return MARKER + write_header(header) + coded
