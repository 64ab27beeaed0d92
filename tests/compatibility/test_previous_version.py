"""Files of version 0.1, read and continued: see README.md for how each was made."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from netchat import bench
from netchat.bench.link.results import LinkResults
from netchat.chat.client_events import HistoryReceived, Online
from netchat.cli.main import cli
from netchat.net.client_store import ClientStore
from netchat.net.history.sqlite_history import SqliteHistory
from netchat.tui.state_file import state_file
from netchat.wire import Event, EventKind, Send
from tests.chat.world import User, World

FOLDER = Path(__file__).with_name("v0_1")

#: The last message of each client before it was killed: one that the server has, and one that it has not.
STORED, UNSENT = "Stored, but never acknowledged", "Written without a server"
LAST = {"Nova": STORED, "Orion": UNSENT}

Unpack = Callable[[str], Path]


def text_of(name: str) -> str:
    return gzip.decompress((FOLDER / f"{name}.gz").read_bytes()).decode()


def lines_of(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def unpack(tmp_path: Path) -> Unpack:
    """Return a function that copies a file, and its write-ahead log if there is one."""

    def unpack(name: str) -> Path:
        for packed in FOLDER.glob(f"{name}*.gz"):
            (tmp_path / packed.stem).write_bytes(gzip.decompress(packed.read_bytes()))
        return tmp_path / name

    return unpack


@pytest.fixture
def history(unpack: Unpack) -> SqliteHistory:
    history = SqliteHistory(unpack("history.db"))
    yield history
    history.close()


@pytest.fixture
def world(history: SqliteHistory) -> World:
    return World(history)


def resume(world: World, unpack: Unpack, name: str) -> User:
    """Continue as a client that was killed."""
    store = ClientStore(unpack(f"127.0.0.1_6464_{name.lower()}.db"))
    state = store.load()
    assert [message.text for message in state.outbox.values()] == [LAST[name]]
    user = world.user(name, memory=state)
    store.save(user.core.memory)
    store.close()
    return user


def past(world: World, user: User, room: str) -> list[Event]:
    """Return all events of a room that the server returns for HISTORY."""
    user.core.history(room, 100)
    world.settle()
    return list(user.all(HistoryReceived)[-1].events)


def seen(name: str) -> dict[tuple[str, int], tuple[str, str, str]]:
    """Return kind, sender and text of each event that a client of version 0.1 printed."""
    kinds = {kind.name.lower() for kind in EventKind}
    return {
        (line["room"], line["seq"]): (line["type"], line["sender"], line["text"])
        for line in lines_of(text_of(f"{name}.jsonl"))
        if line["type"] in kinds
    }


# -- history and client state -----------------------------------------------------------------


def test_history_returns_what_the_clients_saw(world: World, unpack: Unpack) -> None:
    nova = resume(world, unpack, "Nova")
    expected = {**seen("nova"), **seen("orion")}
    assert {text for _, _, text in expected.values()} > {STORED, "A private message"}
    assert len(nova.core.memory.rooms) == 3
    found = {
        (event.room, event.seq): (EventKind(event.kind).name.lower(), event.sender, event.text)
        for room in nova.core.memory.rooms
        for event in past(world, nova, room)
    }
    assert expected.items() <= found.items()


def test_sessions_are_resumed_and_unacknowledged_messages_stored_once(
    world: World, unpack: Unpack
) -> None:
    nova, orion = (resume(world, unpack, name) for name in ("Nova", "Orion"))
    for user in (nova, orion):
        (online,) = user.all(Online)
        assert online.resumed
        assert not user.core.memory.outbox
    # Nova's message was stored before the kill; Orion's is new. Both were sent to this server.
    assert nova.texts() == [STORED, UNSENT]
    assert orion.texts() == [UNSENT]
    texts = [event.text for event in past(world, nova, "lobby")]
    assert texts.count(STORED) == texts.count(UNSENT) == 1


def test_a_retransmitted_message_is_not_stored_again(world: World, unpack: Unpack) -> None:
    nova = resume(world, unpack, "Nova")
    before = past(world, nova, "lobby")
    (stored,) = (event for event in before if event.text == STORED)
    world.say(nova.link, Send(stored.counter, "lobby", STORED))
    assert past(world, nova, "lobby") == before


def test_sequence_numbers_and_counters_continue(world: World, unpack: Unpack) -> None:
    nova = resume(world, unpack, "Nova")
    before = {room: past(world, nova, room)[-1].seq for room in nova.core.memory.rooms}
    counter = nova.core.memory.counter
    for room in before:
        nova.core.say(room, "Hello from the next version")
    world.settle()
    for room, last in before.items():
        event = past(world, nova, room)[-1]
        assert (event.seq, event.text) == (last + 1, "Hello from the next version")
    assert nova.core.memory.counter == counter + len(before)


def test_the_client_looks_for_its_state_in_the_same_file(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    path = state_file("Nova", "127.0.0.1", 6464)
    assert path == tmp_path / "netchat" / "127.0.0.1_6464_nova.db"
    assert (FOLDER / f"{path.name}.gz").exists()


# -- results ----------------------------------------------------------------------------------


def test_an_interrupted_run_is_resumed(tmp_path: Path) -> None:
    """The counts are those of the whole run of version 0.1, which was not interrupted."""
    complete = bench.Results.read(FOLDER / "encode-bench.json")
    path = tmp_path / "run.json"
    shutil.copy(FOLDER / "encode-bench-partial.json", path)
    partial = bench.Results.read(path)
    assert any(point.stopped_by == "interrupted" and point.tally.frames for point in partial.points)
    resumed = bench.run(
        complete.settings["codes"], complete.settings["channels"], frames=20_000, errors=1_000_000,
        seed=7, workers=1, resume=path,
    )  # fmt: skip
    for now, then in zip(resumed.points, complete.points, strict=True):
        assert (now.code, now.channel, now.tally) == (then.code, then.channel, then.tally)


def test_results_are_written_as_they_were_read(tmp_path: Path) -> None:
    for name, kind in (("encode-bench", bench.Results), ("link-bench", LinkResults)):
        path = FOLDER / f"{name}.json"
        kind.read(path).to_json(tmp_path / path.name)
        then, now = json.loads(path.read_text()), json.loads((tmp_path / path.name).read_text())
        for old, new in zip(then.pop("points"), now.pop("points"), strict=True):
            assert old.items() <= new.items()
        assert then == now


def test_results_are_shown() -> None:
    results = bench.Results.read(FOLDER / "encode-bench.json")
    table, grid = results.table(200), results.grid(200)
    for point in results.points:
        assert point.channel in table
        assert point.code in table
        assert f"{point.tally.frame_errors:,}" in table
        assert point.code in grid
    links = LinkResults.read(FOLDER / "link-bench.json")
    shown = links.table().splitlines()
    for point in links.points:
        assert any(point.link in line and f"{point.goodput:.3f}" in line for line in shown)


# -- captures ---------------------------------------------------------------------------------


def test_a_capture_is_decoded_to_the_same_items() -> None:
    result = CliRunner().invoke(cli, ["inspect", str(FOLDER / "chat.pcapng"), "--json"])
    assert result.exit_code == 0
    now, then = lines_of(result.stdout), lines_of(text_of("chat.jsonl"))
    assert {"notice", "decoded", "block"} <= {item["item"] for item in then}
    for item in (*now, *then):
        item.pop("reason", None)  # for people to read
        item.pop("encrypted", None)  # new
        item.get("header", {}).pop("redundancy", None)  # new
    assert now == then


def test_users_register_on_a_history_of_before(history: SqliteHistory) -> None:
    world = World(history, accounts="optional")
    user = world.user("Fresh", "lobby")
    assert user.core.has_accounts
    user.core.register("correct horse")
    world.settle()
    world.crash()
    shared = world.hub.state.shared
    account = shared.account_names.get("fresh")
    assert account is not None
    assert account.session is shared.by_name.get("Fresh")
    assert len(shared.sessions) > 1  # those of before
