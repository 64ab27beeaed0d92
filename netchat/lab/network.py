"""Hosts on this machine, each with a cable into a place where a bridge can be.

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
from netchat.lab import namespaces
from netchat.lab import veth

__all__ = ["BRIDGE", "INTERFACE", "MAX_HOSTS", "Host", "Network", "namespace", "prefix"]

#: Where all cables meet; the interfaces there are called like the hosts at their other ends.
BRIDGE = "bridge"

#: What a host's interface is called.
INTERFACE = "eth0"

#: A bridge in Python serves so many and no more; every pair of them has statistics of its own.
MAX_HOSTS = 64

#: A lab's name has no "-" in it, so that no lab's namespaces begin like those of another.
_NAME = re.compile(r"[a-z0-9]{1,20}", re.ASCII)
#: A host's name is an interface's as well, of 15 bytes at most.
_HOST = re.compile(r"[a-z][a-z0-9]{0,14}", re.ASCII)


class Host(NamedTuple):
    """One host."""

    name: str
    """What it is called."""
    namespace: str
    """The network namespace that it is."""
    address: str
    """Its IPv4 address."""
    address6: str
    """Its IPv6 address."""
    mac: str
    """Its hardware address."""


def prefix(lab: str) -> str:
    """What the names of all namespaces of a lab begin with.

    Raises:
        LabError: labs are not called so.
    """
    if not _NAME.fullmatch(lab):
        raise LabError(f"A lab is called by up to 20 small letters and digits, not {lab!r}.")
    return f"netchat-{lab}-"


def namespace(lab: str, host: str) -> str:
    """The namespace of a host (or the bridge) of a lab.

    Raises:
        LabError: labs and hosts are not called so.
    """
    if not _HOST.fullmatch(host):
        raise LabError(f"A host is called by up to 15 small letters and digits, not {host!r}.")
    return prefix(lab) + host


class Network:
    """The hosts and their cables, for as long as the `with` block lasts.

    What an earlier network of that name has left is removed first.

    Args:
        name: the lab's name.
        hosts: what the hosts are called, h1 and so on by default.

    Attributes:
        name: the lab's name.
        hosts: the hosts, by name.

    Raises:
        LabError: the names make no sense, or the kernel has no namespaces or cables.
        NotPermitted: this process may not make them (on entering).
    """

    def __init__(self, name: str, hosts: Sequence[str]) -> None:
        if not 2 <= len(set(hosts)) == len(hosts) <= MAX_HOSTS or BRIDGE in hosts:
            raise LabError(
                f"A lab has 2 to {MAX_HOSTS} hosts with names of their own; none is called {BRIDGE}."
            )
        self.name = name
        self.hosts = {
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
                raise NotPermitted("This process has no right to make networks.") from error
            if _from_kernel(error):
                raise LabError(f"The hosts cannot be made here: {error}") from error
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
        """A socket at the bridge's end of a host's cable; see `cables.tap`."""
        return veth.tap(namespace(self.name, BRIDGE), host)

    def _build(self) -> None:
        lines = ["127.0.0.1  localhost", "::1  localhost"]
        for host in self.hosts.values():
            # The plain name is the IPv4 address alone: it is the one that is legible in a capture.
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
