"""TLS secrets in the NSS key log format, as in `SSLKEYLOGFILE` and in captures.

One secret per line: label, client random, secret. Source:
https://www.ietf.org/archive/id/draft-ietf-tls-keylogfile-02.html
"""

from __future__ import annotations

import re
from collections.abc import Collection

__all__ = ["EARLY", "HANDSHAKE", "LABELS", "TRAFFIC", "KeyLog"]

#: Labels of the traffic secrets by epoch; the first is for data to the client, the second to the server.
EARLY = ("", "CLIENT_EARLY_TRAFFIC_SECRET")
HANDSHAKE = ("SERVER_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_HANDSHAKE_TRAFFIC_SECRET")
TRAFFIC = ("SERVER_TRAFFIC_SECRET_0", "CLIENT_TRAFFIC_SECRET_0")

#: Labels of the secrets that decrypt records; `CLIENT_RANDOM` is that of TLS 1.2. Others, such as
#: exporter secrets, are not kept.
LABELS = frozenset((EARLY[1], *HANDSHAKE, *TRAFFIC, "CLIENT_RANDOM"))

#: Maximum number of connections whose secrets are kept; beyond it, the oldest are dropped.
_MAX_CONNECTIONS = 65_536

_LINE = re.compile(r"([A-Z0-9_]{1,64}) ([0-9a-fA-F]{64}) ((?:[0-9a-fA-F]{2}){16,64})")


class KeyLog:
    """Secrets of TLS connections, by client random.

    It has no readable `repr`, so that secrets do not get into logs and tracebacks.

    Attributes:
        changes: Number of secrets added so far; shows whether another attempt is worthwhile.
    """

    def __init__(self) -> None:
        self.changes: int = 0
        self._secrets: dict[bytes, dict[str, bytes]] = {}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self._secrets)} connections>"

    def __len__(self) -> int:
        return len(self._secrets)

    def add(self, text: bytes) -> int:
        """Add the secrets in a key log; comments and unknown lines are ignored.

        Returns:
            The number of new secrets.
        """
        before = self.changes
        for line in text.decode("ascii", "replace").splitlines():
            found = _LINE.fullmatch(line.strip())
            if found is None or found[1] not in LABELS:
                continue
            random, secret = bytes.fromhex(found[2]), bytes.fromhex(found[3])
            known = self._secrets.setdefault(random, {})
            if known.get(found[1]) != secret:
                known[found[1]] = secret
                self.changes += 1
            if len(self._secrets) > _MAX_CONNECTIONS:
                del self._secrets[next(iter(self._secrets))]
        return self.changes - before

    def refresh(self) -> None:
        """Look for new secrets; a key log that is a file reads what was appended."""

    def secret(self, random: bytes, label: str) -> bytes | None:
        """Return a secret of a connection, or None."""
        return self._secrets.get(random, {}).get(label)

    def has(self, random: bytes) -> bool:
        """Return whether the key log has secrets of a connection."""
        return random in self._secrets

    def randoms(self) -> list[bytes]:
        """Return the client randoms of all connections, the latest first."""
        return list(reversed(self._secrets))

    def lines(self, randoms: Collection[bytes]) -> dict[bytes, bytes]:
        """Return the key log lines of some connections, by client random."""
        return {
            random: b"".join(
                f"{label} {random.hex()} {secret.hex()}\n".encode()
                for label, secret in sorted(self._secrets[random].items())
            )
            for random in randoms
            if random in self._secrets
        }
