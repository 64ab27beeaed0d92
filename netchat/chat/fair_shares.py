"""Fair shares of what a server has few of: how much of it one address may take."""

from __future__ import annotations

import ipaddress

__all__ = ["CLASS", "Shares", "share_of"]

#: What one address may hold in any case, as long as there is any left: a class behind one NAT.
CLASS = 100

#: How many times as many as are free one address may hold.
PART = 3


def share_of(host: str) -> str:
    """Return what counts as one address: an IPv4 address, or the /64 that an IPv6 address is in.

    Every customer of an IPv6 provider has at least a /64, so that its addresses cost nothing.
    """
    if ":" not in host:
        return host
    try:
        address = ipaddress.IPv6Address(host)
    except ValueError:
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))


class Shares:
    """Counts what each address holds of one thing.

    An address may hold `CLASS` of them, and more while that is at most `PART` times as many as are
    free: three quarters of all if no other address holds any. This is how switches share a buffer
    between ports (dynamic thresholds). One address can therefore never take the last ones.

    Args:
        limit: how many there are.

    Attributes:
        held: how many each address holds.
        total: how many are held.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held: dict[str, int] = {}
        self.total = 0

    def allows(self, address: str) -> bool:
        """Whether an address may take one more."""
        free = self.limit - self.total
        return free > 0 and self.held.get(address, 0) < max(CLASS, PART * free)

    def take(self, address: str) -> None:
        """Count one more for an address."""
        self.held[address] = self.held.get(address, 0) + 1
        self.total += 1

    def give_back(self, address: str) -> None:
        """Count one less for an address."""
        self.held[address] -= 1
        if not self.held[address]:
            del self.held[address]
        self.total -= 1
