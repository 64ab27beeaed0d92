"""Purging: in short steps, around damage, and safe against wrong clocks."""

import contextlib
import itertools
import sqlite3

import pytest

from netchat.chat.persistence import RoomDeleted, RoomRow
from netchat.net.history import purge as module
from netchat.net.history import sqlite_history as history_module
from netchat.net.history.memory_history import MemoryHistory
from netchat.net.history.purge import DAY, PostponedPurge, Purge
from netchat.net.history.sqlite_history import SqliteHistory
from tests.net.history.test_sqlite_history import batch, read, row

MONTH = 30 * DAY


@pytest.fixture(params=["memory", "sqlite"])
def history(request, tmp_path):
    made = MemoryHistory() if request.param == "memory" else SqliteHistory(tmp_path / "h.db")
    made.write([batch(changes=[RoomRow(1, "lobby", 1, 77), RoomRow(2, "B", 2, 78)])])
    yield made
    made.close()


def purge(history, before, *, at_once=False, now=None):
    done = Purge(history, before, before + MONTH if now is None else now, at_once=at_once)
    while done.step():
        pass
    return done


def test_a_clock_far_ahead_deletes_nothing_and_one_set_right_deletes_as_usual(history):
    now = 100 * DAY
    history.write([batch(*[row(n, time=now + n) for n in range(1, 213)])])
    assert not purge(history, now - MONTH).postponed
    ahead = purge(history, now + 40 * DAY - MONTH)
    assert (ahead.postponed, ahead.deleted, ahead.oldest) == (True, 0, {})
    assert len(read(history, 1, 999)[0]) == 212
    right = purge(history, now + 101)
    assert right.postponed  # a month has passed since the last purge
    assert purge(history, now + 101, at_once=True).deleted == 100
    assert purge(history, now + 101 + DAY).deleted == 111  # a day later it needs no confirmation


def test_the_first_purge_of_a_history_made_before_is_careful_too(history):
    history.write([batch(*[row(n, time=n) for n in range(1, 11)])])
    assert purge(history, DAY + 2).postponed
    assert not purge(history, DAY).postponed


def test_a_server_that_runs_once_a_week_purges_what_it_warned_of_the_week_before(tmp_path):
    deleted = []
    for week in range(1, 6):
        history, now = SqliteHistory(tmp_path / "h.db", fsync=False), 7 * week * DAY
        if week == 1:
            history.write([batch(changes=[RoomRow(1, "lobby", 1, 77)])])
            history.write([batch(*[row(n, time=n * DAY) for n in range(1, 100)])])
            history.end_purge(0)
        deleted += [purge(history, now, now=now).deleted for _ in range(3)]  # each ten minutes
        history.close()
    # Each start deletes the week up to the previous start, and warns of the next.
    assert deleted == [0, 0, 0, 6, 0, 0, 7, 0, 0, 7, 0, 0, 7, 0, 0]


def test_a_purge_waits_for_a_whole_day_whatever_the_number_of_restarts(history):
    history.write([batch(*[row(n, time=n) for n in range(1, 11)])])
    for hour in range(24):
        done = purge(history, 3 * DAY, now=40 * DAY + hour * DAY // 24)
        assert (done.postponed, done.due_at) == (True, 41 * DAY)
    assert purge(history, 3 * DAY, now=41 * DAY).deleted == 9


def test_a_wait_permits_no_more_than_what_it_was_for(history):
    history.write([batch(*[row(n, time=n * DAY) for n in range(1, 51)])])
    assert purge(history, 10 * DAY, now=40 * DAY).postponed
    ahead = purge(history, 50 * DAY, now=80 * DAY)  # the clock is wrong since then
    assert (ahead.deleted, ahead.before) == (9, 10 * DAY)
    assert purge(history, 50 * DAY, now=80 * DAY).postponed


def test_a_clock_set_back_begins_a_new_wait(history):
    history.write([batch(*[row(n, time=n * DAY) for n in range(1, 51)])])
    assert purge(history, 40 * DAY, now=90 * DAY).postponed
    right = purge(history, 5 * DAY, now=55 * DAY)
    assert (right.postponed, right.due_at) == (True, 56 * DAY)
    assert purge(history, 6 * DAY, now=56 * DAY).deleted == 4


def test_an_older_version_reads_the_time_of_the_last_purge(tmp_path):
    history = SqliteHistory(tmp_path / "h.db")
    history.postpone_purge(PostponedPurge(7, 5))
    history.end_purge(3)
    history.postpone_purge(PostponedPurge(8, 6))
    history.close()
    with contextlib.closing(sqlite3.connect(tmp_path / "h.db")) as file:
        assert file.execute("SELECT before FROM purge").fetchall() == [(3,)]


def test_a_damaged_time_of_postponement_counts_as_none(tmp_path):
    history = SqliteHistory(tmp_path / "h.db")
    history._writer.execute("INSERT INTO postponed VALUES (1, 'x', x'00')")
    assert history.postponed_purge() is None
    history.postpone_purge(PostponedPurge(7, 5))
    assert history.postponed_purge() == (7, 5)
    history.close()


def test_a_room_active_again_after_a_year_postpones_no_purge(history):
    history.write([batch(row(1, time=1))])
    for day in range(1, 366):
        assert not purge(history, day * DAY).postponed
    history.write([batch(row(2, time=395 * DAY))])
    assert purge(history, 366 * DAY).deleted == 1


def test_a_clock_before_1970_deletes_nothing(history):
    history.write([batch(*[row(n, time=0) for n in range(1, 4)])])
    assert purge(history, -MONTH).deleted == 0
    assert purge(history, -(2**62)).deleted == 0
    assert not purge(history, -MONTH).postponed


def test_times_that_go_backwards_leave_no_holes(history):
    times = [10, 30, 5, 40, 6]
    history.write([batch(*[row(n, time=t) for n, t in enumerate(times, 1)])])
    assert purge(history, 20).oldest == {1: 2}
    assert read(history, 1, 9) == ([2, 3, 4, 5], 2)


def test_steps_are_short_and_others_can_write_between_them(history, monkeypatch):
    monkeypatch.setattr(module, "STEP", 10)
    history.write([batch(*[row(n) for n in range(1, 101)])])
    done = Purge(history, 1000, 1000 + MONTH)
    deleted, seq = [], 100
    while done.step():
        deleted.append(done.deleted)
        seq += 1
        history.write([batch(row(seq, time=2000))])
    assert max(b - a for a, b in itertools.pairwise(deleted)) == 10
    assert done.deleted == 100
    assert read(history, 1, 999)[1] == 101


def test_many_rooms_are_examined_in_several_steps(tmp_path, monkeypatch):
    monkeypatch.setattr(history_module, "_ROOMS_AT_ONCE", 4)
    history = SqliteHistory(tmp_path / "h.db")
    rooms = range(1, 11)
    history.write([batch(changes=[RoomRow(n, f"R{n}", 2, n) for n in rooms])])
    history.write([batch(*[row(seq, room=room) for room in rooms for seq in (1, 2)])])
    history.write([batch(changes=[RoomDeleted(10)])])
    done = purge(history, 100)
    assert (done.deleted, done.problems) == (11, [])
    assert done.oldest == {**dict.fromkeys(range(1, 10), 2), 10: 1}
    with sqlite3.connect(tmp_path / "h.db") as file:
        assert file.execute("SELECT count(*) FROM room").fetchone() == (9,)
    file.close()
    history.close()


def test_whatever_breaks_is_reported_and_ends_the_purge(history, monkeypatch):
    def broken(*_):
        raise OverflowError("too large")

    monkeypatch.setattr(type(history), "last_purge", broken)
    history.write([batch(*[row(n, time=n) for n in range(1, 5)])])
    done = purge(history, DAY)
    assert done.problems == ["OverflowError('too large')"]
    assert not done.deleted
