"""Selection of the TLS secrets that belong into a capture: those of its connections, and no others."""

from __future__ import annotations

import re

from netchat.packets.tls.key_log import KeyLog

__all__ = ["EmbeddedSecrets"]

#: Record header of a handshake, header of a ClientHello, version, random. It is at the beginning of
#: the first segment of a connection.
_CLIENT_HELLO = re.compile(rb"(?s)\x16\x03[\x01-\x03]..\x01\0..\x03\x03(.{32})")
_HANDSHAKE = b"\x16\x03"

#: Maximum number of connections that wait for their secrets.
_MAX_WAITING = 65_536


class EmbeddedSecrets:
    """Selection of secrets for the connections in a capture.

    A key log may hold the secrets of all programs of a user; only those of captured connections are
    taken, each once.

    Args:
        keys: The key log.

    Attributes:
        connections: Number of connections whose secrets were taken.
    """

    def __init__(self, keys: KeyLog) -> None:
        self.connections: int = 0
        self._keys = keys
        self._waiting: dict[bytes, int] = {}  # by client random: lines taken so far, in bytes
        self._changes = -1

    def look(self, data: bytes) -> None:
        """Look for the beginning of a TLS connection in a packet."""
        if _HANDSHAKE not in data:
            return
        found = _CLIENT_HELLO.search(data)
        if found is not None and found[1] not in self._waiting:
            self._waiting[found[1]] = 0
            self._changes = -1
            if len(self._waiting) > _MAX_WAITING:
                del self._waiting[next(iter(self._waiting))]

    def take(self) -> bytes:
        """Return new lines of the key log for the connections found so far."""
        if not self._waiting:
            return b""
        self._keys.refresh()
        if self._keys.changes == self._changes:
            return b""
        self._changes = self._keys.changes
        taken = []
        for random, lines in self._keys.lines(self._waiting).items():
            before = self._waiting[random]
            if len(lines) != before:
                self.connections += not before
                self._waiting[random] = len(lines)
                taken.append(lines)
        return b"".join(taken)
