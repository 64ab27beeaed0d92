"""The file of a history: its lock, its permissions, and detection of moved files."""

import contextlib
import errno
import os
import sqlite3
import stat
import subprocess
import sys

import pytest

from netchat.errors import HistoryError
from netchat.net.history.history_file import HistoryFile
from netchat.net.history.sqlite_history import SqliteHistory
from tests.net.history.test_sqlite_history import batch, open_history, read, row

OTHER_PROCESS = """
import pathlib, sys
from netchat.errors import HistoryError
from netchat.net.history.sqlite_history import SqliteHistory
try:
    SqliteHistory(pathlib.Path(sys.argv[1]))
except HistoryError as error:
    print(error)
"""


@pytest.fixture
def history(tmp_path):
    made = open_history(tmp_path)
    yield made
    made.close()


def in_another_process(path):
    command = [sys.executable, "-c", OTHER_PROCESS, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("name", ["same", "hard link", "symlink", "lock file removed"])
@pytest.mark.parametrize("process", ["this", "another"])
def test_a_second_server_is_refused_whatever_it_calls_the_file(history, tmp_path, name, process):
    path = tmp_path / "other.db"
    if name == "hard link":
        path.hardlink_to(history.path)
    elif name == "symlink":
        path.symlink_to(history.path)
    else:
        path = history.path
        for lock in tmp_path.glob("*-lock"):
            lock.unlink()
    if process == "another":
        assert "in use by another server" in in_another_process(path)
    else:
        with pytest.raises(HistoryError, match="in use by another server"):
            SqliteHistory(path)
    # The attempt has not released the locks that SQLite holds for the first server.
    history.write([batch(row(1))])
    wal = history.path.with_name("history.db-wal")
    with contextlib.closing(sqlite3.connect(history.path)) as reader:
        assert reader.execute("SELECT count(*) FROM event").fetchone() == (1,)
    assert wal.exists()
    assert read(history, 1, 9) == ([1], 1)


def test_it_can_be_opened_again_after_it_was_closed(tmp_path):
    for _ in range(2):
        open_history(tmp_path).close()
    assert in_another_process(tmp_path / "history.db") == ""


class Unsupported:
    """Replacement of `fcntl` on a system without open file description locks."""

    F_OFD_SETLK = F_WRLCK = 0

    @staticmethod
    def fcntl(*_):
        raise OSError(errno.EINVAL, "Invalid argument")


@pytest.mark.parametrize("module", [None, Unsupported])
def test_without_file_locks_a_companion_file_is_locked(tmp_path, monkeypatch, module):
    monkeypatch.setattr("netchat.net.history.history_file.fcntl", module)
    history = open_history(tmp_path)
    link = tmp_path / "link.db"
    link.symlink_to(history.path)
    monkeypatch.setattr(
        "netchat.net.history.history_file._in_use", set()
    )  # as another process sees it
    with pytest.raises(HistoryError, match="in use by another server"):
        SqliteHistory(link)
    history.close()
    open_history(tmp_path).close()


def rename(path):
    path.rename(path.with_name("elsewhere.db"))


def replace(path):
    path.rename(path.with_name("elsewhere.db"))
    path.write_bytes(b"another file")


def delete_log(path):
    path.with_name(f"{path.name}-wal").unlink()


def delete_index(path):
    path.with_name(f"{path.name}-shm").unlink()


def delete_folder(path):
    path.parent.rename(path.parent.with_name("moved"))


def empty(path):
    os.truncate(path, 0)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (os.unlink, "deleted or renamed"),
        (rename, "deleted or renamed"),
        (replace, "replaced by another file"),
        (delete_log, "-wal was deleted"),
        (delete_index, "-shm was deleted"),
        (delete_folder, "deleted or renamed"),
        (empty, "emptied"),
    ],
)
def test_a_file_that_changes_underneath_is_noticed(tmp_path, harm, said):
    folder = tmp_path / "folder"
    history = open_history(folder)
    history.write([batch(row(1))])
    history.check()
    assert history.in_place()
    harm(history.path)
    assert history.in_place() == (harm in (delete_log, delete_index))
    with pytest.raises(HistoryError, match=said):
        history.check()
    history.rescue()
    with pytest.raises(HistoryError, match=said):
        history.check()
    history.close()


@pytest.mark.parametrize("harm", [rename, replace, delete_log])
def test_acknowledged_messages_are_in_the_file_even_if_it_was_moved(tmp_path, harm):
    history = open_history(tmp_path)
    history.write([batch(row(1))])
    harm(history.path)
    history.rescue()
    history.close()
    moved = tmp_path / "elsewhere.db"
    again = SqliteHistory(moved if moved.exists() else history.path)
    assert read(again, 1, 9) == ([1], 1)
    again.close()


def test_a_restored_file_is_used_again(history, tmp_path):
    rename(history.path)
    with pytest.raises(HistoryError):
        history.check()
    history.rescue()
    (tmp_path / "elsewhere.db").rename(history.path)
    history.check()
    history.write([batch(row(1))])
    history.check()


def test_a_symlink_that_leads_elsewhere_is_noticed(tmp_path):
    real, other, link = (tmp_path / name for name in ("real.db", "other.db", "link.db"))
    link.symlink_to(real)
    history = SqliteHistory(link)
    other.touch()
    link.unlink()
    link.symlink_to(other)
    with pytest.raises(HistoryError, match="replaced"):
        history.check()
    history.close()


def modes(folder):
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


def test_only_the_owner_can_read_it(tmp_path):
    history = open_history(tmp_path / "folder")
    history.write([batch(row(1))])
    assert history.notices == []
    assert stat.S_IMODE((tmp_path / "folder").stat().st_mode) == 0o700
    assert len(modes(tmp_path / "folder")) == 3
    assert set(modes(tmp_path / "folder").values()) == {0o600}
    history.close()


def test_an_existing_file_is_made_private_with_a_notice(tmp_path):
    open_history(tmp_path).close()
    path = tmp_path / "history.db"
    path.chmod(0o644)
    tmp_path.chmod(0o755)
    history = open_history(tmp_path)
    history.write([batch(row(1))])
    (notice,) = history.notices
    assert "history.db (mode 0644)" in notice
    assert set(modes(tmp_path).values()) == {0o600}
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755  # this folder may hold other files
    history.close()


def test_a_path_that_is_not_a_regular_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", tmp_path, "/dev/null"):
        with pytest.raises(HistoryError, match="not a regular file"):
            SqliteHistory(tmp_path / path)


def test_the_lock_is_given_back_if_the_file_turns_out_unusable(tmp_path):
    path = tmp_path / "history.db"
    with contextlib.ExitStack() as opened:
        HistoryFile(path, opened)
    with contextlib.ExitStack() as opened:
        HistoryFile(path, opened)
