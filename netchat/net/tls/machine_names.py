"""Names and addresses of this machine, for its certificate."""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass

__all__ = ["MachineNames", "machine_names"]

#: A host name that a certificate can contain (RFC 1123, and "_").
_DNS_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*", re.ASCII)

_LOOPBACK = ("127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class MachineNames:
    """Names and addresses under which clients reach this machine."""

    host: str
    """Host name, in lower case."""
    names: frozenset[str]
    """DNS names, among them `localhost`."""
    addresses: frozenset[str]
    """IP addresses, without link-local ones."""

    def covers(self, other: MachineNames) -> bool:
        """Return whether this includes the names and addresses of another one."""
        return self.names >= other.names and self.addresses >= other.addresses


def machine_names() -> MachineNames:
    """Return the current names and addresses of this machine."""
    import psutil

    host = socket.gethostname().casefold()
    names = {"localhost"}
    if _DNS_NAME.fullmatch(host):
        names.add(host)
        if "." not in host:
            names.add(f"{host}.local")  # multicast DNS (RFC 6762)
    addresses = set(_LOOPBACK)
    for entries in psutil.net_if_addrs().values():
        for entry in entries:
            if entry.family not in (socket.AF_INET, socket.AF_INET6):
                continue
            address = ipaddress.ip_address(entry.address.partition("%")[0])
            if not (address.is_link_local or address.is_unspecified):
                addresses.add(str(address))
    return MachineNames(host or "localhost", frozenset(names), frozenset(addresses))
