"""Leases: which servers are alive, and how far each has applied the stream."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from netchat.net.cluster.checkpoint import START, order

__all__ = ["Lease", "LeaseWatch", "Timing"]


@dataclass(frozen=True, slots=True)
class Timing:
    """Intervals of a server in a cluster, in seconds."""

    lease: float = 5.0
    """Validity of a lease. A server that is silent for longer is declared expired."""
    heartbeat: float = 0.5
    """Interval between renewals."""
    slow: float = 0.4
    """Time without an answer after which Redis is reported as unavailable."""
    timeout: float = 2.0
    """Time without an answer after which the connections are closed and made again."""
    longest_retry: float = 1.0
    """Bound for the delay between two attempts to connect."""
    maintenance: float = 5.0
    """Interval between checks whether to take a snapshot or to trim the stream."""


@dataclass(frozen=True, slots=True)
class Lease:
    """Value of a server's lease."""

    server: str
    """Identifier of the server."""
    durable: str
    """Position up to which the server has stored the stream's effects."""

    def encode(self) -> bytes:
        """Return the lease as JSON."""
        return json.dumps([self.server, self.durable]).encode()

    @classmethod
    def decode(cls, data: bytes) -> Lease:
        """Decode a lease. A damaged one counts as a server that has applied nothing."""
        try:
            server, durable = json.loads(data)
            order(durable)
            return cls(str(server), durable)
        except (ValueError, TypeError, AttributeError):
            return cls("", START)


class LeaseWatch:
    """Decision which servers' leases have expired.

    A lease may also be missing because Redis was unavailable, or because this server was paused and sees
    old answers. A server therefore declares another one expired only after Redis has answered it promptly
    for as long as a lease is valid, and the lease was missing in two successive answers.

    Args:
        lease: Validity of a lease, in seconds.
    """

    def __init__(self, lease: float) -> None:
        self._lease = lease
        self._since: float | None = None
        self._last = 0.0
        self._missing: set[int] = set()

    def interrupted(self) -> None:
        """Record that Redis did not answer promptly."""
        self._since = None
        self._missing = set()

    def expired(self, leases: Mapping[int, bytes | None], now: float) -> list[int]:
        """Return the epochs to declare expired.

        Args:
            leases: Value of each other live server's lease, by epoch; None if it is missing.
            now: Current time, in seconds.
        """
        if now - self._last > self._lease / 2:  # this process was paused
            self.interrupted()
        self._last = now
        if self._since is None:
            self._since = now
        missing = {epoch for epoch, lease in leases.items() if lease is None}
        twice, self._missing = missing & self._missing, missing
        return sorted(twice) if now - self._since >= self._lease else []
