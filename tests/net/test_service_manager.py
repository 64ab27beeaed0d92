"""Notifications to systemd, received at a socket as systemd does."""

from __future__ import annotations

import asyncio
import os
import socket

import pytest

from netchat.net.service_manager import ServiceManager

pytestmark = pytest.mark.skipif(
    not hasattr(socket, "AF_UNIX"), reason="this system has no Unix sockets"
)


@pytest.fixture(params=["path", "abstract"])
def systemd(request, tmp_path, monkeypatch):
    """Return a socket that NOTIFY_SOCKET names."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.settimeout(20)
        name = str(tmp_path / "notify")
        if request.param == "abstract":
            name = f"@netchat-test-{os.getpid()}"
        try:
            listening.bind(name.replace("@", "\0"))
        except OSError:
            pytest.skip("this system has no abstract addresses")
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        yield listening


async def test_ready_and_stopping(systemd, monkeypatch):
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    manager = ServiceManager()
    manager.ready("6464")
    assert systemd.recv(999) == b"READY=1\nSTATUS=6464\n"
    manager.stopping()
    assert systemd.recv(999).startswith(b"STOPPING=1\n")


async def test_the_watchdog_is_answered_until_the_end(systemd, monkeypatch):
    monkeypatch.setenv("WATCHDOG_USEC", "20000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    manager = ServiceManager()
    manager.ready("")
    systemd.recv(999)
    systemd.setblocking(False)
    loop = asyncio.get_running_loop()
    for _ in range(3):
        assert await asyncio.wait_for(loop.sock_recv(systemd, 999), 20) == b"WATCHDOG=1\n"
    manager.stopping()
    assert manager._timer is not None
    assert manager._timer.cancelled()


@pytest.mark.parametrize(
    ("usec", "pid"), [("", ""), ("0", ""), ("x", ""), ("-5", ""), ("20000", "1")]
)
async def test_no_watchdog(systemd, monkeypatch, usec, pid):
    monkeypatch.setenv("WATCHDOG_USEC", usec)
    monkeypatch.setenv("WATCHDOG_PID", pid)
    manager = ServiceManager()
    manager.ready("")
    assert manager._timer is None


@pytest.mark.parametrize("address", ["", "/nowhere/at/all"])
async def test_nobody_listens(monkeypatch, address):
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    manager = ServiceManager()
    manager.ready("")
    manager.stopping()
