"""Deleted messages in both histories."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest

from netchat.chat.persistence import EditRow, EventErased, EventRow, RoomDeleted
from netchat.net.history.erasure import erased_frame
from netchat.net.history.recover import recover
from netchat.net.history.sqlite_history import SqliteHistory
from netchat.wire import Event, EventKind, FrameReader, SealedEvent, decode, encode
from tests.net.history.test_sqlite_history import batch, history, purge, row  # noqa: F401

LOBBY = "lobby"


def read(frame):
    (event,) = map(decode, FrameReader().feed(frame))
    return event


def said(kept, first=1, last=99, room=1):
    return [(e.seq, e.kind, e.text) for e in map(read, kept.read(room, first, last, 10**9)[0])]


def edit(seq, target, text):
    event = Event(seq, seq, 5, seq, EventKind.EDIT, LOBBY, "Nova", f"{target}\n{text}")
    return EventRow(1, seq, 5, seq, seq, encode(event))


def edited(kept):
    """Write three messages, of which the first is edited twice and the second once."""
    kept.write([batch(row(1), row(2), row(3))])
    kept.write(
        [
            batch(
                edit(4, 1, "a"), edit(5, 2, "b"), edit(6, 1, "c"),
                changes=[EditRow(1, 1, 4), EditRow(1, 2, 5), EditRow(1, 1, 6)],
            )
        ]
    )  # fmt: skip


def test_everything_else_of_a_frame_stays():
    event = read(row(7).frame)
    erased = read(erased_frame(row(7).frame))
    assert erased == Event(
        event.seq, event.time, event.device, event.counter, EventKind.ERASED, event.room, event.sender, ""
    )  # fmt: skip
    sealed = SealedEvent(1, 1, 5, 1, LOBBY, "Nova", ())
    assert erased_frame(encode(sealed)) is None


def test_a_message_and_its_edits(history):  # noqa: F811
    edited(history)
    history.write([batch(changes=[EventErased(1, 1, b"")])])
    erased = int(EventKind.ERASED)
    assert said(history) == [
        (1, erased, ""),
        (2, 1, "x" * 10),
        (3, 1, "x" * 10),
        (4, erased, ""),
        (5, 8, "2\nb"),
        (6, erased, ""),
    ]
    assert history.find(1, 5, 4, 1) == 4
    history.write([batch(changes=[EventErased(1, 1, b""), EventErased(1, 99, b"")])])
    history.write([batch(changes=[EventErased(77, 1, b"")])])
    assert len(said(history)) == 6


def test_a_message_of_the_same_transaction(history):  # noqa: F811
    history.write([batch(row(1), changes=[EventErased(1, 1, b"")])])
    assert said(history) == [(1, EventKind.ERASED, "")]


def test_purged_and_cleared_messages_take_no_space(history):  # noqa: F811
    edited(history)
    purge(history, 2)  # message 1
    assert edits(history) == {(1, 2, 5)}
    while history.clear_room(1, 4, 100) if isinstance(history, SqliteHistory) else False:
        pass
    if not isinstance(history, SqliteHistory):
        history.clear_room(1, 4)
    assert edits(history) == set()


def edits(kept):
    if isinstance(kept, SqliteHistory):
        with contextlib.closing(sqlite3.connect(kept.path)) as file:
            return set(file.execute("SELECT room, target, seq FROM edit"))
    return {(room, target, seq) for (room, target), seqs in kept._edits.items() for seq in seqs}


def test_a_deleted_room_takes_no_memory(history):  # noqa: F811
    edited(history)
    history.write([batch(changes=[RoomDeleted(1)])])
    if not isinstance(history, SqliteHistory):
        assert edits(history) == set()


@pytest.mark.parametrize("is_erased", [False, True])
def test_a_recovered_history_knows_the_edits(tmp_path, is_erased):
    from netchat.chat.persistence import RoomRow

    with contextlib.closing(SqliteHistory(tmp_path / "h.db", fsync=False)) as kept:
        kept.write([batch(changes=[RoomRow(1, LOBBY, 1, 77)])])
        edited(kept)
        if is_erased:
            kept.write([batch(changes=[EventErased(1, 1, b"")])])
    recover(tmp_path / "h.db", tmp_path / "new.db")
    with contextlib.closing(SqliteHistory(tmp_path / "new.db", fsync=False)) as new:
        assert edits(new) == ({(1, 2, 5)} if is_erased else {(1, 1, 4), (1, 2, 5), (1, 1, 6)})
        new.write([batch(changes=[EventErased(1, 2, b"")])])
        assert [kind for seq, kind, _ in said(new) if seq in (2, 5)] == [EventKind.ERASED] * 2


def test_a_damaged_event_is_left_as_it_is(tmp_path):
    with contextlib.closing(SqliteHistory(tmp_path / "h.db", fsync=False)) as kept:
        kept.write([batch(row(1), row(2))])
        with contextlib.closing(sqlite3.connect(kept.path, isolation_level=None)) as file:
            file.execute("UPDATE event SET frame = x'00' WHERE seq = 1")
        kept.write([batch(changes=[EventErased(1, 1, b"")])])
        assert said(kept, 2) == [(2, 1, "x" * 10)]
