"""Detection of TLS by the first bytes of a connection."""

from __future__ import annotations

__all__ = ["CLIENT_HELLO_BYTES", "starts_like_tls"]

#: First bytes of a connection after which a ClientHello is detected.
CLIENT_HELLO_BYTES = 6

_RECORD, _MAJOR_VERSION, _CLIENT_HELLO = 0x16, 3, 1


def starts_like_tls(first: bytes) -> bool:
    """Return whether a connection starts like a TLS ClientHello, as far as it has arrived.

    The bytes are those of a handshake record (RFC 8446, 5.1): its type, a version of SSL 3.0 or later, a
    length, and the type of the first message.

    Args:
        first: First bytes of the connection, at least one.
    """
    if first[0] != _RECORD or (len(first) > 1 and first[1] != _MAJOR_VERSION):
        return False
    return len(first) < CLIENT_HELLO_BYTES or first[5] == _CLIENT_HELLO
