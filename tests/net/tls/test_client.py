"""The client's side of TLS: refusals, resumption across a restart of the server, first use."""

from __future__ import annotations

import asyncio
import logging

import pytest

import netchat
from netchat.chat.client_events import SessionEnded
from netchat.errors import CannotConnect, UntrustedServer
from netchat.net.history.sqlite_history import SqliteHistory
from netchat.net.tls.client import TlsClient, _server_name
from netchat.net.tls.known_servers import KnownServers
from netchat.net.tls.trust import Trust
from tests.net.serving import over_tls, serve, talker


@pytest.fixture
def tls():
    with over_tls.active():
        yield over_tls.server


@pytest.mark.parametrize(
    ("host", "name"),
    [("chat.example.org.", "chat.example.org"), ("fe80::1%eth0", "fe80::1"), ("10.0.0.1", "10.0.0.1")],
)  # fmt: skip
def test_the_name_in_the_certificate(host, name) -> None:
    assert _server_name(host) == name


async def test_an_unexpected_key_is_refused(tls) -> None:
    async with serve() as serving:
        client = TlsClient(Trust(fingerprint="ab" * 32))
        with pytest.raises(UntrustedServer, match="is not the expected server"):
            await client.connect(asyncio.Protocol(), "127.0.0.1", serving.port)


async def test_a_server_without_tls_is_named() -> None:
    async with serve() as serving:
        client = TlsClient(Trust(fingerprint="ab" * 32))
        with pytest.raises(CannotConnect, match="Omit tls://"):
            await client.connect(asyncio.Protocol(), "127.0.0.1", serving.port)


async def test_a_client_returns_after_a_restart(tls, tmp_path) -> None:
    """The ticket is unknown to the new server: a full handshake, the same session, nothing lost."""
    path = tmp_path / "history.db"
    async with serve(history=SqliteHistory(path)) as serving:
        port = serving.port
        nova = talker(port, "Nova", "lobby")
        one = await nova.__aenter__()
        one.say("before")
        await one.until(lambda: one.texts() == ["before"])
    await one.until(lambda: not one.core.online)
    one.say("meanwhile")
    async with serve(history=SqliteHistory(path), port=port):
        await one.until(lambda: one.core.online)
        one.say("after")
        await one.until(lambda: one.texts() == ["before", "meanwhile", "after"])
        assert not one.core.memory.outbox
        assert not one.all(SessionEnded)
        assert one.client._connection.transport.tls.version() == "TLSv1.3"
        await nova.__aexit__(None, None, None)


async def test_the_python_client_logs_the_first_use(tls, tmp_path, monkeypatch, caplog) -> None:
    monkeypatch.setattr(
        "netchat.net.tls.trust.KnownServers", lambda: KnownServers(tmp_path / "known")
    )
    caplog.set_level(logging.WARNING, "netchat")
    async with serve() as serving:
        for _ in range(2):
            async with netchat.Client(f"tls://127.0.0.1:{serving.port}", name="Nova"):
                pass
    (line,) = [record.getMessage() for record in caplog.records if record.name == "netchat"]
    assert line.startswith(f"First connection to 127.0.0.1:{serving.port}")
    assert tls.fingerprint[:8] in line
