"""Files that only their owner may read."""

import os
import stat
from pathlib import Path

import pytest

from netchat.packets import Packet, open_writer
from netchat.packets.capture.live import _open_file
from netchat.private_files import create_private, make_private_folder, tighten


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(autouse=True)
def open_umask():
    old = os.umask(0)
    yield
    os.umask(old)


def test_what_is_made_is_private(tmp_path):
    create_private(tmp_path / "file").close()
    make_private_folder(tmp_path / "above" / "folder")
    assert mode(tmp_path / "file") == 0o600
    assert mode(tmp_path / "above" / "folder") == 0o700


@pytest.mark.parametrize(("before", "after"), [(0o644, 0o600), (0o755, 0o700), (0o440, 0o400)])
def test_other_users_lose_their_permissions_and_the_owner_none(tmp_path, before, after):
    path = tmp_path / "file"
    path.touch()
    path.chmod(before)
    assert f"(mode {before:04o})" in tighten(path)
    assert mode(path) == after
    assert tighten(path) == ""


def test_devices_and_missing_files_are_left_alone(tmp_path):
    os.mkfifo(tmp_path / "fifo", 0o666)
    null = Path("/dev/null")
    before = mode(null)
    assert [tighten(path) for path in (tmp_path / "fifo", tmp_path / "none", null)] == ["", "", ""]
    assert mode(tmp_path / "fifo") == 0o666
    assert mode(null) == before


@pytest.mark.parametrize("name", ["c.pcap", "c.pcapng", "c.pcapng.gz"])
@pytest.mark.parametrize("time", [-(10**18), -1, 2**62])
def test_captures_are_private_and_take_any_time(tmp_path, name, time):
    with open_writer(tmp_path / name) as out:
        out.write(Packet(1, time, 1, bytes(60), 60))
    assert mode(tmp_path / name) == 0o600


def test_live_captures_are_private(tmp_path):
    file, writer = _open_file(tmp_path / "c.pcapng", "lo")
    writer.statistics(-1, 1, 0)
    file.close()
    assert mode(tmp_path / "c.pcapng") == 0o600
