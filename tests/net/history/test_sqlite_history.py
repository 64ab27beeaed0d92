"""Both histories give the same answers; the tests at the end are only for the one on disk."""

import sqlite3
import tempfile
import threading
from contextlib import closing
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netchat.chat.persistence import (
    Batch,
    Change,
    EventErased,
    EventRow,
    HistoryCleared,
    MembershipDeleted,
    MembershipRow,
    RoomDeleted,
    RoomRow,
    SessionDeleted,
    SessionRow,
)
from netchat.errors import HistoryError
from netchat.net.history import sqlite_history
from netchat.net.history.memory_history import MemoryHistory
from netchat.net.history.purge import Purge
from netchat.net.history.sqlite_history import SqliteHistory
from netchat.wire import Event, EventKind, encode


def row(seq, room=1, device=5, counter=None, time=None, size=10):
    counter = seq if counter is None else counter
    time = seq if time is None else time
    code = "lobby" if room == 1 else "7K3F92MQ0T"
    event = Event(seq, time, device, counter, EventKind.CHAT, code, "Nova", "x" * size)
    return EventRow(room, seq, device, counter, time, encode(event))


def batch(*rows, changes=()):
    counters = {(r.room, r.device): r.counter for r in rows if r.device}
    return Batch(rows=list(rows), changes=list(changes), counters=counters)


@pytest.fixture(params=["memory", "sqlite"])
def history(request, tmp_path):
    made = MemoryHistory() if request.param == "memory" else open_history(tmp_path)
    made.write([batch(changes=[RoomRow(1, "lobby", 1, 77), RoomRow(2, "B", 2, 78)])])
    yield made
    made.close()


def open_history(folder):
    return SqliteHistory(folder / "history.db", fsync=False)


def purge(history, before):
    """Purge at once; return how many events were deleted, and the oldest left of each room."""
    done = Purge(history, before, 0, at_once=True)
    while done.step():
        pass
    return done.deleted, done.oldest


def read(history, first, last, max_bytes=10**9, room=1):
    frames, begin = history.read(room, first, last, max_bytes)
    return [int.from_bytes(frame[16:24], "big") for frame in frames], begin


class TestReading:
    def test_nothing_there(self, history):
        assert read(history, 1, 10) == ([], 0)
        assert history.last_counter(1, 5) == 0
        assert history.find(1, 5, 1, 1) == 0

    def test_ranges(self, history):
        history.write([batch(*[row(n) for n in range(1, 6)]), batch(row(6), row(1, room=2))])
        assert read(history, 1, 6) == ([1, 2, 3, 4, 5, 6], 1)
        assert read(history, 3, 4) == ([3, 4], 3)
        assert read(history, 5, 99) == ([5, 6], 5)
        assert read(history, 7, 9) == ([], 0)
        assert read(history, 4, 3) == ([], 0)
        assert read(history, 1, 9, room=2) == ([1], 1)

    def test_at_most_the_requested_bytes_but_at_least_one_frame(self, history):
        history.write([batch(*[row(n) for n in range(1, 6)])])
        size = len(row(1).frame)
        assert read(history, 1, 5, max_bytes=3 * size) == ([1, 2, 3], 1)
        assert read(history, 1, 5, max_bytes=3 * size - 1) == ([1, 2], 1)
        assert read(history, 2, 5, max_bytes=1) == ([2], 2)

    @pytest.mark.parametrize("count", [1, 3, 15, 16, 17, 63, 64, 65, 256, 257, 700])
    def test_batches_of_any_size(self, history, count):
        history.write([batch(*[row(n) for n in range(1, count + 1)])])
        assert read(history, 1, count) == (list(range(1, count + 1)), 1)

    def test_counters_and_where_a_message_is(self, history):
        history.write([batch(row(1, counter=10), row(2, device=6, counter=3), row(3, counter=11))])
        assert history.last_counter(1, 5) == 11
        assert history.last_counter(1, 6) == 3
        assert history.last_counter(2, 5) == 0
        assert history.find(1, 5, 10, 1) == 1
        assert history.find(1, 5, 10, -100) == 1
        assert history.find(1, 5, 10, 2) == 0
        assert history.find(1, 6, 10, 1) == 0
        assert history.find(1, 5, 11, 3) == 3

    def test_the_largest_counter_is_the_last_one_written(self, history):
        history.write([batch(row(1, counter=10))])
        history.write([batch(row(2, counter=2**63 - 1))])
        assert history.last_counter(1, 5) == 2**63 - 1


class TestPurging:
    def test_older_events_are_deleted_except_a_rooms_last(self, history):
        history.write([batch(*[row(n) for n in range(1, 6)], row(1, room=2))])
        assert purge(history, 4) == (3, {1: 4})
        assert read(history, 1, 9) == ([4, 5], 4)
        assert purge(history, 100) == (1, {1: 5})
        assert read(history, 1, 9) == ([5], 5)
        assert read(history, 1, 9, room=2) == ([1], 1)
        assert purge(history, 100) == (0, {})

    def test_reading_deleted_events(self, history):
        history.write([batch(*[row(n) for n in range(1, 11)])])
        purge(history, 8)
        assert read(history, 1, 3) == ([], 0)
        assert read(history, 1, 7) == ([], 0)
        assert read(history, 1, 8) == ([8], 8)

    def test_counters_stay_known(self, history):
        history.write([batch(row(1), row(2, device=6))])
        purge(history, 100)
        assert history.last_counter(1, 5) == 1

    def test_a_deleted_room_is_purged_completely(self, history):
        history.write([batch(row(1, room=2))])
        history.write([batch(row(2, room=2), changes=[RoomDeleted(2)])])
        purge(history, 100)
        assert read(history, 1, 9, room=2) == ([], 0)
        assert history.last_counter(2, 5) == 0

    @given(
        times=st.lists(st.integers(0, 20), min_size=1, max_size=20),
        cuts=st.lists(st.integers(0, 25), max_size=3),
        first=st.integers(1, 25),
        last=st.integers(0, 25),
        size=st.integers(1, 600),
    )
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
    def test_both_answer_alike(self, tmp_path, times, cuts, first, last, size):
        path = tmp_path / "alike"
        for file in path.glob("*"):
            file.unlink()
        disk, memory = open_history(path), MemoryHistory()
        for one in (disk, memory):
            one.write([batch(changes=[RoomRow(1, "lobby", 1, 77)])])
            one.write([batch(row(n, time=t)) for n, t in enumerate(times, 1)])
            for cut in cuts:
                purge(one, cut)
        assert disk.read(1, first, last, size) == memory.read(1, first, last, size)
        assert disk.read(1, 1, 99, 1) == memory.read(1, 1, 99, 1)
        assert disk.find(1, 5, first, last) == memory.find(1, 5, first, last)
        disk.close()


class TestOnDisk:
    @pytest.fixture
    def reopen(self, tmp_path):
        opened = []

        def again():
            if opened:
                opened.pop().close()
            opened.append(open_history(tmp_path / "deep" / "er"))
            return opened[0]

        yield again
        opened.pop().close()

    def test_written_events_can_be_read_after_reopening(self, reopen):
        history = reopen()
        changes = [
            RoomRow(1, "lobby", 1, 77),
            RoomRow(2, "B", 2, 78),
            SessionRow(3, b"token", b"before", 5, "Nova"),
            SessionRow(4, b"t", b"", 6, "Gone"),
            MembershipRow(3, 1),
            MembershipRow(3, 2),
            MembershipRow(3, 2),
            MembershipDeleted(3, 1),
            SessionRow(3, b"token2", b"token", 5, "Vega"),
            SessionDeleted(4),
        ]
        history.write([batch(row(1), row(2), row(3), changes=changes)])
        purge(history, 2)
        snapshot = reopen().load()
        assert snapshot.rooms == [
            (RoomRow(1, "lobby", 1, 77), 3, 2),
            (RoomRow(2, "B", 2, 78), 0, 1),
        ]
        assert snapshot.sessions == [SessionRow(3, b"token2", b"token", 5, "Vega")]
        assert snapshot.memberships == [MembershipRow(3, 2)]
        assert snapshot.next_id > 3

    def test_a_deleted_room_and_its_number_are_never_reused(self, reopen):
        history = reopen()
        history.write([batch(row(1, room=9), changes=[RoomRow(9, "B", 2, 7), MembershipRow(1, 9)])])
        history.write([batch(changes=[RoomDeleted(9)])])
        snapshot = reopen().load()
        assert (snapshot.rooms, snapshot.memberships, snapshot.next_id) == ([], [], 10)

    def test_batches_are_written_all_or_not_at_all(self, reopen):
        history = reopen()
        history.write([batch(row(1))])
        with pytest.raises(HistoryError, match="Cannot write the history"):
            history.write([batch(row(2)), batch(row(1))])  # that number is taken
        assert read(history, 1, 9) == ([1], 1)
        assert history.last_counter(1, 5) == 1
        history.write([batch(row(2))])
        assert read(history, 1, 9) == ([1, 2], 1)

    def test_one_thread_writes_while_another_reads(self, reopen):
        history = reopen()

        def write():
            for n in range(1, 301):
                history.write([batch(row(n))])

        thread = threading.Thread(target=write)
        thread.start()
        while thread.is_alive():
            seqs, _ = read(history, 1, 999)
            assert seqs == list(range(1, len(seqs) + 1))
        thread.join()
        assert len(read(history, 1, 999)[0]) == 300

    def test_a_second_server_is_refused(self, reopen, tmp_path):
        reopen()
        with pytest.raises(HistoryError, match="in use"):
            open_history(tmp_path / "deep" / "er")

    def test_another_database_is_not_touched(self, tmp_path):
        path = tmp_path / "history.db"
        other = sqlite3.connect(path)
        other.execute("CREATE TABLE mine (x)")
        other.close()
        before = path.read_bytes()
        with pytest.raises(HistoryError, match="not a netchat history"):
            open_history(tmp_path)
        assert path.read_bytes() == before

    def test_a_later_version_is_not_touched(self, tmp_path):
        open_history(tmp_path).close()
        file = sqlite3.connect(tmp_path / "history.db")
        file.execute("PRAGMA user_version = 99")
        file.close()
        with pytest.raises(HistoryError, match="has version 99"):
            open_history(tmp_path)

    def test_a_file_that_is_no_database(self, tmp_path):
        (tmp_path / "history.db").write_bytes(b"not a database at all" * 100)
        with pytest.raises(HistoryError, match="Cannot use the history"):
            open_history(tmp_path)
        (tmp_path / "history.db").unlink()
        open_history(tmp_path).close()  # the failed attempt holds no lock

    def test_a_folder_that_cannot_be_made(self, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(HistoryError, match="Cannot use the history"):
            open_history(tmp_path / "file")

    @pytest.mark.parametrize(("fsync", "level"), [(True, 2), (False, 1)])
    def test_fsync(self, tmp_path, fsync, level):
        history = SqliteHistory(tmp_path / "h.db", fsync=fsync)
        (found,) = history._writer.execute("PRAGMA synchronous").fetchone()
        assert found == level
        history.close()


CHANGES = st.one_of(
    st.builds(
        SessionRow, st.integers(1, 3), st.just(b"t"), st.just(b""), st.just(5), st.text("ab")
    ),
    st.builds(SessionDeleted, st.integers(1, 3)),
    st.builds(MembershipRow, st.integers(1, 3), st.integers(1, 3)),
    st.builds(MembershipDeleted, st.integers(1, 3), st.integers(1, 3)),
    st.builds(RoomDeleted, st.integers(1, 3)),
)


class TestManyChanges:
    def test_every_kind_of_change_has_a_statement(self):
        stored = {kind for statements in sqlite_history._CHANGES for kind in statements}
        assert stored == set(get_args(Change)) - {EventErased, HistoryCleared}

    @settings(max_examples=15, deadline=None)
    @given(st.lists(CHANGES, max_size=20), st.integers(0, 20))
    def test_batches_do_not_change_the_result(self, changes, cut):
        rooms = [RoomRow(number, f"R{number}", 2, number) for number in (1, 2, 3)]
        stored = []
        for batches in ([changes], [changes[:cut], changes[cut:]], [[c] for c in changes]):
            with (
                tempfile.TemporaryDirectory() as folder,
                closing(open_history(Path(folder))) as history,
            ):
                history.write([batch(changes=rooms), *(batch(changes=part) for part in batches)])
                stored.append([
                    history._writer.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()
                    for table in ("room", "session", "seat")
                ])  # fmt: skip
        assert stored[0] == stored[1] == stored[2]
