"""Files of a server on disk."""

import errno
import hashlib
import shutil
import sqlite3

import pytest

from netchat.chat.file_jobs import (
    ClosePartial,
    DropPartial,
    FinishPartial,
    OpenPartial,
    PartialKey,
    ReadStored,
    RemoveStored,
    StoredFile,
    WritePartial,
)
from netchat.errors import HistoryError
from netchat.net.files import file_store
from netchat.net.files.file_store import RESERVE, FileStore
from netchat.wire import MAX_CHUNK, FrameReader, decode

DATA = bytes(range(256)) * 400
HASH = hashlib.sha256(DATA).digest()
KEY = PartialKey("device:7", HASH, len(DATA))
STORED = StoredFile(1, HASH, len(DATA), "device:7", 5)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "history.db.files"


def store_file(store, data=DATA, key=KEY, stored=STORED):
    assert store.run(OpenPartial(None, key)) == 0
    assert store.run(WritePartial(None, key, data)) == len(data)
    return store.run(FinishPartial(None, key, stored))


def read(store, offset, length):
    frames = store.run(ReadStored(None, 3, HASH, offset, length))
    return [decode(frame) for frame in FrameReader().feed(b"".join(frames))]


def test_a_file_is_stored_and_read_in_chunks(folder):
    store = FileStore(folder)
    assert store_file(store) is True
    chunks = read(store, 10, MAX_CHUNK + 5)
    assert [(c.request, c.offset, len(c.data)) for c in chunks] == [
        (3, 10, MAX_CHUNK),
        (3, 10 + MAX_CHUNK, 5),
    ]
    assert b"".join(c.data for c in chunks) == DATA[10 : MAX_CHUNK + 15]
    store.close()
    again = FileStore(folder)
    assert (again.files, again.partials) == ([STORED], [])
    assert read(again, 0, 5)[0].data == DATA[:5]
    again.close()


def test_only_the_owner_can_read_them(folder):
    store = FileStore(folder)
    store_file(store)
    for path in [folder, *folder.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path
    store.close()


def test_nothing_is_created_before_the_first_file(folder):
    store = FileStore(folder)
    assert store.run(DropPartial(KEY)) is None
    assert store.run(ClosePartial(KEY)) is None
    assert isinstance(store.run(ReadStored(None, 3, HASH, 0, 5)), OSError)
    assert not folder.exists()
    store.close()


def test_the_same_content_is_stored_once(folder):
    store = FileStore(folder)
    store_file(store)
    other = PartialKey("account:2", HASH, len(DATA))
    second = STORED._replace(log=2, owner="account:2")
    assert store_file(store, key=other, stored=second) is True
    assert len(list((folder / "complete").glob("*/*"))) == 1
    store.run(RemoveStored((STORED,), ()))
    assert read(store, 0, 5)
    store.run(RemoveStored((second,), (HASH,)))
    assert list((folder / "complete").glob("*/*")) == []
    store.close()
    assert FileStore(folder).files == []


def test_wrong_bytes_are_deleted(folder):
    store = FileStore(folder)
    assert store_file(store, DATA[:-1] + b"?") is False
    assert [
        path for path in folder.rglob("*") if path.is_file() and "files.db" not in path.name
    ] == []
    store.close()


def test_an_incomplete_file_continues(folder):
    store = FileStore(folder)
    store.run(OpenPartial(None, KEY))
    store.run(WritePartial(None, KEY, DATA[:1000]))
    store.run(ClosePartial(KEY))
    assert store.run(OpenPartial(None, KEY)) == 1000
    assert store.run(OpenPartial(None, KEY)) == 1000  # it is open
    store.close()
    again = FileStore(folder)
    assert [key for key, _ in again.partials] == [KEY]
    assert again.run(OpenPartial(None, KEY)) == 1000
    again.run(WritePartial(None, KEY, DATA[1000:]))
    assert again.run(FinishPartial(None, KEY, STORED)) is True
    again.close()


def test_an_incomplete_file_that_is_too_long_starts_over(folder):
    store = FileStore(folder)
    store.run(OpenPartial(None, KEY))
    (path,) = (folder / "partial").iterdir()
    store.run(ClosePartial(KEY))
    path.write_bytes(DATA + b"more")
    assert store.run(OpenPartial(None, KEY)) == 0
    store.run(DropPartial(KEY))
    assert not path.exists()
    store.close()


def test_bytes_of_an_upload_that_has_ended(folder):
    store = FileStore(folder)
    assert isinstance(store.run(WritePartial(None, KEY, b"x")), OSError)


def test_a_start_cleans_up(folder):
    """A crash may leave a complete file without an entry, and a disk error an entry without its file."""
    store = FileStore(folder)
    store_file(store)
    store.close()
    orphan = folder / "complete" / "ff" / ("ff" * 32)
    orphan.parent.mkdir()
    orphan.write_bytes(b"x")
    (folder / "complete" / "ff" / "note.txt").write_text("x", "utf-8")
    (folder / "partial" / "note.txt").write_text("x", "utf-8")
    (path,) = (folder / "complete").glob(f"*/{HASH.hex()}")
    store = FileStore(folder)
    assert not orphan.exists()
    store.close()
    path.write_bytes(b"short")
    store = FileStore(folder)
    assert (store.files, store.partials) == ([], [])
    store.close()


def test_the_disk_keeps_a_reserve(folder, monkeypatch):
    store = FileStore(folder)
    usage = shutil.disk_usage(folder.parent)
    for free, is_enough in ((RESERVE + len(DATA), True), (RESERVE + len(DATA) - 1, False)):
        free_now = usage._replace(free=free)
        monkeypatch.setattr(file_store.shutil, "disk_usage", lambda _, now=free_now: now)
        result = store.run(OpenPartial(None, KEY))
        if is_enough:
            assert result == 0
        else:
            assert (result.errno, result.strerror) == (
                errno.ENOSPC,
                "the disk of the server is full",
            )
    store.close()


def test_a_damaged_index_is_an_error(folder):
    folder.mkdir()
    (folder / "files.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(HistoryError, match="Cannot use the files in"):
        FileStore(folder)


def test_an_index_that_fails_is_reported(folder, monkeypatch):
    store = FileStore(folder)
    store.run(OpenPartial(None, KEY))
    store.run(WritePartial(None, KEY, DATA))
    store._index.close()
    result = store.run(FinishPartial(None, KEY, STORED))
    assert isinstance(result, OSError)
    assert "the index of files" in str(result)
    assert len(list((folder / "partial").iterdir())) == 1, "the bytes stay"
    store._index = None
    monkeypatch.setattr(store, "_prepare", lambda _: (_ for _ in ()).throw(sqlite3.Error("bad")))
    assert isinstance(store.run(OpenPartial(None, KEY)), OSError)


def test_a_temporary_folder_is_deleted():
    store = FileStore(None, fsync=False)
    store_file(store)
    folder = store._folder
    assert folder.exists()
    store.close()
    assert not folder.exists()


def test_files_that_are_read_stay_open_up_to_a_limit(folder, monkeypatch):
    monkeypatch.setattr(file_store, "_OPEN_FILES", 1)
    store = FileStore(folder)
    store_file(store)
    data = b"other"
    digest = hashlib.sha256(data).digest()
    key = PartialKey("device:7", digest, len(data))
    store_file(store, data, key, StoredFile(1, digest, len(data), "device:7", 5))
    for _ in range(2):
        assert read(store, 0, 5)[0].data == DATA[:5]
        store.run(ReadStored(None, 3, digest, 0, 5))
        assert len(store._open) == 1
    assert isinstance(store.run(ReadStored(None, 3, digest, 0, 6)), FileNotFoundError)
    store.close()


def test_large_files_are_written_behind(folder, monkeypatch):
    monkeypatch.setattr(file_store, "_WRITE_BEHIND", 1000)
    store = FileStore(folder)
    assert store_file(store) is True
    store.close()
