"""Recovery of damaged histories; `test_sqlite_history_damage.py` tests every kind of damage."""

import contextlib
import sqlite3
import stat
import tracemalloc

import pytest
from click.testing import CliRunner

from netchat.chat.persistence import RoomRow
from netchat.cli.main import cli
from netchat.errors import HistoryError
from netchat.net.history import recover as module
from netchat.net.history.recover import Recovered, _add_carved, recover
from netchat.net.history.sqlite_history import SqliteHistory
from tests.net.history.test_sqlite_history import batch, read, row
from tests.net.history.test_sqlite_history_damage import DEVICE, make, zeroes

B = "7K3F92MQ0T"


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


def test_the_file_is_not_read_into_memory(path, tmp_path):
    with path.open("r+b") as file:
        file.truncate(64 * 1024 * 1024)
    tracemalloc.start()
    try:
        found = recover(path, tmp_path / "new.db")
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(found.frames["lobby"]) == 100
    assert most < 8 * 1024 * 1024


def test_more_events_than_one_transaction_holds_are_copied(path, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_WRITTEN_AT_ONCE", 7)
    recover(path, tmp_path / "new.db")
    with reopened(path) as old, reopened(tmp_path / "new.db") as new:
        assert new.read(1, 1, 999, 10**9) == old.read(1, 1, 999, 10**9)
        assert new.last_counter(1, 5) == 100


@pytest.fixture
def purged(tmp_path):
    """A history of 100 events, of which a purge has deleted all but the last five."""
    with reopened(tmp_path / "h.db") as history:
        history.write([batch(changes=[RoomRow(1, "lobby", 1, 77), RoomRow(2, B, 2, 78)])])
        history.write([batch(*[row(n, size=200) for n in range(1, 101)])])
        history.write([batch(*[row(n, room=2) for n in range(1, 4)])])
        for room in (1, 2):
            history.purge_room(room, 96, 99)
        history.end_purge(96)
        (tmp_path / "crashed").mkdir()
        for name in ("h.db", "h.db-wal"):  # the log has the pages as they were before, too
            (tmp_path / "crashed" / name).write_bytes((tmp_path / name).read_bytes())
    return tmp_path / "crashed" / "h.db"


def test_purged_events_are_not_recovered(purged, tmp_path):
    log = purged.with_name("h.db-wal").read_bytes()
    assert all(row(n, size=200).frame in log for n in range(1, 96))
    found = recover(purged, tmp_path / "new.db")
    assert sorted(found.frames["lobby"]) == [96, 97, 98, 99, 100]


def test_the_last_event_of_a_room_is_recovered_however_old_it_is(purged, tmp_path):
    found = recover(purged, tmp_path / "new.db")
    assert sorted(found.frames[B]) == [3]
    with reopened(tmp_path / "new.db") as new:  # its sequence numbers continue
        assert [head for room, head, _ in new.load().rooms if room.code == B] == [3]


def test_events_after_one_that_is_left_were_not_purged():
    found = Recovered(frames={"lobby": {6: row(6).frame}}, purged_before=100)
    _add_carved(found, {"lobby": {n: row(n).frame for n in (4, 7, 8)}})
    assert sorted(found.frames["lobby"]) == [6, 7, 8]


@pytest.mark.parametrize("when", ["write", "merge"])
def test_a_full_disk_leaves_no_part_of_a_target(path, tmp_path, monkeypatch, when):
    def full(*_):
        raise HistoryError("no") from sqlite3.OperationalError("database or disk is full")

    def unmerged(history):
        history.path.with_name(f"{history.path.name}-wal").touch()

    name, failing = ("write", full) if when == "write" else ("close", unmerged)
    monkeypatch.setattr(SqliteHistory, name, failing)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(
        HistoryError, match=r"^Cannot write .*new\.db: (database or disk|Input/out)"
    ):
        recover(path, tmp_path / "new.db")
    assert sorted(tmp_path.iterdir()) == before


def test_the_new_history_appears_as_a_whole_and_is_private(path, tmp_path, monkeypatch):
    write, seen = SqliteHistory.write, []

    def watched(history, batches):
        write(history, batches)
        seen.append((tmp_path / "folder" / "new.db").exists())

    monkeypatch.setattr(SqliteHistory, "write", watched)
    recover(path, tmp_path / "folder" / "new.db")
    assert seen
    assert not any(seen)
    assert [file.name for file in (tmp_path / "folder").iterdir()] == ["new.db"]
    assert stat.S_IMODE((tmp_path / "folder" / "new.db").stat().st_mode) == 0o600


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
    at = (
        data.index(row(50, size=200, device=DEVICE).frame) // 4096 * 4096
    )  # a page in the middle of the events
    path.write_bytes(data[:at] + zeroes(data[at : at + 4096]) + data[at + 4096 :])
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
