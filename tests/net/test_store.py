"""What a client keeps on disk."""

import sqlite3
import stat

import pytest

from netchat.chat.client import ChatClient
from netchat.chat.outbox import ClientMemory, View
from netchat.errors import NetchatError
from netchat.net.store import ClientStore
from netchat.wire import RoomKind, Send


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "nova.db"


def memory():
    made = ClientMemory(token=b"t" * 32, counter=9)
    made.rooms["lobby"] = View("lobby", RoomKind.LOBBY, "", 2**63 - 1, 41)
    made.rooms["@1"] = View("@1", RoomKind.PRIVATE, "Sourav", 7, 0)
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


def test_everything_that_matters_is_there_again(path):
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


def test_it_goes_on_where_an_earlier_client_was_killed(path):
    save(path, memory())
    store = ClientStore(path)
    made = store.load()
    made.outbox.clear()
    store.save(made)
    store.close()
    assert reload(path).outbox == {}


def test_what_was_saved_survives_a_client_that_is_killed(path):
    store = ClientStore(path)
    store.save(memory())
    copy = path.with_name("copy.db")  # as the file is on disk now, its log beside it
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


def test_nobody_else_can_read_it(path):
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
    with pytest.raises(NetchatError, match="cannot be used"):
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


def test_a_disk_that_fails_leaves_what_was_saved_and_may_work_again(path):
    made = memory()
    store = ClientStore(path)
    store.save(made)
    store._file.execute("PRAGMA query_only = on")
    made.outbox[10] = Send(10, "lobby", "later")
    with pytest.raises(NetchatError, match="cannot be saved"):
        store.save(made)
    store._file.execute("PRAGMA query_only = off")
    store.save(made)
    store.close()
    assert reload(path).outbox == made.outbox


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(NetchatError, match="cannot be used"):
        ClientStore(tmp_path / "file" / "nova.db")


def test_a_private_message_without_a_room_yet_survives(tmp_path):
    store = ClientStore(tmp_path / "nova.db")
    client = ChatClient("Nova", store.load())
    client.tell("Sourav", "psst")
    store.save(client.memory)
    store.close()
    again = ClientStore(tmp_path / "nova.db")
    assert again.load().private == {"sourav": ["psst"]}
    again.close()
