"""Hosts on this machine, each connected by a cable to the namespace of the bridge.

Three hosts:

    h1 10.64.0.1, fd64::1 [eth0] ---- [h1]        [h2] ---- [eth0] h2 10.64.0.2, fd64::2
                                          bridge
                                           [h3] ---- [eth0] h3 10.64.0.3, fd64::3
"""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from types import TracebackType
from typing import NamedTuple, Self

from netchat.errors import LabError, NotPermitted
from netchat.lab import namespaces, veth

__all__ = ["BRIDGE", "INTERFACE", "MAX_HOSTS", "Host", "Network", "namespace", "prefix"]

#: Namespace in which all cables end; each interface there is named after the host at the other end.
BRIDGE = "bridge"

#: Name of a host's interface.
INTERFACE = "eth0"

#: Maximum number of hosts, limited by the bridge's speed and by the statistics of every pair.
MAX_HOSTS = 64

#: Lab names have no "-", so that the namespaces of two labs never share a prefix.
_NAME = re.compile(r"[a-z0-9]{1,20}", re.ASCII)
#: A host's name is also an interface's, which has at most 15 bytes.
_HOST = re.compile(r"[a-z][a-z0-9]{0,14}", re.ASCII)


class Host(NamedTuple):
    """Host of a lab."""

    name: str
    """Name of the host."""
    namespace: str
    """Its network namespace."""
    address: str
    """IPv4 address."""
    address6: str
    """IPv6 address."""
    mac: str
    """Hardware address."""


def prefix(lab: str) -> str:
    """Return the prefix of the names of all namespaces of a lab.

    Raises:
        LabError: The lab's name is invalid.
    """
    if not _NAME.fullmatch(lab):
        raise LabError(f"a lab's name must be 1 to 20 lower-case letters and digits, got {lab!r}")
    return f"netchat-{lab}-"


def namespace(lab: str, host: str) -> str:
    """Return the namespace of a host (or the bridge) of a lab.

    Raises:
        LabError: The lab's or the host's name is invalid.
    """
    if not _HOST.fullmatch(host):
        raise LabError(
            "a host's name must be 1 to 15 lower-case letters and digits, beginning with a letter, "
            f"got {host!r}"
        )
    return prefix(lab) + host


class Network:
    """Hosts and their cables, which exist while the `with` block runs.

    The remains of an earlier network of the same name are removed first.

    Args:
        name: Name of the lab.
        hosts: Names of the hosts.

    Attributes:
        name: Name of the lab.
        hosts: The hosts, by name.

    Raises:
        LabError: The names are invalid, or the kernel has no namespaces or cables.
        NotPermitted: This process may not create them (on entering).
    """

    def __init__(self, name: str, hosts: Sequence[str]) -> None:
        if not 2 <= len(set(hosts)) == len(hosts) <= MAX_HOSTS or BRIDGE in hosts:
            raise LabError(
                f"a lab must have 2 to {MAX_HOSTS} hosts with different names other than {BRIDGE!r}"
            )
        self.name = name
        self.hosts: dict[str, Host] = {
            host: Host(
                host,
                namespace(name, host),
                f"10.64.0.{number}",
                f"fd64::{number:x}",
                f"02:00:00:00:00:{number:02x}",
            )
            for number, host in enumerate(hosts, 1)
        }

    def __enter__(self) -> Self:
        try:
            namespaces.remove_all(prefix(self.name))
            self._build()
        except BaseException as error:
            namespaces.remove_all(prefix(self.name))
            if isinstance(error, PermissionError):
                raise NotPermitted("This process may not create network namespaces.") from error
            if _from_kernel(error):
                raise LabError(f"cannot create the hosts: {error}") from error
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        namespaces.remove_all(prefix(self.name))

    def tap(self, host: str) -> socket.socket:
        """Open a socket at the bridge's end of a host's cable; see `veth.tap`."""
        return veth.tap(namespace(self.name, BRIDGE), host)

    def _build(self) -> None:
        lines = ["127.0.0.1  localhost", "::1  localhost"]
        for host in self.hosts.values():
            # The plain name resolves to IPv4 only, which is easier to read in a capture.
            lines += [f"{host.address}  {host.name}", f"{host.address6}  {host.name}-v6"]
        bridge = namespace(self.name, BRIDGE)
        names = "\n".join(lines) + "\n"
        namespaces.create(bridge, names)
        veth.disable_autoconfiguration(bridge)
        for host in self.hosts.values():
            namespaces.create(host.namespace, names)
            veth.loopback(host.namespace)
            veth.connect((host.namespace, INTERFACE), (bridge, host.name), host.mac)
            addresses = ((host.address, 24), (host.address6, 64))
            veth.address(host.namespace, INTERFACE, addresses)


def _from_kernel(error: BaseException) -> bool:
    from pyroute2.netlink.exceptions import NetlinkError  # type: ignore[import-untyped]

    return isinstance(error, (OSError, NetlinkError))
