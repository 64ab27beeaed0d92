"""Damage of every kind: either one plain error, or a server that continues for all other users."""

import contextlib
import os
import random
import shutil
import sqlite3
import tempfile
from pathlib import Path

import pytest

from netchat.chat.persistence import MembershipRow, RoomRow, SessionRow
from netchat.errors import HistoryError
from netchat.net.history.purge import Purge
from netchat.net.history.recover import recover
from netchat.net.history.sqlite_history import SqliteHistory
from netchat.wire import Error, ErrorCode, Event, History, HistoryEnd, Join, Send
from tests.chat.world import World
from tests.net.history.test_sqlite_history import batch, row

DEVICE = 5


def make(path, events=100):
    """Create a history of two rooms and two sessions."""
    history = SqliteHistory(path, fsync=False)
    changes = [
        RoomRow(1, "lobby", 1, 77),
        RoomRow(2, "7K3F92MQ0T", 2, 78),
        SessionRow(3, b"t" * 32, b"", 5, "Ada"),
        SessionRow(4, b"u" * 32, b"v" * 32, 6, "Bo"),
        MembershipRow(3, 1),
        MembershipRow(4, 2),
    ]
    history.write([batch(changes=changes)])
    history.write([batch(*[row(n, size=200, device=DEVICE) for n in range(1, events + 1)])])
    history.write([batch(*[row(n, room=2) for n in range(1, 11)])])
    history.end_purge(1)
    history.close()


def copy(path):
    copied = path.with_name(f"copy-{path.name}")
    copied.write_bytes(path.read_bytes())
    return copied


def use(path):
    """Use a history in every way that a server does; return the damage that was reported.

    Only a HistoryError may be raised, and a bystander must always be served.
    """
    try:
        history = SqliteHistory(path, fsync=False)
    except HistoryError as error:
        return [str(error)]
    with contextlib.closing(history):
        try:
            world = World(history)
        except HistoryError as error:
            return [str(error)]
        try:
            link, _ = world.greet("Nova")
            world.say(link, Join(1, 77, 3, "lobby"), Send(1, "lobby", "x"), Send(1, "lobby", "x"))
            ended = world.say(link, History(2, 1, 500, "lobby"))
            other = world.user("Sourav", "lobby")
            other.core.say("lobby", "still here")
            world.settle()
        except (
            HistoryError
        ) as error:  # it cannot be written: the writer reports that to all clients
            return [str(error)]
        assert other.texts()[-1:] == ["still here"]
        assert isinstance(ended[-1], HistoryEnd)
        purge = Purge(history, 100, 0, at_once=True)
        while purge.step():
            pass
        return purge.problems + [n.fields["text"] for n in world.notes if n.event == "storage"]


def check_plain(errors):
    for error in errors:
        assert "\n" not in error
        assert "Traceback" not in error
        assert len(error) < 1000


def columns():
    with contextlib.closing(sqlite3.connect(":memory:")) as file:
        from netchat.net.history.sqlite_history import _LATER_TABLES, _SCHEMA

        file.executescript(_SCHEMA)
        file.executescript(_LATER_TABLES)
        for (table,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'"):
            for column in file.execute(f"PRAGMA table_info({table})").fetchall():
                yield table, column[1]


VALUES = [
    "NULL", "'text'", "x'00ff'", "1.5", "-1", "0", "9223372036854775807", "''", "zeroblob(70000)",
    "CAST(x'ff' AS TEXT)", "hex(zeroblob(5000))",
]  # fmt: skip


@pytest.mark.parametrize(("table", "column"), list(columns()))
@pytest.mark.thorough
def test_any_value_in_any_column(tmp_path, table, column):
    make(tmp_path / "good.db", events=5)
    tried = 0
    for number, value in enumerate(VALUES):
        path = tmp_path / f"{number}.db"
        path.write_bytes((tmp_path / "good.db").read_bytes())
        with contextlib.closing(sqlite3.connect(path)) as file:
            file.execute("PRAGMA writable_schema = on")
            file.execute("UPDATE sqlite_master SET sql = replace(sql, 'NOT NULL', '')")
            file.commit()
        with contextlib.closing(sqlite3.connect(path)) as file:
            try:
                file.execute(f"UPDATE OR IGNORE {table} SET {column} = {value}")
            except sqlite3.IntegrityError:
                continue  # SQLite itself rejects that
            file.commit()
        tried += 1
        check_plain(use(copy(path)))
        with contextlib.suppress(HistoryError):
            recover(path, tmp_path / f"{number}-new.db")
            assert use(tmp_path / f"{number}-new.db") == []
    assert tried >= 4


def zeroes(page):
    return bytes(len(page))


def noise(page):
    return random.Random(1).randbytes(len(page))


def head(page):
    return noise(page[:64]) + page[64:]


def pointers(page):
    return page[:8] + noise(page[8:64]) + page[64:]


@pytest.mark.parametrize("harm", [zeroes, noise, head, pointers])
@pytest.mark.slow
def test_any_page_damaged(tmp_path, harm):
    make(tmp_path / "good.db")
    data = (tmp_path / "good.db").read_bytes()
    reported = 0
    for at in range(0, len(data), 4096):
        path = tmp_path / f"{at}.db"
        path.write_bytes(data[:at] + harm(data[at : at + 4096]) + data[at + 4096 :])
        errors = use(copy(path))
        reported += bool(errors)
        check_plain(errors)
        found = recover(path, tmp_path / f"{at}-new.db")
        assert found.events > 80
        assert use(tmp_path / f"{at}-new.db") == []
    assert reported > 5


@pytest.mark.parametrize("size", [0, 1, 99, 100, 4095, 4096, 5000, 20_000])
def test_a_truncated_file(tmp_path, size):
    path = tmp_path / "h.db"
    make(path)
    os.truncate(path, size)
    errors = use(path)
    check_plain(errors)
    assert errors or size <= 1  # for SQLite, such a file is empty: a new history


@pytest.mark.parametrize("harm", ["truncated", "noise", "zeroes", "a folder"])
def test_a_damaged_log(tmp_path, harm):
    made, path = tmp_path / "made.db", tmp_path / "h.db"
    history = SqliteHistory(made, fsync=False)
    history.write([batch(changes=[RoomRow(1, "lobby", 1, 77)])])
    history.write([batch(row(1))])
    data, log = made.read_bytes(), made.with_name("made.db-wal").read_bytes()
    history.close()
    path.write_bytes(data)
    beside = path.with_name("h.db-wal")
    if harm == "a folder":
        beside.mkdir()
    else:
        shapes = {"truncated": log[:-1000], "noise": noise(log), "zeroes": zeroes(log)}
        beside.write_bytes(shapes[harm])
    errors = use(path)
    check_plain(errors)
    assert bool(errors) == (harm == "a folder")


def newer(path):
    make(path)
    with contextlib.closing(sqlite3.connect(path)) as file:
        file.execute("PRAGMA user_version = 3")


def foreign(path):
    with contextlib.closing(sqlite3.connect(path)) as file:
        file.execute("CREATE TABLE mine (x)")


def no_tables(path):
    make(path)
    with contextlib.closing(sqlite3.connect(path)) as file:
        file.execute("DROP TABLE counter")


def a_view(path):
    make(path)
    with contextlib.closing(sqlite3.connect(path)) as file:
        file.execute("DROP TABLE seat")
        file.execute("CREATE VIEW seat AS SELECT 'x'")


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (newer, "version 3"),
        (foreign, "not a netchat history"),
        (no_tables, "counter"),
        (a_view, "damaged"),
        (lambda path: path.write_text("Dear diary"), "not a database"),
        (lambda path: path.mkdir(), "not a regular file"),
    ],
)
def test_a_file_of_another_kind(tmp_path, prepare, said):
    prepare(tmp_path / "h.db")
    errors = use(tmp_path / "h.db")
    check_plain(errors)
    assert said in errors[0]


def test_a_read_only_file(request):
    folder = Path(tempfile.mkdtemp())  # not in the test's own folder, which only root may enter
    request.addfinalizer(lambda: shutil.rmtree(folder))
    make(folder / "h.db")
    (folder / "h.db").chmod(0o444)
    folder.chmod(0o755)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        (error,) = use(folder / "h.db")
    finally:
        if root:
            os.seteuid(0)
    assert "Cannot use the history" in error
    assert "Permission denied" in error


class TestOneDamagedPage:
    """Damage among old events: everything else continues to work."""

    @pytest.fixture
    def history(self, tmp_path):
        path = tmp_path / "h.db"
        make(path, events=400)
        data = path.read_bytes()
        (at,) = [
            i for i in range(0, len(data), 4096) if row(200, size=200).frame in data[i : i + 4096]
        ]
        path.write_bytes(data[:at] + head(data[at : at + 4096]) + data[at + 4096 :])
        history = SqliteHistory(path, fsync=False)
        yield history
        history.close()

    def test_the_client_that_asks_gets_the_rest_and_a_warning(self, history):
        world = World(history)
        link, _ = world.greet("Nova")
        world.say(link, Join(1, 0, 0, "lobby"))
        seqs, first = [], 1
        warnings = 0
        while first <= 400:
            *messages, end = world.say(link, History(2, first, 400, "lobby"))
            warnings += sum(isinstance(m, Error) and m.code == ErrorCode.STORAGE for m in messages)
            seqs += [m.seq for m in messages if isinstance(m, Event)]
            assert end.last >= first
            first = end.last + 1
        assert (seqs[0], seqs[-1], warnings) == (1, 400, 1)
        missing = set(range(1, 401)) - set(seqs)
        assert 200 in missing
        assert 5 < len(missing) < 30
        assert len([n for n in world.notes if n.event == "storage"]) == 1

    def test_a_client_that_resumes_inside_damage_continues_after_it(self, history):
        world = World(history)
        user = world.user("Nova")
        user.core.memory.rooms.clear()
        link, _ = world.greet("Maya")
        messages = world.say(link, Join(1, 77, 199, "lobby"))
        seqs = [m.seq for m in messages if isinstance(m, Event)]
        assert seqs[0] > 200
        assert seqs == list(range(seqs[0], 402))  # 401 is Maya's own joining
        world.say(link, History(2, 1, 400, "lobby"))
        assert len([n for n in world.notes if n.event == "storage"]) == 1

    def test_damage_is_logged_once_for_any_number_of_readers(self, history):
        world = World(history)
        for name in ("Ada2", "Bo2", "Cy"):
            link, _ = world.greet(name)
            world.say(link, Join(1, 77, 199, "lobby"), History(2, 150, 400, "lobby"))
        assert len([n for n in world.notes if n.event == "storage"]) == 1


def test_a_message_with_an_unreadable_counter_is_refused_without_affecting_others(tmp_path):
    path = tmp_path / "h.db"
    make(path)
    world = World(SqliteHistory(path, fsync=False))
    history = world.history
    with contextlib.closing(sqlite3.connect(path)) as file:
        link, welcome = world.greet("Nova")
        file.execute("INSERT INTO counter VALUES (1, ?, 'x')", (welcome.device,))
        file.commit()
    world.say(link, Join(1, 0, 0, "lobby"))
    (error,) = world.say(link, Send(9, "lobby", "x"))
    assert (error.code, error.about, error.reference) == (ErrorCode.STORAGE, Send.TYPE, 9)
    other = world.user("Maya", "lobby")
    other.core.say("lobby", "fine")
    world.settle()
    assert other.texts() == ["fine"]
    history.close()


def test_a_copy_without_a_place_for_it_gives_a_plain_error(tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    with contextlib.closing(SqliteHistory(folder / "h.db", fsync=False)) as history:
        history.join_cluster("lab")
        shutil.rmtree(folder)
        for use_disk in (history.copy, history.temporary_file):
            with pytest.raises(HistoryError, match=r"h\.db: No such file or directory"):
                use_disk()
