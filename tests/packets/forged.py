"""Single blocks of a link, valid or not."""

from __future__ import annotations

from netchat.link.code_table import CODES, block_code
from netchat.link.header import Header, write_header
from netchat.link.open_request import Mode, OpenRequest, write_open_request
from netchat.link.payload_decoder import payload_context
from netchat.link.sync_marker import MARKER

__all__ = ["block_of", "open_of"]


def open_of(spec: str, mode: Mode = Mode.HYBRID) -> bytes:
    """Return the payload of an OPEN that requests one code for both directions."""
    return write_open_request(OpenRequest(spec, spec, mode))


def block_of(header: Header, payload: bytes = b"") -> bytes:
    """Return a block with this header and the payload's length; `code` is a number."""
    header = header._replace(length=len(payload))
    coded = b""
    if payload:
        coded = block_code(CODES[header.code]).encode(payload_context(header), payload)
    return MARKER + write_header(header) + coded
