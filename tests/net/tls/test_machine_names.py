"""Names and addresses of this machine, against the system's own tools."""

from __future__ import annotations

import socket
from types import SimpleNamespace

import psutil

from netchat.net.tls import machine_names as module
from netchat.net.tls.machine_names import MachineNames, machine_names


def test_loopback_and_host_name_are_there() -> None:
    found = machine_names()
    assert {"127.0.0.1", "::1"} <= found.addresses
    assert "localhost" in found.names
    assert found.host == socket.gethostname().casefold()


def test_link_local_and_invalid_ones_are_not(monkeypatch) -> None:
    def entry(family, address):
        return SimpleNamespace(family=family, address=address)

    monkeypatch.setattr(socket, "gethostname", lambda: "My Laptop")
    monkeypatch.setattr(
        psutil,
        "net_if_addrs",
        lambda: {
            "eth0": [
                entry(socket.AF_INET, "192.168.1.5"),
                entry(socket.AF_INET6, "fe80::1%eth0"),
                entry(socket.AF_INET6, "2001:db8::5"),
                entry(psutil.AF_LINK, "02:00:00:00:00:01"),
            ]
        },
    )
    found = module.machine_names()
    assert found.names == {"localhost"}
    assert found.addresses == {"127.0.0.1", "::1", "192.168.1.5", "2001:db8::5"}


def test_covers() -> None:
    some = MachineNames("a", frozenset({"a"}), frozenset({"10.0.0.1"}))
    more = MachineNames("a", frozenset({"a", "b"}), frozenset({"10.0.0.1", "10.0.0.2"}))
    assert more.covers(some)
    assert not some.covers(more)
