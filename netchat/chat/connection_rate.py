"""Rate of new connections per address group.

A connection costs the server far more than a frame, and a peer that is disconnected for breaking the
protocol can reconnect at once. Connections above the rate are not refused: nothing is read from them
for a while, so that all users of one address can still connect after a restart of the server.
"""

from __future__ import annotations

from netchat.chat.rate_limit import RatePerKey, TokenBucket

__all__ = ["BURST", "MAX_WAIT", "RATE", "ConnectionRate"]

#: New connections per second of an address group that are read at once, and how many at a time.
RATE, BURST = 50.0, 500.0

#: Longest wait of a connection, in seconds; less than the time that it has for its HELLO.
MAX_WAIT = 5.0

#: Maximum number of address groups to remember.
MAX_SHARES = 4096


class ConnectionRate:
    """Delays of new connections, for each address group."""

    def __init__(self) -> None:
        self._buckets: RatePerKey[str] = RatePerKey(TokenBucket(1 / RATE, BURST), MAX_SHARES)

    def wait(self, share: str, now: float) -> float:
        """Count a new connection.

        Args:
            share: Address group of the connection.
            now: The current time, in seconds.

        Returns:
            For how many seconds not to read from it.
        """
        wait = self._buckets.wait(share, now)
        if wait >= MAX_WAIT:
            return MAX_WAIT
        self._buckets.take(share, now)
        return wait
