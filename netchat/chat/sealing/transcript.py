"""Hash chain over a room's events: two members who saw the same events have the same hash.

The hash after event n is SHA-256(hash after event n-1, SHA-256(body of event n)). It begins with the
log's identity. A member who joined later adopts the hash that a signed message of another member
states, and continues from there.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict

__all__ = ["KEPT", "Transcript"]

#: Maximum number of events for which the hash is kept, to compare it with what other members state.
KEPT = 1024

_START = b"netchat view 1\0"


class Transcript:
    """A member's hash of a room.

    Args:
        log: Identity of the room's log.
        seq: Sequence number of the last event before the first that will be added.
        value: The hash up to there, or empty if it is unknown. If `seq` is 0, it follows from `log`.

    Attributes:
        seq: Sequence number of the last event.
        value: The hash up to there, or empty if it is unknown.
    """

    def __init__(self, log: int, seq: int = 0, value: bytes = b"") -> None:
        self._log = log
        self._digests: OrderedDict[int, bytes] = OrderedDict()
        self._values: dict[int, bytes] = {}
        self._restart(seq, value)

    def _restart(self, seq: int, value: bytes) -> None:
        if not seq and not value:
            value = hashlib.sha256(_START + self._log.to_bytes(8, "big")).digest()
        self.seq, self.value = seq, value
        self._first = seq
        self._digests.clear()
        self._values = {seq: value} if value else {}

    def add(self, seq: int, body: bytes) -> None:
        """Add the next event; after a gap, the hash is unknown again.

        Args:
            seq: Its sequence number.
            body: Its encoded message.
        """
        if seq != self.seq + 1:
            self._restart(seq - 1, b"")
        digest = hashlib.sha256(body).digest()
        self.seq = seq
        self._digests[seq] = digest
        if self.value:
            self.value = self._values[seq] = hashlib.sha256(self.value + digest).digest()
        if len(self._digests) > KEPT:
            old, _ = self._digests.popitem(last=False)
            self._values.pop(old - 1, None)
            self._first = old

    def agrees(self, seq: int, value: bytes) -> bool:
        """Return whether another member's hash agrees with this one, as far as it is known.

        If this one is unknown, it is continued from the other member's.
        """
        if not value or not self._first <= seq <= self.seq:
            return True
        if self.value:
            return self._values.get(seq, value) == value
        self._values[seq] = value
        for at in range(seq + 1, self.seq + 1):
            value = self._values[at] = hashlib.sha256(value + self._digests[at]).digest()
        self.value = value
        return True
