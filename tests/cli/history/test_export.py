"""`netchat history`, as its users type it."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from netchat.cli.main import cli
from netchat.errors import HistoryError, NotFound
from netchat.net.history.sqlite_history import SqliteHistory
from netchat.wire import Create, CreateSealed, Device, Feature, Hello, Join, Send
from tests.chat.world import World


@pytest.fixture
def run(tmp_path):
    """Return a function that runs `netchat history` on a history with two open rooms and a sealed one."""
    history = SqliteHistory(tmp_path / "h.db", fsync=False)
    world = World(history)
    nova = world.link()
    world.say(nova, Hello(Feature.SEALED, b"a device of Nova", b"", "Nova", "test", ()))
    world.say(
        nova,
        Device("", 0, bytes(128), b""),
        Join(1, 0, 0, "lobby"),
        Create(2),
        CreateSealed(3, b"c" * 16),
    )
    rooms = world.hub.state.shared.rooms.values()
    codes = {one.kind.name: one.code for one in rooms}
    world.say(nova, Send(1, "lobby", "hello\u202e"), Send(1, codes["ROOM"], "in the room"))
    history.close()

    def run_it(*arguments: object, history: str = "h.db"):
        line = ["history", "--history", str(tmp_path / history), *map(str, arguments)]
        return CliRunner().invoke(cli, line)

    run_it.room, run_it.sealed = codes["ROOM"], codes["SEALED"]
    return run_it


def test_list(run) -> None:
    lines = run("list").output.splitlines()
    assert len(lines) == 3
    assert [line.split()[0].replace("-", "") for line in lines] == sorted(
        [run.room, run.sealed, "lobby"]
    )
    rows = [json.loads(line) for line in run("list", "--json").output.splitlines()]
    assert {row["kind"] for row in rows} == {"lobby", "room", "sealed"}
    assert all(row["members"] == 1 for row in rows)


def test_a_room_is_exported_in_the_format_of_the_suffix(run, tmp_path) -> None:
    assert "Nova: hello\\u202e\n" in run("export", "lobby").output
    done = run("export", run.room.lower(), "--output", tmp_path / "room.jsonl")
    assert done.exit_code == 0
    assert "2 events of 1 room in " in done.stderr
    rows = [json.loads(line) for line in (tmp_path / "room.jsonl").read_text("utf-8").splitlines()]
    assert [row["text"] for row in rows] == ["", "in the room"]
    assert run("export", "lobby", "--format", "csv").output.startswith('"seq","time",')


def test_an_archive_is_imported(run, tmp_path) -> None:
    archive = tmp_path / "rooms.ncp"
    done = run("export", "--output", archive)
    assert "4 events of 2 rooms in " in done.stderr
    assert "without 1 sealed room" in done.stderr
    done = run("import", archive, history="new.db")
    assert done.exit_code == 0, done.output
    assert "lobby: 2 events added\n" in done.output
    assert "intact: 4 events in 2 rooms" in run("verify", history="new.db").output
    assert ", 4 known already" in run("import", archive, history="new.db").output


def test_a_sealed_room_is_exported_by_its_members_only(run) -> None:
    done = run("export", run.sealed)
    assert isinstance(done.exception, HistoryError)
    assert "is sealed" in str(done.exception)


def test_mistakes(run) -> None:
    done = run("export", "7K3F92MQ0T")
    assert isinstance(done.exception, NotFound)
    assert "has no room '7K3F92MQ0T'; its rooms: " in str(done.exception)
    done = run("export", "--format", "csv")
    assert (done.exit_code, "Name the ROOM" in done.stderr) == (2, True)
    done = run("list", history="none.db")
    assert "There is no history" in str(done.exception)


def test_verify_fails_if_something_is_damaged(run, tmp_path) -> None:
    assert run("verify").exit_code == 0
    path = tmp_path / "h.db"
    data = bytearray(path.read_bytes())
    data[data.index(b"in the room")] ^= 1
    path.write_bytes(data)
    done = run("verify")
    assert done.exit_code == 1
    assert f"netchat: room {run.room}: event 2: " in done.stderr
    assert "netchat recover" in done.stderr


def test_purge(run) -> None:
    assert "2 events deleted" in run("purge", "--keep", "0").output
    assert "intact: 3 events in 3 rooms" in run("verify").output
    assert run("purge").exit_code == 2
