"""A client's store on disk."""

import contextlib
import json
import os
import sqlite3
import stat

import pytest

from netchat.chat.client import ChatClient
from netchat.chat.outbox import ClientState, RoomView
from netchat.errors import NetchatError
from netchat.net.client_store import ClientStore
from netchat.wire import Annotate, EventKind, Join, RoomKind, Send, encode


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "nova.db"


def memory():
    made = ClientState(token=b"t" * 32, counter=9)
    made.rooms["lobby"] = RoomView("lobby", RoomKind.LOBBY, "", 2**63 - 1, 41)
    made.rooms["@1"] = RoomView("@1", RoomKind.PRIVATE, "Sourav", 7, 0)
    made.outbox[8] = Send(8, "lobby", "Grüße\n👩‍🚀")
    made.outbox[9] = Send(9, "@1", "psst")
    return made


def reload(path):
    store = ClientStore(path)
    try:
        return store.load()
    finally:
        store.close()


def save(path, *memories):
    store = ClientStore(path)
    for one in memories:
        store.save(one)
    store.close()


def test_a_new_one_is_empty_and_has_a_device_of_its_own(path):
    assert reload(path).device_key != reload(path).device_key
    assert reload(path).outbox == {}


def test_all_essential_state_is_restored(path):
    made = memory()
    save(path, made)
    assert reload(path) == made


def test_the_outbox_is_kept_up_to_date(path):
    made = memory()
    store = ClientStore(path)
    store.save(made)
    del made.outbox[8]
    made.counter = 10
    made.outbox[10] = Send(10, "lobby", "next")
    store.save(made)
    store.save(made)
    store.close()
    assert reload(path) == made
    assert list(reload(path).outbox) == [9, 10]


def test_annotations_are_kept(path):
    made = memory()
    made.outbox[10] = Annotate(10, EventKind.EDIT, 7, "lobby", "ho")
    made.outbox[11] = Annotate(11, EventKind.DELETE, 8, "lobby", "")
    made.outbox[12] = Send(12, "lobby", "next")
    made.counter = 12
    save(path, made)
    assert reload(path) == made
    assert list(reload(path).outbox) == [8, 9, 10, 11, 12]


def test_a_client_resumes_the_session_of_a_killed_one(path):
    save(path, memory())
    store = ClientStore(path)
    made = store.load()
    made.outbox.clear()
    store.save(made)
    store.close()
    assert reload(path).outbox == {}


def test_saved_state_survives_a_killed_client(path):
    store = ClientStore(path)
    store.save(memory())
    copy = path.with_name("copy.db")  # a copy of the file with its log
    copy.write_bytes(path.read_bytes())
    wal = path.with_name("nova.db-wal")
    copy.with_name("copy.db-wal").write_bytes(wal.read_bytes())
    assert reload(copy).outbox == memory().outbox
    store.close()


def test_one_client_at_a_time(path):
    store = ClientStore(path)
    with pytest.raises(NetchatError, match="locked"):
        ClientStore(path)
    store.save(memory())
    with pytest.raises(NetchatError, match="locked"):
        ClientStore(path)
    store.close()
    ClientStore(path).close()


def test_other_users_cannot_read_it(path):
    store = ClientStore(path)
    store.save(memory())
    files = list(path.parent.iterdir())
    assert len(files) > 1
    for file in files:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    store.close()


@pytest.mark.parametrize("content", [b"garbage" * 1000, b"SQLite format 3\0" + b"x" * 5000])
def test_a_damaged_file(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(NetchatError, match="Cannot use the client's state file"):
        ClientStore(path)


@pytest.mark.parametrize("state", ["{", "[]", "{}", '{"device_key": "zz"}', "null"])
def test_a_damaged_state(path, state):
    save(path, memory())
    file = sqlite3.connect(path)
    file.execute("UPDATE memory SET state = ?", (state,))
    file.commit()
    file.close()
    store = ClientStore(path)
    with pytest.raises(NetchatError, match="damaged"):
        store.load()
    store.close()


STATE = {
    "device_key": "00" * 16,
    "token": "",
    "counter": 1,
    "rooms": [["lobby", 1, "", 7, 3]],
    "private": {"sourav": ["psst"]},
    "annotations": [[2, 8, 7, "lobby", "ho"]],
}
WRONG = [
    None,
    "x",
    1.5,
    -1,
    2**64,
    [],
    {},
    [1],
    [["lobby"]],
    {"x": 1},
    {"x": [1]},
    True,
    "zz",
    "00",
]


@pytest.mark.parametrize("key", STATE)
def test_any_value_anywhere_in_the_state(path, key):
    save(path, memory())
    for value in WRONG:
        states = [{**STATE, key: value}]
        if key in ("rooms", "annotations"):
            room = STATE[key][0]
            states += [{**STATE, key: [[*room[:n], value, *room[n + 1 :]]]} for n in range(5)]
        for state in states:
            with contextlib.closing(sqlite3.connect(path)) as file:
                file.execute("UPDATE memory SET state = ?", (json.dumps(state),))
                file.commit()
            check_use(path)


@pytest.mark.parametrize(
    ("table", "column"), [("memory", "state"), ("outbox", "room"), ("outbox", "text")]
)
@pytest.mark.parametrize("value", ["NULL", "1.5", "x'ff00'", "CAST(x'ff' AS TEXT)", "'x'", "-1"])
def test_any_value_in_any_column(path, table, column, value):
    save(path, memory())
    with contextlib.closing(sqlite3.connect(path)) as file:
        file.execute("PRAGMA writable_schema = on")
        file.execute("UPDATE sqlite_master SET sql = replace(sql, 'NOT NULL', '')")
        file.commit()
    with contextlib.closing(sqlite3.connect(path)) as file:
        file.execute(f"UPDATE {table} SET {column} = {value}")
        file.commit()
    check_use(path)


@pytest.mark.parametrize("keep", [0, 99, 4096, 5000, 9000])
def test_a_truncated_file(path, keep):
    save(path, memory())
    os.truncate(path, keep)
    check_use(path)


@pytest.mark.parametrize("page", [0, 1, 2])
def test_a_damaged_page(path, page):
    save(path, memory())
    data = bytearray(path.read_bytes())
    data[page * 4096 : page * 4096 + 4096] = bytes(4096)
    path.write_bytes(data)
    check_use(path)


def check_use(path):
    """A stored state either works and can be saved again, or is refused with one line."""
    assert "\n" not in use(path)


def use(path):
    try:
        store = ClientStore(path)
    except NetchatError as error:
        return str(error)
    with contextlib.closing(store):
        try:
            loaded = store.load()
        except NetchatError as error:
            return str(error)
        client = ChatClient("Nova", loaded)
        client.connected()
        client.send_private("Sourav", "psst")
        client.data_to_send()
        for send in loaded.outbox.values():
            encode(send)
        for view in loaded.rooms.values():
            encode(Join(1, view.log, view.last, view.code))
        store.save(loaded)
        return ""


@pytest.mark.parametrize("name", ["hard", "symbolic"])
def test_one_client_at_a_time_by_any_name_of_the_file(path, name):
    store = ClientStore(path)
    link = path.with_name("link.db")
    link.hardlink_to(path) if name == "hard" else link.symlink_to(path)
    with pytest.raises(NetchatError, match="locked"):
        ClientStore(link)
    store.save(memory())
    store.close()


@pytest.mark.parametrize("which", ["nova.db", "nova.db-wal"])
def test_a_file_that_is_deleted_is_made_again_from_memory(path, which):
    store = ClientStore(path)
    made = memory()
    store.save(made)
    path.with_name(which).unlink()
    del made.outbox[8]
    made.outbox[10] = Send(10, "lobby", "next")
    made.counter = 10
    store.save(made)
    killed = path.with_name("copy.db")  # as after a crash of the client
    killed.write_bytes(path.read_bytes())
    killed.with_name("copy.db-wal").write_bytes(path.with_name("nova.db-wal").read_bytes())
    store.close()
    assert reload(killed) == made
    assert reload(path) == made


def test_a_file_that_is_replaced_is_not_written(path):
    store = ClientStore(path)
    store.save(memory())
    path.rename(path.with_name("elsewhere.db"))
    path.write_bytes(b"another file")
    with pytest.raises(NetchatError, match="replaced"):
        store.save(memory())
    assert path.read_bytes() == b"another file"
    store.close()


def test_an_existing_file_is_made_private_with_a_notice(path):
    save(path, memory())
    path.chmod(0o644)
    store = ClientStore(path)
    assert "nova.db (mode 0644)" in store.notice
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    store.close()


def test_a_path_that_is_not_a_regular_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", tmp_path):
        with pytest.raises(NetchatError, match="not a regular file"):
            ClientStore(path)


def test_a_failing_disk_keeps_the_saved_state_and_may_recover(path):
    made = memory()
    store = ClientStore(path)
    store.save(made)
    store._file.execute("PRAGMA query_only = on")
    made.outbox[10] = Send(10, "lobby", "later")
    with pytest.raises(NetchatError, match="Cannot write the client's state file"):
        store.save(made)
    store._file.execute("PRAGMA query_only = off")
    store.save(made)
    store.close()
    assert reload(path).outbox == made.outbox


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(NetchatError, match="Cannot use the client's state file"):
        ClientStore(tmp_path / "file" / "nova.db")


def test_a_private_message_without_a_room_yet_survives(tmp_path):
    store = ClientStore(tmp_path / "nova.db")
    client = ChatClient("Nova", store.load())
    client.send_private("Sourav", "psst")
    store.save(client.memory)
    store.close()
    again = ClientStore(tmp_path / "nova.db")
    assert again.load().private == {"sourav": ["psst"]}
    again.close()


def test_a_file_reached_by_a_symlink_is_opened_and_saved(path, tmp_path):
    link = tmp_path / "link.db"
    ClientStore(path).close()
    link.symlink_to(path)
    store = ClientStore(link)
    store.save(memory())
    store.save(memory())
    store.close()
    assert link.is_symlink()
    assert reload(path).counter == memory().counter


def test_keys_and_secrets_of_sealed_messages_are_kept(path):
    made = memory()
    made.sealing.saved = {"device": "00", "rooms": {}}
    store = ClientStore(path)
    store.save(made)
    store.close()
    assert reload(path).sealing.saved == made.sealing.saved
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
