"""TLS record headers (RFC 8446, section 5.1): type, legacy version, length."""

from __future__ import annotations

import re
import struct

__all__ = [
    "ALERT",
    "APPLICATION_DATA",
    "CHANGE_CIPHER_SPEC",
    "CONTENT_TYPES",
    "ENCRYPTED",
    "HANDSHAKE",
    "HEADER_SIZE",
    "MAX_RECORD",
    "OVERHEAD",
    "begins_records",
    "find_records",
    "is_header",
    "version_name",
]

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA = 20, 21, 22, 23

#: Names of the content types.
CONTENT_TYPES = {
    CHANGE_CIPHER_SPEC: "change cipher spec",
    ALERT: "alert",
    HANDSHAKE: "handshake",
    APPLICATION_DATA: "application data",
}

#: First bytes of every encrypted record of TLS 1.3.
ENCRYPTED = b"\x17\x03\x03"

HEADER_SIZE = 5

#: Maximum length of a record after its header: 2^14 bytes and 256 for encryption in TLS 1.3, 2,048
#: in TLS 1.2.
MAX_RECORD = 2**14 + 2048

#: Bytes of an encrypted record that are not content: header, inner type, authentication tag.
OVERHEAD = HEADER_SIZE + 1 + 16

_HEADER = struct.Struct(">BHH").unpack_from
_BEGINS = re.compile(rb"[\x14-\x17]\x03[\x01-\x03]")
_VERSIONS = {0x0300: "SSL 3.0", 0x0301: "TLS 1.0", 0x0302: "TLS 1.1", 0x0303: "TLS 1.2"}
_VERSIONS |= {0x0304: "TLS 1.3"}


def version_name(version: int) -> str:
    """Return the name of a protocol version."""
    return _VERSIONS.get(version, f"version {version:#06x}")


def is_header(data: bytes | bytearray, at: int = 0) -> bool:
    """Return whether a record's header is at `at`; it must be complete."""
    kind, version, length = _HEADER(data, at)
    return kind in CONTENT_TYPES and 0x0301 <= version <= 0x0303 and 0 < length <= MAX_RECORD


def begins_records(data: bytes | bytearray) -> bool:
    """Return whether a stream that begins with these bytes is one of TLS records.

    Such a stream begins with a ClientHello, a ServerHello or an alert; one that was captured from the
    middle may begin with any record. Fewer bytes than a header count if they agree so far.
    """
    head = bytes(data[:HEADER_SIZE])
    if len(head) == HEADER_SIZE:
        return is_header(head)
    return bool(head) and all(
        byte in allowed
        for byte, allowed in zip(head, (CONTENT_TYPES, (3,), (1, 2, 3)), strict=False)
    )


def find_records(data: bytes | bytearray, at: int = 0) -> int:
    """Return the index of the first record, or -1.

    A header alone could be chance, so another one must follow the record, or the data must end with
    it: most senders write whole records.

    Args:
        data: Bytes of a stream.
        at: Index from which to search.
    """
    size = len(data)
    for match in _BEGINS.finditer(data, at):
        start = match.start()
        if start + HEADER_SIZE > size:
            break
        if not is_header(data, start):
            continue
        end = start + HEADER_SIZE + int.from_bytes(data[start + 3 : start + 5], "big")
        if end == size or (end + HEADER_SIZE <= size and is_header(data, end)):
            return start
    return -1
