"""Recovery of accounts, moderation and sealed rooms: what is readable stays, whatever is damaged."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner

from netchat.chat.client_events import AccountChanged, RoomEvent
from netchat.chat.commands import AddInvitation
from netchat.chat.ordering import propose
from netchat.chat.passwords import invitation_hash
from netchat.cli.main import cli
from netchat.net.history.recover import Recovered, recover
from netchat.net.history.sqlite_history import SqliteHistory
from netchat.wire import ModeratorAction, Role
from tests.chat.test_client_sealing import problems, say, sealed_room, texts
from tests.chat.test_moderation_rules import operate
from tests.chat.world import World, hashed

A = ModeratorAction
GOOD = "correct horse"

TABLES = ("account", "invitation", "rules", "audit", "epoch", "device")

#: Entries of tables that fill several pages.
MANY = 300


class Story:
    """A chat with rows in every table, whose server ends.

    Attributes:
        path: Its history.
        room: Code of a sealed room in its second epoch, whose members are `users`.
        before: What is recovered if nothing is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "h.db"
        history = SqliteHistory(self.path, fsync=False)
        world = World(history, accounts="optional")
        self.room, users = sealed_room(world, "Ada", "Nova", "Gone")
        self.ada, self.nova = users[:2]
        self.ada.core.register(GOOD)
        world.settle()
        assert self.ada.all(AccountChanged)[-1] == AccountChanged("Ada", Role.OWNER)
        say(world, self.ada, self.room, "the first secret")
        operate(world, A.KICK, "Gone", "spam", room=self.room)
        say(world, self.ada, self.room, "the second secret")
        operate(world, A.TITLE, text="Class 4b")
        operate(world, A.MUTE, "Nova", "spam")
        operate(world, A.APPOINT, "Nova")
        for number in range(MANY):
            secret = invitation_hash(f"code {number}")
            propose(world.hub.state, AddInvitation(1, 0, secret))
            operate(world, A.LOCK if number % 2 else A.UNLOCK, room=self.room)
        world.settle()
        assert texts(self.nova, self.room) == ["the first secret", "the second secret"]
        for user in (self.ada, self.nova):
            world.drop(user)
        history.close()

    def continued(self, path: Path) -> World:
        """Start a server on a history, to which the users reconnect."""
        world = World(SqliteHistory(path, fsync=False), accounts="optional")
        for user in (self.ada, self.nova):
            user.happened.clear()
            world.users.append(user)
            world.connect(user)
        world.settle()
        return world


def damage(path: Path, table: str, pages: slice = slice(None)) -> None:
    """Overwrite pages of a table with zeros."""
    with contextlib.closing(sqlite3.connect(path)) as file:
        query = "SELECT pageno FROM dbstat WHERE name = ? ORDER BY pageno"
        try:
            numbers = [number for (number,) in file.execute(query, (table,))]
        except sqlite3.OperationalError:
            pytest.skip("this SQLite has no dbstat")
    with path.open("r+b") as data:
        for number in numbers[pages]:
            data.seek((number - 1) * 4096)
            data.write(bytes(4096))


def content(found: Recovered) -> dict[str, object]:
    """Return what was recovered by table, in a form that can be compared."""
    return {
        "account": found.accounts,
        "invitation": sorted(found.invitations),
        "rules": found.rules,
        "audit": found.audit,
        "epoch": found.epochs,
        "device": found.devices,
    }


@pytest.fixture
def story(tmp_path):
    return Story(tmp_path)


def test_everything_of_an_undamaged_history_is_copied(story, tmp_path):
    found = recover(story.path, tmp_path / "new.db")
    assert found.damaged == []
    rows = content(found)
    assert all(rows[table] for table in TABLES)
    assert len(rows["audit"]) >= MANY
    world = story.continued(tmp_path / "new.db")
    shared = world.hub.state.shared
    assert [account.password for account in shared.accounts.values()] == [hashed(GOOD)]
    assert len(shared.invitations) == MANY
    assert shared.rooms["lobby"].title == "Class 4b"
    assert len(world.history.audit(999)) == len(rows["audit"])
    assert story.ada.all(AccountChanged)[-1] == AccountChanged("Ada", Role.OWNER)
    assert shared.rooms[story.room].epoch == 2
    say(world, story.ada, story.room, "after the recovery")
    assert texts(story.nova, story.room)[-1] == "after the recovery"
    assert problems(story.nova) == []
    world.history.close()


@pytest.mark.parametrize("table", TABLES)
def test_a_destroyed_table_costs_only_its_own_rows(story, tmp_path, table):
    whole = content(recover(story.path, tmp_path / "whole.db"))
    damage(story.path, table)
    found = recover(story.path, tmp_path / "new.db")
    assert found.damaged == [table]
    rows = content(found)
    assert not rows[table]
    for other in set(TABLES) - {table}:
        assert rows[other] == whole[other], other
    world = story.continued(tmp_path / "new.db")
    assert story.ada.core.online
    if table != "rules":  # the mute of Nova's device is in the rules of the lobby
        assert world.hub.state.shared.rooms["lobby"].title == "Class 4b"
    say(world, story.ada, story.room, "after the recovery")
    assert texts(story.nova, story.room)[-1] == "after the recovery"
    world.history.close()


@pytest.mark.parametrize("table", ["invitation", "audit"])
def test_the_rows_around_a_damaged_page_are_kept(story, tmp_path, table):
    whole = content(recover(story.path, tmp_path / "whole.db"))[table]
    damage(story.path, table, slice(2, 3))
    found = recover(story.path, tmp_path / "new.db")
    rows = content(found)[table]
    assert found.damaged == [table]
    assert len(whole) // 3 < len(rows) < len(whole)
    assert set(rows) < set(whole)
    assert {rows[0], rows[-1]} == {whole[0], whole[-1]}


def test_a_sealed_room_that_only_its_events_name_is_sealed(story, tmp_path):
    damage(story.path, "room")
    found = recover(story.path, tmp_path / "new.db")
    with contextlib.closing(SqliteHistory(tmp_path / "new.db", fsync=False)) as history:
        snapshot = history.load()
    (room,) = (room for room, _, _ in snapshot.rooms if room.code == story.room)
    assert room.kind == found.rooms[story.room].kind == 4
    (epoch,) = (epoch for epoch in snapshot.epochs if epoch.room == room.id)
    assert epoch.epoch == 2


def test_invalid_rows_are_left_out(story, tmp_path):
    with contextlib.closing(sqlite3.connect(story.path)) as file:
        file.execute("UPDATE audit SET text = 7 WHERE id = (SELECT min(id) FROM audit)")
        file.execute("UPDATE account SET role = 99")
        file.execute("UPDATE epoch SET epoch = 'x'")
        file.execute("UPDATE device SET public_keys = 1")
        file.execute("UPDATE rules SET rules = x'ff'")
        file.execute("UPDATE invitation SET expires = 'x'")
        file.commit()
    found = recover(story.path, tmp_path / "new.db")
    rows = content(found)
    assert {table for table in TABLES if rows[table]} == {"audit"}
    story.continued(tmp_path / "new.db").history.close()


def test_the_command_names_the_damaged_tables(story, tmp_path):
    damage(story.path, "audit")
    done = CliRunner().invoke(cli, ["recover", str(story.path), str(tmp_path / "new.db")])
    assert "Damaged tables, of which rows may be missing: audit." in done.output
    assert ", 1 account, and " in done.output


def test_users_of_a_private_room_exchange_a_new_secret(story, tmp_path):
    world = story.continued(story.path)
    story.ada.core.send_private("Nova", "before")
    world.settle()
    code = next(code for code in story.ada.core.memory.rooms if code.startswith("@"))
    assert texts(story.nova, code) == ["before"]
    for user in (story.ada, story.nova):
        world.drop(user)
    world.history.close()
    recover(story.path, tmp_path / "new.db")
    world = story.continued(tmp_path / "new.db")
    say(world, story.nova, code, "after")
    (event,) = [h for h in story.ada.all(RoomEvent) if h.event.text == "after"]
    assert event.is_sealed
    assert event.problems == ()
    world.history.close()
