"""Tests of the notebooks' servers: they start, serve and stop."""

import socket

import pytest

from netchat.course.server import LocalServer
from netchat.course.server_process import ServerProcess
from netchat.errors import CannotConnect, NetchatError
from netchat.net.probe import Probe
from netchat.net.server_driver import ServerDriver


def test_a_server_in_a_thread_starts_and_stops():
    with LocalServer() as server, Probe(server.host, server.port) as probe:
        assert probe.hello("Nova").name == "Nova"
        probe.join("lobby")
    with pytest.raises(CannotConnect):
        Probe(server.host, server.port)


def test_two_servers_run_at_once():
    with LocalServer() as one, LocalServer() as other:
        assert one.port != other.port
        for server in (one, other):
            socket.create_connection((server.host, server.port)).close()


def test_the_reason_for_not_starting_is_reported(monkeypatch):
    async def full(*_):
        raise OSError("no port is free")

    monkeypatch.setattr(ServerDriver, "start", full)
    with pytest.raises(RuntimeError, match="did not start") as caught:
        LocalServer()
    assert "no port is free" in str(caught.value.__cause__)


def test_a_server_process_runs_a_load_test_and_reports_errors():
    with ServerProcess() as server:
        report = server.load("--users", "3", "--messages", "20")
        assert report["ok"]
        assert report["deliveries"] == 60
        with pytest.raises(NetchatError, match="senders"):
            server.load("--users", "1", "--senders", "5")
    with pytest.raises(CannotConnect):
        Probe("127.0.0.1", server.port)
