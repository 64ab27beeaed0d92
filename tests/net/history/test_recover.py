"""Recovery of damaged histories; `test_sqlite_history_damage.py` tests every kind of damage."""

import contextlib

import pytest
from click.testing import CliRunner

from netchat.chat.persistence import RoomRow
from netchat.cli.main import cli
from netchat.errors import HistoryError
from netchat.net.history.recover import recover
from netchat.net.history.sqlite_history import SqliteHistory
from tests.net.history.test_sqlite_history import batch, read, row
from tests.net.history.test_sqlite_history_damage import make, zeroes


@pytest.fixture
def path(tmp_path):
    make(tmp_path / "h.db")
    return tmp_path / "h.db"


def reopened(path):
    return contextlib.closing(SqliteHistory(path, fsync=False))


def test_an_undamaged_history_is_copied_completely(path, tmp_path):
    found = recover(path, tmp_path / "new.db")
    assert found.missing("lobby") == 0
    with reopened(path) as old, reopened(tmp_path / "new.db") as new:
        before, after = old.load(), new.load()
        assert (after.sessions, after.memberships) == (before.sessions, before.memberships)
        assert [(r.code, head, oldest) for r, head, oldest in after.rooms] == [
            (r.code, head, oldest) for r, head, oldest in before.rooms
        ]
        # A client may have seen more events than remain, so the log gets a new identity.
        assert {r.log for r, _, _ in after.rooms}.isdisjoint({r.log for r, _, _ in before.rooms})
        assert new.read(1, 1, 999, 10**9) == old.read(1, 1, 999, 10**9)
        assert new.last_counter(1, 5) == 100
        new.write([batch(row(101))])


def test_events_are_found_though_all_tables_are_destroyed(path, tmp_path):
    data = path.read_bytes()
    path.write_bytes(data[:4096] + zeroes(data[4096 : 6 * 4096]) + data[6 * 4096 :])
    found = recover(path, tmp_path / "new.db")
    assert found.sessions == []
    assert len(found.frames["lobby"]) > 80
    with reopened(tmp_path / "new.db") as new:
        room, head, _ = next(one for one in new.load().rooms if one[0].code == "lobby")
        assert (room.code, room.kind, head) == ("lobby", 1, max(found.frames["lobby"]))
        assert new.last_counter(room.id, 5) == head


def test_purged_events_are_not_recovered(tmp_path):
    with reopened(tmp_path / "h.db") as history:
        history.write([batch(changes=[RoomRow(1, "lobby", 1, 77)])])
        history.write([batch(*[row(n) for n in range(1, 11)])])
        history.end_purge(6)
    assert sorted(recover(tmp_path / "h.db", tmp_path / "new.db").frames["lobby"]) == [
        6,
        7,
        8,
        9,
        10,
    ]


def test_the_log_beside_it_is_read_and_the_source_is_not_changed(tmp_path):
    with reopened(tmp_path / "h.db") as history:
        history.write([batch(changes=[RoomRow(1, "lobby", 1, 77)])])
        history.write([batch(row(1))])
        files = {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.suffix != ".db-shm"}
    copied = tmp_path / "copied"
    copied.mkdir()
    for name, data in files.items():
        (copied / name).write_bytes(data)
    recover(copied / "h.db", tmp_path / "new.db")
    assert {n: (copied / n).read_bytes() for n in files} == files
    with reopened(tmp_path / "new.db") as new:
        assert read(new, 1, 9) == ([1], 1)


def test_invalid_sources_and_targets_are_refused(path, tmp_path):
    (tmp_path / "new.db").touch()
    with pytest.raises(HistoryError, match=r"new\.db already exists"):
        recover(path, tmp_path / "new.db")
    with pytest.raises(HistoryError, match="There is no history"):
        recover(tmp_path / "none.db", tmp_path / "2.db")
    with reopened(path), pytest.raises(HistoryError, match="in use"):
        recover(path, tmp_path / "2.db")
    (tmp_path / "text").write_text("Dear diary, " * 1000)
    with pytest.raises(HistoryError, match=r"text contains no readable netchat history"):
        recover(tmp_path / "text", tmp_path / "2.db")
    assert not (tmp_path / "2.db").exists()


def test_the_command_reports_what_it_recovered(path, tmp_path):
    data = path.read_bytes()
    path.write_bytes(data[: 8 * 4096] + zeroes(data[8 * 4096 : 9 * 4096]) + data[9 * 4096 :])
    done = CliRunner().invoke(cli, ["recover", str(path), str(tmp_path / "new.db")])
    assert done.exit_code == 0
    assert "7K3F9-2MQ0T: 10 events" in done.output
    assert "missing between them" in done.output
    assert f"netchat serve --history {tmp_path / 'new.db'}" in done.output


def test_the_log_of_a_symlinked_history_is_read(path, tmp_path):
    (tmp_path / "copy").mkdir()
    with reopened(path) as old:
        old.write([batch(row(101))])  # is in the log only, until the history is closed
        for name in ("h.db", "h.db-wal"):
            (tmp_path / "copy" / name).write_bytes(path.with_name(name).read_bytes())
    link = tmp_path / "link.db"
    link.symlink_to(tmp_path / "copy" / "h.db")
    recover(link, tmp_path / "new.db")
    with reopened(tmp_path / "new.db") as new:
        assert new.read(1, 101, 101, 10**9)[1] == 101
