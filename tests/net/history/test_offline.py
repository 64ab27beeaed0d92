"""A history without a server: lists, archives, checks and purges, on what a server has written."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from pathlib import Path

import pytest

from netchat.errors import HistoryError, NotFound
from netchat.net.history.offline import (
    import_events,
    list_stored_rooms,
    open_stored,
    purge_history,
    stored_frames,
    verify_history,
)
from netchat.net.history.sqlite_history import SqliteHistory
from netchat.wire import (
    Create,
    Event,
    FrameReader,
    Join,
    Private,
    RoomKind,
    Send,
    decode,
    encode,
)
from tests.chat.world import Link, World

NOW = int(time.time() * 1e6)


def enter(world: World, name: str) -> Link:
    link, _ = world.greet(name, name.encode().ljust(16))
    world.say(link, Join(1, 0, 0, "lobby"))
    return link


@pytest.fixture
def path(tmp_path) -> Path:
    """A history with five messages in the lobby, three in a room, and a private one."""
    history = SqliteHistory(tmp_path / "h.db", fsync=False)
    world = World(history)
    nova, lena = enter(world, "Nova"), enter(world, "Lena")
    for count in range(1, 6):
        world.say(nova, Send(count, "lobby", f"message {count}"))
    world.say(lena, Private(7, "Nova"))
    world.say(lena, Create(8))
    code = next(one for one in world.hub.state.shared.rooms if one[0] not in "@l")
    for count in range(1, 4):
        world.say(lena, Send(count, code, f"in the room {count}"))
    history.close()
    return tmp_path / "h.db"


def archive_of(path: Path, target: Path) -> Path:
    with open_stored(path) as file:
        rooms = list_stored_rooms(file)
        target.write_bytes(b"".join(f for room in rooms for f in stored_frames(file, room.number)))
    return target


def logs(path: Path) -> dict[str, list[bytes]]:
    with open_stored(path) as file:
        return {one.code: [*stored_frames(file, one.number)] for one in list_stored_rooms(file)}


def problems(path: Path) -> list[str]:
    with open_stored(path) as file:
        return [*verify_history(file)]


def change(path: Path, *statements: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as file:
        for statement in statements:
            file.execute(statement)
        file.commit()


def texts(frames: list[bytes]) -> list[str]:
    events = [decode(frame) for data in frames for frame in FrameReader().feed(data)]
    return [event.text for event in events if isinstance(event, Event) and event.device]


def test_rooms_are_listed_without_private_ones(path) -> None:
    with open_stored(path) as file:
        lobby, room = sorted(list_stored_rooms(file), key=lambda one: one.kind)
    assert (lobby.code, lobby.kind, lobby.members) == ("lobby", RoomKind.LOBBY, 2)
    assert (lobby.first, lobby.last, lobby.events) == (1, 7, 7)  # two have joined
    assert (room.kind, room.members, room.is_deleted, room.title) == (RoomKind.ROOM, 1, False, "")
    assert room.size == sum(map(len, logs(path)[room.code]))


def test_an_archive_moves_rooms_to_a_new_history(path, tmp_path) -> None:
    archive = archive_of(path, tmp_path / "rooms.ncp")
    found = import_events(archive, tmp_path / "new.db")
    assert found.known == 0
    assert logs(tmp_path / "new.db") == logs(path)
    assert found.rooms == {code: len(log) for code, log in logs(path).items()}
    assert problems(tmp_path / "new.db") == []
    # A server continues there, and recognises messages that a client repeats.
    with contextlib.closing(SqliteHistory(tmp_path / "new.db")) as history:
        world = World(history)
        nova = enter(world, "Nova")
        world.say(nova, Send(5, "lobby", "message 5"), Send(6, "lobby", "message 6"))
    assert texts(logs(tmp_path / "new.db")["lobby"])[-2:] == ["message 5", "message 6"]
    assert problems(tmp_path / "new.db") == []


def test_an_archive_continues_a_history(path, tmp_path) -> None:
    archive = archive_of(path, tmp_path / "rooms.ncp")
    lobby = logs(path)["lobby"]
    (tmp_path / "first.ncp").write_bytes(b"".join(lobby[:3]))
    new = tmp_path / "new.db"
    assert import_events(tmp_path / "first.ncp", new).rooms == {"lobby": 3}
    found = import_events(archive, new)
    assert (found.known, found.rooms["lobby"]) == (3, 4)
    assert logs(new) == logs(path)
    again = import_events(archive, new)
    assert (again.known, sum(again.rooms.values())) == (10 + 1, 0)


def test_a_room_with_other_events_is_not_changed(path, tmp_path) -> None:
    archive = archive_of(path, tmp_path / "rooms.ncp")
    new = tmp_path / "new.db"
    with contextlib.closing(SqliteHistory(new, fsync=False)) as history:
        enter(World(history), "Sourav")
    before = logs(new)
    with pytest.raises(HistoryError, match="event 1 that differs from the archive"):
        import_events(archive, new)
    assert logs(new) == before


def test_missing_events_in_between_are_an_error(path, tmp_path) -> None:
    lobby = logs(path)["lobby"]
    new, archive = tmp_path / "new.db", tmp_path / "part.ncp"
    archive.write_bytes(b"".join(lobby[:2]))
    import_events(archive, new)
    archive.write_bytes(b"".join(lobby[3:]))
    with pytest.raises(
        HistoryError, match="ends with event 2, and the archive begins with event 4"
    ):
        import_events(archive, new)
    archive.write_bytes(lobby[2] + lobby[4])
    with pytest.raises(HistoryError, match="event 5 follows event 3"):
        import_events(archive, new)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no archive at all, but a text", "is not an archive of `netchat history export`"),
        (encode(Send(1, "lobby", "x")), "frame 1 is not an event"),
        (encode(Event(1, 1, 0, 1, 0, "@a:b", "Nova", "x")), "of room '@a:b' is invalid"),
        (encode(Event(0, 1, 0, 1, 0, "lobby", "Nova", "x")), "event 0 of room 'lobby' is invalid"),
        (encode(Event(2**63, 1, 0, 1, 0, "lobby", "N", "x")), "is invalid"),
        (encode(Event(1, 1, 0, 1, 0, "lobby", "Nova", "x"))[:-1], "ends within event 1"),
        (encode(Event(1, 1, 0, 1, 0, "lobby", "Nova", "x"))[:-1] + b"y", "damaged after 0 events"),
    ],
)
def test_hostile_archives(tmp_path, content: bytes, said: str) -> None:
    (tmp_path / "bad.ncp").write_bytes(content)
    with pytest.raises(HistoryError) as error:
        import_events(tmp_path / "bad.ncp", tmp_path / "new.db")
    assert said in str(error.value)
    assert not (tmp_path / "new.db").exists()


def test_an_intact_history_has_no_problems(path) -> None:
    assert problems(path) == []


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE event SET frame = zeroblob(60) WHERE room = 1 AND seq = 3", "event 3: "),
        ("UPDATE event SET frame = 'text' WHERE room = 1 AND seq = 3", "event 3: it is not bytes"),
        ("UPDATE event SET time = 5 WHERE room = 1 AND seq = 3", "event 3: time of the row"),
        ("UPDATE event SET counter = 9 WHERE room = 1 AND seq = 3", "event 3: counter of the row"),
        ("DELETE FROM event WHERE room = 1 AND seq = 3", "events 3 to 3 are missing"),
        ("UPDATE event SET room = 99 WHERE room = 1", "events, but no such room"),
        ("UPDATE counter SET last = 0 WHERE room = 1", "is too small"),
        ("DELETE FROM counter", "has messages, but no counter"),
        ("INSERT INTO seat VALUES (77, 88)", "table seat has (77, 88)"),
    ],
)
def test_damage_is_found(path, statement: str, said: str) -> None:
    with open_stored(path) as file:
        (lobby,) = (one.number for one in list_stored_rooms(file) if one.code == "lobby")
    change(path, statement.replace("room = 1", f"room = {lobby}"))
    found = problems(path)
    assert any(said in problem for problem in found), found


def test_damaged_pages_are_found(path) -> None:
    data = path.read_bytes()
    page = data.index(b"message 3") // 4096 * 4096
    path.write_bytes(data[:page] + bytes(2000) + data[page + 2000 :])
    with contextlib.suppress(HistoryError):  # SQLite can refuse to read it at all
        assert problems(path) != []


def test_old_events_are_purged_and_the_last_one_stays(path) -> None:
    with open_stored(path) as file:
        (lobby,) = (one.number for one in list_stored_rooms(file) if one.code == "lobby")
    assert purge_history(path, keep=0.0) > 5
    left = logs(path)
    assert [len(log) for log in left.values()] == [1, 1]
    assert texts(left["lobby"]) == ["message 5"]
    assert problems(path) == []
    assert purge_history(path, keep=0.0) == 0
    assert lobby


def test_recent_events_are_kept(path) -> None:
    before = logs(path)
    assert purge_history(path, keep=86400.0 * 365 * 200) == 0
    assert logs(path) == before


def test_a_history_in_use_is_read_but_not_changed(path, tmp_path) -> None:
    archive = archive_of(path, tmp_path / "rooms.ncp")
    with contextlib.closing(SqliteHistory(path)):
        assert problems(path) == []
        for change_it in (
            lambda: import_events(archive, path),
            lambda: purge_history(path, keep=0.0),
        ):
            with pytest.raises(HistoryError, match="in use"):
                change_it()


@pytest.mark.parametrize("content", [b"", b"no database" * 99])
def test_other_files(tmp_path, content: bytes) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(HistoryError), open_stored(path):
        pass
    with pytest.raises(NotFound, match="There is no history"), open_stored(tmp_path / "none"):
        pass
    with pytest.raises(NotFound, match="There is no history"):
        purge_history(tmp_path / "none", 1.0)
    assert not (tmp_path / "none").exists()
