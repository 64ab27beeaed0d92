"""`netchat accounts`: on a running server, on its history, and what it refuses."""

from __future__ import annotations

import asyncio
import stat

import pytest
from click.testing import CliRunner

from netchat.chat.account_admin import AdminRequest
from netchat.cli.main import cli
from netchat.errors import NetchatError, NotFound
from netchat.net.control import ControlServer, administer, control_path
from netchat.net.history.sqlite_history import SqliteHistory
from tests.net.serving import serve, talker


def accounts(path, *arguments: str, exit_code: int = 0) -> str:
    """Run `netchat accounts` and return its output."""
    result = CliRunner().invoke(cli, ["accounts", "--history", str(path), *arguments])
    output = result.output + (str(result.exception or "") if result.exit_code else "")
    assert bool(result.exit_code) == bool(exit_code), output
    return output


def all_of_it(path, password) -> None:
    """Use every command on a history, whether a server runs or not."""
    add = ("--password-file", str(password))
    assert "no accounts" in accounts(path, "list")
    assert "Nova is registered as owner" in accounts(path, "add", "Nova", *add)
    assert "Vega is registered as member" in accounts(path, "add", "Vega", *add)
    assert "is registered" in accounts(path, "add", "nova", *add, exit_code=1)
    assert "must begin with" in accounts(path, "add", ".x", *add, exit_code=1)
    assert "Vega is now moderator" in accounts(path, "role", "vega", "moderator")
    assert "logged out everywhere" in accounts(path, "reset", "Vega", *add)
    codes = accounts(path, "invite", "--count", "3", "--expires", "1h").split()
    assert len(set(codes)) == 3
    assert all(len(code) == 19 for code in codes)
    listed = accounts(path, "list").splitlines()
    assert [line.split()[:2] for line in listed] == [["Nova", "owner"], ["Vega", "moderator"]]
    assert '"name": "Nova"' in accounts(path, "list", "--json")
    assert "Vega is removed" in accounts(path, "remove", "Vega")
    gone = CliRunner().invoke(cli, ["accounts", "--history", str(path), "remove", "Vega"])
    assert isinstance(gone.exception, NotFound)
    assert "no account named" in str(gone.exception)


@pytest.fixture
def password(tmp_path):
    file = tmp_path / "password"
    file.write_text("correct horse\n")
    return file


def test_without_a_server(tmp_path, password):
    path = tmp_path / "history.db"
    assert "no history" in accounts(path, "list", exit_code=1)
    SqliteHistory(path).close()
    all_of_it(path, password)
    history = SqliteHistory(path)
    snapshot = history.load()
    history.close()
    assert [row.name for row in snapshot.accounts] == ["Nova"]
    assert len(snapshot.invitations) == 3


async def test_on_a_running_server_with_a_long_path(tmp_path, password):
    folder = tmp_path / ("x" * 100)
    folder.mkdir()
    path = folder / "history.db"
    async with serve(SqliteHistory(path), accounts="optional") as serving:
        control = ControlServer(path, serving.server.administer)
        await control.start()
        assert stat.S_IMODE(control_path(path).stat().st_mode) == 0o600
        await asyncio.to_thread(all_of_it, path, password)
        async with talker(serving.port, "Maya", "lobby"):
            text = await asyncio.to_thread(
                accounts, path, "add", "maya", "--password-file", str(password), exit_code=1
            )
            assert "A guest has the name Maya" in text
        await control.stop()
        assert not control_path(path).exists()
        # Without the socket, the history is in use.
        text = await asyncio.to_thread(accounts, path, "list", exit_code=1)
        assert "in use" in text
        assert "--accounts optional" in text


def test_a_file_that_is_no_history_gets_no_advice_about_the_server(tmp_path, password):
    path = tmp_path / "other"
    path.write_text("not a database" * 100)
    text = accounts(path, "list", exit_code=1)
    assert "not a database" in text
    assert "--accounts optional" not in text


async def test_a_socket_of_a_killed_server_is_replaced(tmp_path):
    path = tmp_path / "history.db"
    async with serve(SqliteHistory(path), accounts="optional") as serving:
        first = ControlServer(path, serving.server.administer)
        await first.start()
        second = ControlServer(path, serving.server.administer)
        await second.start()
        assert await asyncio.to_thread(administer, path, AdminRequest("list")) == []
        with pytest.raises(NetchatError, match="does not know the action"):
            await asyncio.to_thread(administer, path, AdminRequest("fly"))
        await second.stop()
        await first.stop()


@pytest.mark.parametrize("line", [b"", b"\n", b"nonsense\n", b"[]\n", b'{"x": 1}\n', b"{}\n"])
async def test_invalid_requests_get_an_error(tmp_path, line):
    path = tmp_path / "history.db"
    async with serve(SqliteHistory(path), accounts="optional") as serving:
        control = ControlServer(path, serving.server.administer)
        await control.start()
        reader, writer = await asyncio.open_unix_connection(control_path(path))
        writer.write(line)
        writer.write_eof()
        assert b'"error"' in await reader.readline()
        writer.close()
        await control.stop()


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"", "must be a password"), (b"\xff\n", "cannot read"), (b"short\n", "at least 8")],
)
def test_password_files(tmp_path, content, problem):
    path, file = tmp_path / "history.db", tmp_path / "password"
    SqliteHistory(path).close()
    file.write_bytes(content)
    text = accounts(path, "add", "Nova", "--password-file", str(file), exit_code=1)
    assert problem.casefold() in text.casefold()


def test_a_prompt_does_not_show_the_password(tmp_path):
    path = tmp_path / "history.db"
    SqliteHistory(path).close()
    result = CliRunner().invoke(
        cli,
        ["accounts", "--history", str(path), "add", "Nova"],
        input="correct horse\ncorrect horse\n",
    )
    assert "Nova is registered" in result.output
    assert "correct horse" not in result.output
