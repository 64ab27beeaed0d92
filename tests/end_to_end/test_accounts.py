"""Accounts over real sockets and files: the Python API, restarts, a stolen history, a cluster."""

from __future__ import annotations

import secrets
import sqlite3
from contextlib import closing

import pytest

import netchat
from netchat.chat.settings import Settings
from netchat.errors import HistoryError, NetchatError, Refused
from netchat.net.history.recover import recover
from netchat.net.history.sqlite_history import ACCOUNTS_VERSION, SCHEMA_VERSION, SqliteHistory
from netchat.wire import ErrorCode, Hello, Login, Ping, Pong, Role
from tests.net.serving import raw, serve

GOOD, OTHER = "correct horse", "battery staple"
ACCOUNTS = Settings(accounts="optional")


async def test_the_python_api(tmp_path):
    store = tmp_path / "nova.db"
    async with netchat.Server(port=0, settings=ACCOUNTS) as server:
        async with netchat.Client(server.address, name="Nova", store=store) as chat:
            with pytest.raises(Refused, match="at least 8"):
                await chat.register("short")
            await chat.register(GOOD)
            assert (chat.account, chat.role) == ("Nova", Role.OWNER)
            with pytest.raises(Refused, match="current password is wrong"):
                await chat.change_password(OTHER, GOOD)
            await chat.change_password(GOOD, OTHER)
        with pytest.raises(Refused) as caught:
            async with netchat.Client(server.address, name="nova"):
                pass
        assert caught.value.code == ErrorCode.LOGIN_REQUIRED
        with pytest.raises(Refused) as caught:
            async with netchat.Client(server.address, name="nova", password=GOOD):
                pass
        assert caught.value.code == ErrorCode.WRONG_PASSWORD
        async with netchat.Client(server.address, name="nova", password=OTHER) as phone:
            assert phone.name == "Nova"
        async with netchat.Client(server.address, name="Nova", store=store) as desk:
            assert desk.account == "Nova"
            await desk.log_out(everywhere=True)
        with pytest.raises(Refused):
            async with netchat.Client(server.address, name="Nova", store=store):
                pass
        async with netchat.Client(
            server.address, name="Vega", password=GOOD, register=True
        ) as second:
            assert second.role is Role.MEMBER


async def test_a_server_without_accounts():
    async with (
        netchat.Server(port=0) as server,
        netchat.Client(server.address, name="Nova") as chat,
    ):
        with pytest.raises(NetchatError, match="no accounts"):
            await chat.register(GOOD)
        with pytest.raises(NetchatError, match="no accounts"):
            await chat.log_out()
        await chat.join("lobby")  # the session continues
    with pytest.raises(ValueError, match="needs a password"):
        netchat.Client("localhost", name="Nova", register=True)


async def test_no_password_is_sent_where_the_network_can_read_it(monkeypatch):
    """The test's connection is on loopback; the client is told that it is not."""
    async with serve(accounts="optional") as serving:
        address = ("127.0.0.1", serving.port)
        from netchat.net.client_driver import ClientDriver

        monkeypatch.setattr(ClientDriver, "_is_local", lambda _: False)
        sent = []
        plain = ClientDriver.flush
        monkeypatch.setattr(
            ClientDriver, "flush", lambda self: (sent.extend(self.core.out), plain(self))[1]
        )
        with pytest.raises(Refused, match="not encrypted"):
            async with netchat.Client(address, name="Nova", password=GOOD, register=True):
                pass
        async with netchat.Client(address, name="Vega") as chat:
            with pytest.raises(NetchatError, match="--insecure-password"):
                await chat.register(GOOD)
        assert GOOD.encode() not in b"".join(sent)
        async with netchat.Client(
            address, name="Maya", password=GOOD, register=True, insecure_password=True
        ) as chat:
            assert chat.account == "Maya"
        assert GOOD.encode() in b"".join(sent)


async def test_a_check_does_not_delay_others():
    async with (
        serve(accounts="optional") as serving,
        raw(serving.port) as login,
        raw(serving.port) as other,
    ):
        assert (await other.answer(Hello(0, bytes(16), b"", "Vega", "test", ()))).name == "Vega"
        login.send(Login(1, bytes(16), "Unknown", GOOD))
        assert await other.answer(Ping(5)) == Pong(5)
        assert not login.got
        await login.until(lambda: bool(login.got))
        assert login.got[0].code == ErrorCode.WRONG_PASSWORD


async def test_accounts_survive_a_restart_and_a_stolen_history_is_useless(tmp_path):
    path, store = tmp_path / "history.db", tmp_path / "nova.db"
    async with netchat.Server(port=0, history=path, settings=ACCOUNTS) as server:
        async with netchat.Client(server.address, name="Nova", store=store) as chat:
            await chat.register(GOOD)
            tokens = [chat._core.memory.token, chat._core.memory.device_key]
        with closing(sqlite3.connect(path)) as file:
            assert file.execute("PRAGMA user_version").fetchone() == (ACCOUNTS_VERSION,)
    stolen = b"".join(file.read_bytes() for file in tmp_path.glob("history.db*"))
    for secret in (GOOD.encode(), *tokens):
        assert secret not in stolen
        assert secret.hex().encode() not in stolen
    with closing(sqlite3.connect(path)) as file:
        (password, logins) = file.execute("SELECT password, logins FROM account").fetchone()
    assert password.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    async with netchat.Server(port=0, history=path, settings=ACCOUNTS) as server:
        # No bytes of the file log in: neither the hashes of tokens, nor that of the password.
        for start in range(len(logins) - 31):
            stolen_token = logins[start : start + 32]
            async with raw(server.address[1]) as link:
                answer = await link.answer(
                    Hello(3, secrets.token_bytes(16), stolen_token, "Nova", "thief", ())
                )
            assert answer.code == ErrorCode.LOGIN_REQUIRED
            if start >= 48:
                break
        async with raw(server.address[1]) as link:
            answer = await link.answer(Login(1, bytes(16), "Nova", password))
        assert answer.code == ErrorCode.WRONG_PASSWORD
        async with netchat.Client(server.address, name="Nova", store=store) as chat:
            assert chat.account == "Nova"
    recovered = tmp_path / "recovered.db"
    assert [account.name for account in recover(path, recovered).accounts] == ["Nova"]
    async with netchat.Server(port=0, history=recovered, settings=ACCOUNTS) as server:
        with pytest.raises(Refused, match="registered"):
            async with netchat.Client(server.address, name="Nova"):
                pass


async def test_a_history_without_accounts_stays_readable_for_earlier_versions(tmp_path):
    path = tmp_path / "history.db"
    async with (
        netchat.Server(port=0, history=path, settings=ACCOUNTS) as server,
        netchat.Client(server.address, name="Nova") as chat,
    ):
        await chat.join("lobby")
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("id", "'x'"),
        ("version", "-1"),
        ("role", "7"),
        ("name", "''"),
        ("password", "x'00'"),
        ("logins", "x'0102'"),
        ("logins", "'text'"),
    ],
)
async def test_damage_to_an_account_is_found_at_the_start(tmp_path, column, value):
    path = tmp_path / "history.db"
    async with (
        netchat.Server(port=0, history=path, settings=ACCOUNTS) as server,
        netchat.Client(server.address, name="Nova", password=GOOD, register=True),
    ):
        pass
    with closing(sqlite3.connect(path)) as file:
        if column == "id":
            file.execute("UPDATE account SET session = 'x'")
        else:
            file.execute(f"UPDATE account SET {column} = {value}")
        file.commit()
    history = SqliteHistory(path)
    with closing(history), pytest.raises(HistoryError, match="table account"):
        history.load()
