"""`/export`: the parts of a log that a client requests, and the file."""

from __future__ import annotations

import pytest

from netchat.chat.client_events import HistoryReceived
from netchat.errors import NetchatError
from netchat.tui.export import Export
from tests.chat.world import World


def save(world: World, user, export: Export) -> int:
    """Receive a log; return the number of requests."""
    count = 0
    while True:
        count += 1
        before = len(user.happened)
        export.ask(user.core)
        world.settle()
        (received,) = (h for h in user.happened[before:] if isinstance(h, HistoryReceived))
        export.add(received)
        if export.is_complete(user.core):
            return count


@pytest.fixture
def world():
    return World()


def test_the_whole_log_is_saved_in_parts(world, tmp_path):
    nova = world.user("Nova", "lobby")
    for number in range(2500):
        nova.core.say("lobby", f"message {number}")
        if number % 100 == 0:
            world.settle()
    world.settle()
    export = Export(tmp_path / "log.txt", "lobby", "Physics")
    assert save(world, nova, export) == 3
    export.write()
    text = (tmp_path / "log.txt").read_text("utf-8")
    assert text.startswith("# Physics (lobby)\n")
    assert [line for line in text.splitlines() if "message" in line][-1].endswith("message 2499")
    assert text.count("\n") == 2502


def test_what_was_purged_is_skipped(world, tmp_path):
    nova = world.user("Nova", "lobby")
    for number in range(1500):
        nova.core.say("lobby", f"message {number}")
        world.settle()
    world.now += 100
    world.purge()
    nova.core.say("lobby", "the last one")
    world.settle()
    export = Export(tmp_path / "log.jsonl", "lobby", "")
    assert save(world, nova, export) == 2
    assert [event.text for event in export.events] == ["message 1499", "the last one"]


@pytest.mark.parametrize("name", ["log", "log.pdf", "log."])
def test_the_suffix_names_the_format(tmp_path, name):
    with pytest.raises(ValueError, match=r"must end with one of \.txt, \.jsonl, \.csv, \.html"):
        Export(tmp_path / name, "lobby", "")


def test_no_file_is_overwritten(tmp_path):
    (tmp_path / "log.csv").touch()
    with pytest.raises(ValueError, match="already exists"):
        Export(tmp_path / "log.csv", "lobby", "")


def test_a_file_that_cannot_be_written_is_reported(tmp_path, world):
    user = world.user("Nova")
    export = Export(tmp_path / "nowhere" / "log.csv", "lobby", "")
    assert export.is_complete(user.core)  # the user is not in the room
    with pytest.raises(NetchatError, match=r"Cannot write .*log\.csv"):
        export.write()
