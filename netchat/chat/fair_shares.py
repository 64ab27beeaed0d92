"""Fair shares of a limited resource: how much of it one address may use."""

from __future__ import annotations

import ipaddress

__all__ = ["GUARANTEED", "Shares", "share_of", "share_of_address"]

#: Units that one address may use as long as any are free: a class that shares one NAT address.
GUARANTEED = 100

#: Multiple of the free units that one address may use beyond that.
FREE_FACTOR = 3


def share_of(host: str) -> str:
    """Return the group that an address counts in: an IPv4 address, or the /64 of an IPv6 address.

    Every customer of an IPv6 provider has at least a /64, so single IPv6 addresses cost nothing.

    Args:
        host: The address; an IPv6 address may be in brackets, as it is shown before a port.
    """
    if ":" not in host:
        return host
    try:
        address = ipaddress.IPv6Address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))


def share_of_address(address: str) -> str:
    """Return the group that an address with a port counts in, such as `[2001:db8::1]:6464`."""
    return share_of(address.rpartition(":")[0].strip("[]"))


class Shares:
    """Counts of how many units of a resource each address uses.

    An address may use `guaranteed` units, or `free_factor` times the number of free units if that
    is more. By default an address on its own can therefore use three quarters of all units, and no
    address can use the last ones. Switches share their buffer between ports in this way (dynamic
    thresholds).

    Args:
        limit: Number of units.
        guaranteed: Units that one address may use as long as any are free; `GUARANTEED` by default.
        free_factor: Multiple of the free units that one address may use beyond that.

    Attributes:
        counts: Units in use by each address.
        total: Units in use.
    """

    def __init__(
        self, limit: int, guaranteed: int | None = None, free_factor: int = FREE_FACTOR
    ) -> None:
        self.limit = limit
        self._guaranteed, self._free_factor = guaranteed, free_factor
        self.counts: dict[str, int] = {}
        self.total = 0

    def allows(self, address: str) -> bool:
        """Return whether an address may use one more unit."""
        free = self.limit - self.total
        guaranteed = GUARANTEED if self._guaranteed is None else self._guaranteed
        return free > 0 and self.counts.get(address, 0) < max(guaranteed, self._free_factor * free)

    def acquire(self, address: str) -> None:
        """Count one more unit for an address."""
        self.counts[address] = self.counts.get(address, 0) + 1
        self.total += 1

    def release(self, address: str) -> None:
        """Count one unit less for an address."""
        self.counts[address] -= 1
        if not self.counts[address]:
            del self.counts[address]
        self.total -= 1
