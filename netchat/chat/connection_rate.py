"""Rate of new connections per address group.

A connection costs the server far more than a frame, and a peer that is disconnected for breaking the
protocol can reconnect at once. Connections above the rate are not refused: nothing is read from them
for a while, so that all users of one address can still connect after a restart of the server.
"""

from __future__ import annotations

__all__ = ["BURST", "MAX_WAIT", "RATE", "ConnectionRate"]

#: New connections per second of an address group that are read at once, and how many at a time.
RATE, BURST = 50.0, 500.0

#: Longest wait of a connection, in seconds; less than the time that it has for its HELLO.
MAX_WAIT = 5.0

#: Address groups to remember; beyond this, those least recently limited are forgotten.
MAX_SHARES = 4096


class ConnectionRate:
    """Generic cell rate algorithm for each address group."""

    def __init__(self) -> None:
        self._due: dict[str, float] = {}

    def wait(self, share: str, now: float) -> float:
        """Count a new connection.

        Args:
            share: Address group of the connection.
            now: The current time, in seconds.

        Returns:
            For how many seconds not to read from it.
        """
        due = max(self._due.pop(share, now), now) + 1 / RATE
        wait = due - now - BURST / RATE
        # At the end: the first ones are those that were counted least recently.
        self._due[share] = min(due, now + BURST / RATE + MAX_WAIT)
        while len(self._due) > MAX_SHARES:
            del self._due[next(iter(self._due))]
        return min(max(wait, 0.0), MAX_WAIT)
