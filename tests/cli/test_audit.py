"""`netchat audit`: the audit log of a history, even while a server uses it."""

from __future__ import annotations

import json

from click.testing import CliRunner

from netchat.cli.main import cli
from netchat.errors import NotFound
from netchat.net.history.sqlite_history import SqliteHistory
from tests.chat.test_moderation_rules import A, operate
from tests.chat.world import World


def run(*arguments: object):
    return CliRunner().invoke(cli, ["audit", *map(str, arguments)])


def test_the_last_actions_are_listed_while_the_history_is_open(tmp_path):
    history = SqliteHistory(tmp_path / "h.db")
    world = World(history)
    world.user("Nova", "lobby")
    operate(world, A.TITLE, text="Physics")
    operate(world, A.KICK, "Nova", "spam\u202e")
    done = run("--history", tmp_path / "h.db")
    assert done.exit_code == 0
    first, second = done.output.splitlines()
    assert first.endswith("  the host named this room “Physics” (in the lobby)")
    assert second.endswith(r"  Nova was removed by the host: spam\u202e (in the lobby)")
    (line,) = run("--history", tmp_path / "h.db", "--count", 1, "--json").output.splitlines()
    row = json.loads(line)
    assert (row["action"], row["actor"], row["target"]) == ("kick", "", "Nova")
    history.close()


def test_a_history_without_a_log_is_empty_and_one_that_is_missing_is_an_error(tmp_path):
    SqliteHistory(tmp_path / "h.db").close()
    assert run("--history", tmp_path / "h.db").output == ""
    done = run("--history", tmp_path / "missing.db")
    assert isinstance(done.exception, NotFound)
    (tmp_path / "text.db").write_text("no database" * 99)
    done = run("--history", tmp_path / "text.db")
    assert "Cannot read the history" in str(done.exception)
