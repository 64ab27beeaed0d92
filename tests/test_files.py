"""Files are written atomically, and text is always read and written as UTF-8."""

from __future__ import annotations

import ast
import contextlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from netchat.files import (
    create_new,
    create_private,
    give_to_sudo_user,
    make_private_folder,
    replacement,
    tighten,
    write_file,
)
from netchat.packets import Packet, open_writer
from netchat.packets.capture.live import _open_file
from tests.end_to_end.processes import ROOT


def test_a_file_is_replaced_as_a_whole_and_keeps_its_permissions(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"old")
    file.chmod(0o604)
    before = file.stat().st_ino
    write_file(file, "Grüße\n")
    assert file.read_bytes() == "Grüße\n".encode()
    assert stat.S_IMODE(file.stat().st_mode) == 0o604
    assert file.stat().st_ino != before
    assert list(tmp_path.iterdir()) == [file]


def test_a_failure_leaves_the_old_file_alone(tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.write_bytes(b"old")

    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_file(file, b"new")
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_the_new_file_is_never_readable_by_more_users_than_the_old_one(tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.write_bytes(b"old")
    file.chmod(0o600)
    modes = []
    fchmod = os.fchmod

    def watched(descriptor: int, mode: int) -> None:
        modes.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        fchmod(descriptor, mode)

    monkeypatch.setattr(os, "fchmod", watched)
    write_file(file, b"secret")
    assert modes == [0o600]


def test_a_name_as_long_as_the_file_system_allows(tmp_path):
    file = tmp_path / ("x" * 255)
    for content in (b"first", b"second"):
        write_file(file, content)
        assert file.read_bytes() == content


def test_a_file_is_on_the_disk_before_it_gets_its_name_and_its_name_after_that(
    tmp_path, monkeypatch
):
    events = []
    replace = Path.replace

    def synced(descriptor: int) -> None:
        status = os.fstat(descriptor)
        events.append(
            "folder" if stat.S_ISDIR(status.st_mode) else os.pread(descriptor, 9, 0).decode()
        )

    def renamed(self: Path, target: Path) -> None:
        events.append("rename")
        replace(self, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", renamed)
    write_file(tmp_path / "file", b"content")
    assert events == ["content", "rename", "folder"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_root_leaves_a_file_to_its_owner(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"old")
    os.chown(file, 4321, 4322)
    file.chmod(0o640)
    write_file(file, b"new")
    status = file.stat()
    assert (status.st_uid, status.st_gid, mode(file)) == (4321, 4322, 0o640)


@pytest.mark.parametrize(("uid", "replaced"), [(0, True), (4321, True), (4322, False)])
def test_another_users_file_is_written_in_place(tmp_path, monkeypatch, uid, replaced):
    """Only root, and the owner, can create a file that belongs to the same user."""
    file = tmp_path / "file"
    file.write_bytes(b"old")
    before = file.stat()
    lstat = Path.lstat
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    monkeypatch.setattr(
        Path, "lstat", lambda self: os.stat_result([*lstat(self)[:4], 4321, *lstat(self)[5:]])
    )
    write_file(file, b"new")
    assert file.read_bytes() == b"new"
    assert (file.stat().st_ino != before.st_ino) == replaced


def test_no_other_group_gets_rights_when_the_group_cannot_be_kept(tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.write_bytes(b"old")
    file.chmod(0o664)

    def refused(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "fchown", refused)
    write_file(file, b"new")
    assert mode(file) == 0o604


def test_links_stay_links_even_to_nothing(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    link.symlink_to(target)
    for content in (b"first", b"second"):
        write_file(link, content)
        assert link.is_symlink()
        assert target.read_bytes() == content


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="not on Windows; root writes everywhere"
)
def test_a_file_in_a_folder_of_others_is_written_in_place(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"old")
    tmp_path.chmod(0o500)
    try:
        write_file(file, b"new")
        assert file.read_bytes() == b"new"
    finally:
        tmp_path.chmod(0o700)


def _calls(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the calls of a source that read or write text without `encoding="utf-8"`."""
    source = path.read_text(encoding="utf-8")
    if not re.search(r"open\b|(read|write)_text\b|\bsubprocess\b", source):
        return  # parsing and walking it would find nothing
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = (
            node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        )
        owner = getattr(getattr(node.func, "value", None), "id", "")
        keywords = {keyword.arg for keyword in node.keywords}
        values = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
        values += [k.value.value for k in node.keywords if isinstance(k.value, ast.Constant)]
        if owner == "distribution":  # importlib.metadata always reads UTF-8
            continue
        if "encoding" in keywords or "utf-8" in values or "utf-8-sig" in values:
            continue
        if name in ("open", "fdopen") and owner != "os":
            modes = [
                value for value in values if isinstance(value, str) and set(value) <= set("rwabx+t")
            ]
            is_text = not any("b" in mode for mode in modes) and (bool(modes) or not node.args)
        elif name == "fdopen":
            is_text = not any(isinstance(value, str) and "b" in value for value in values)
        else:
            is_text = name in ("read_text", "write_text") or bool(
                keywords & {"text", "universal_newlines"} and owner == "subprocess"
            )
        if is_text:
            yield node.lineno, ast.unparse(node)[:80]


@pytest.mark.parametrize(
    "path", sorted((ROOT / "netchat").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT))
)
@pytest.mark.slow
def test_text_is_utf_8(path):
    found = list(_calls(path))
    assert found == [], found


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def open_umask():
    old = os.umask(0)
    yield
    os.umask(old)


@pytest.mark.usefixtures("open_umask")
def test_a_new_file_replaces_a_link_and_leaves_its_target_alone(tmp_path):
    target, link, hard = tmp_path / "target", tmp_path / "link", tmp_path / "hard"
    target.write_bytes(b"kept")
    target.chmod(0o644)
    link.symlink_to(target)
    hard.hardlink_to(target)
    (tmp_path / "nowhere").symlink_to(tmp_path / "missing")
    for name in ("link", "hard", "nowhere", "fresh"):
        with create_new(tmp_path / name) as file:
            file.write(b"new")
        assert not (tmp_path / name).is_symlink()
        assert (tmp_path / name).read_bytes() == b"new"
        assert mode(tmp_path / name) == 0o600
    assert target.read_bytes() == b"kept"
    assert mode(target) == 0o644
    assert not (tmp_path / "missing").exists()
    with pytest.raises(OSError, match=r"Is a directory|not permitted|denied"):
        create_new(tmp_path)


def test_a_new_file_follows_no_link_that_appears_in_between(tmp_path, monkeypatch):
    target = tmp_path / "target"
    target.write_bytes(b"kept")
    unlink = os.unlink

    def raced(path, **options):
        with contextlib.suppress(FileNotFoundError):
            unlink(path, **options)
        Path(path).symlink_to(target)

    monkeypatch.setattr(os, "unlink", raced)
    with pytest.raises(FileExistsError):
        create_new(tmp_path / "file")
    assert target.read_bytes() == b"kept"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_only_root_for_a_user_gives_files_away(tmp_path, monkeypatch):
    with create_new(tmp_path / "file") as file:
        monkeypatch.delenv("SUDO_UID", raising=False)
        give_to_sudo_user(file.fileno())
        assert os.fstat(file.fileno()).st_uid == 0
        monkeypatch.setenv("SUDO_UID", "4321")
        monkeypatch.setenv("SUDO_GID", "4322")
        give_to_sudo_user(file.fileno())
        status = os.fstat(file.fileno())
        assert (status.st_uid, status.st_gid) == (4321, 4322)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_root_gives_away_no_file_that_replaced_the_new_one(tmp_path):
    """The folder's owner may replace the name of the new file by a link at any time."""
    file, victim = tmp_path / "file", tmp_path / "victim"
    for one in (file, victim):
        one.write_bytes(b"old")
    os.chown(file, 4321, 4322)
    with contextlib.suppress(OSError), replacement(file):
        (new,) = tmp_path.glob(".netchat-*")
        new.unlink()
        new.symlink_to(victim)
    assert victim.stat().st_uid == 0


@pytest.mark.usefixtures("open_umask")
def test_new_files_are_private(tmp_path):
    create_private(tmp_path / "file").close()
    make_private_folder(tmp_path / "above" / "folder")
    assert mode(tmp_path / "file") == 0o600
    assert mode(tmp_path / "above" / "folder") == 0o700


@pytest.mark.parametrize(("before", "after"), [(0o644, 0o600), (0o755, 0o700), (0o440, 0o400)])
@pytest.mark.usefixtures("open_umask")
def test_other_users_lose_their_permissions_and_the_owner_none(tmp_path, before, after):
    path = tmp_path / "file"
    path.touch()
    path.chmod(before)
    assert f"(mode {before:04o})" in tighten(path)
    assert mode(path) == after
    assert tighten(path) == ""


@pytest.mark.usefixtures("open_umask")
def test_devices_and_missing_files_are_left_alone(tmp_path):
    os.mkfifo(tmp_path / "fifo", 0o666)
    null = Path("/dev/null")
    before = mode(null)
    assert [tighten(path) for path in (tmp_path / "fifo", tmp_path / "none", null)] == ["", "", ""]
    assert mode(tmp_path / "fifo") == 0o666
    assert mode(null) == before


@pytest.mark.parametrize("name", ["c.pcap", "c.pcapng", "c.pcapng.gz"])
@pytest.mark.parametrize("time", [-(10**18), -1, 2**62])
@pytest.mark.usefixtures("open_umask")
def test_captures_are_private_and_take_any_time(tmp_path, name, time):
    with open_writer(tmp_path / name) as out:
        out.write(Packet(1, time, 1, bytes(60), 60))
    assert mode(tmp_path / name) == 0o600


@pytest.mark.usefixtures("open_umask")
def test_live_captures_are_private(tmp_path):
    file, writer = _open_file(tmp_path / "c.pcapng", "lo", None)
    writer.statistics(-1, 1, 0)
    file.close()
    assert mode(tmp_path / "c.pcapng") == 0o600
