"""The file of known servers: private, and safe for several processes."""

from __future__ import annotations

import stat
import threading

import pytest

from netchat.errors import TlsError
from netchat.net.tls.known_servers import KnownServer, KnownServers


def test_what_was_stored_is_found(tmp_path) -> None:
    known = KnownServers(tmp_path / "folder" / "known_servers")
    assert known.find("chat.example:6464") is None
    known.store("Chat.example:6464", "ab", "2026-11-30")
    known.store("[::1]:6464", "cd", "2026-11-30")
    assert known.find("chat.example:6464") == KnownServer("ab", "2026-11-30")
    assert known.find("[::1]:6464") == KnownServer("cd", "2026-11-30")
    assert known.find("chat.example:6465") is None


def test_a_new_key_replaces_the_old_one(tmp_path) -> None:
    known = KnownServers(tmp_path / "known")
    known.store("a:1", "ab", "2026-11-30")
    known.store("b:1", "ef", "2026-11-30")
    known.store("a:1", "cd", "2026-12-01")
    assert known.find("a:1") == KnownServer("cd", "2026-12-01")
    assert known.path.read_text().count("a:1") == 1
    assert known.find("b:1") is not None


def test_only_the_owner_can_read_it(tmp_path) -> None:
    known = KnownServers(tmp_path / "known")
    known.store("a:1", "ab", "2026-11-30")
    known.path.chmod(0o644)
    known.store("b:1", "ab", "2026-11-30")
    assert stat.S_IMODE(known.path.stat().st_mode) == 0o600


def test_lines_written_by_hand(tmp_path) -> None:
    path = tmp_path / "known"
    path.write_text("# a comment\n\na:1 ab\nbroken\n")
    assert KnownServers(path).find("a:1") == KnownServer("ab", "an unknown date")
    assert KnownServers(path).find("broken") is None


def test_concurrent_writers_lose_nothing(tmp_path) -> None:
    path = tmp_path / "known"

    def write(number: int) -> None:
        KnownServers(path).store(f"host{number}:1", f"{number:064x}", "2026-11-30")

    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(KnownServers(path).find(f"host{n}:1") for n in range(8))


def test_errors(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TlsError, match="Cannot write"):
        KnownServers(tmp_path / "file" / "known").store("a:1", "ab", "2026-11-30")
    with pytest.raises(TlsError, match="Cannot read"):
        KnownServers(tmp_path).find("a:1")


def test_the_default_is_in_the_data_directory(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert KnownServers().path.name == "known_servers"
