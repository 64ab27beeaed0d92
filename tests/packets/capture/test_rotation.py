"""Sets of files: nothing is lost between two of them, and the oldest are deleted."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from netchat.errors import CaptureError
from netchat.packets import Packet, read_packets
from netchat.packets.capture.rotation import RotatingWriter, Rotation

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND


def packets(count: int, step: int = SECOND) -> list[Packet]:
    rng = random.Random(1)
    made = []
    for number in range(1, count + 1):
        data = rng.randbytes(rng.randrange(400))
        made.append(Packet(number, START + number * step, 1, data, len(data)))
    return made


def written(folder: Path) -> list[list[Packet]]:
    return [list(read_packets(file)) for file in sorted(folder.iterdir())]


def write(path: Path, rotation: Rotation, sent: list[Packet], log: bytes = b"") -> RotatingWriter:
    with RotatingWriter(path, rotation, "eth0") as out:
        for packet in sent:
            out.write(packet)
            if log and packet is sent[0]:
                out.secrets(log)
        out.statistics(START, len(sent), 0)
    return out


@pytest.mark.parametrize("suffix", [".pcapng", ".pcap", ""])
@pytest.mark.parametrize("size", [1, 1000, 5000, 10**6])
def test_no_packet_is_lost_between_files(tmp_path: Path, suffix: str, size: int) -> None:
    sent = packets(300)
    out = write(tmp_path / f"chat{suffix}", Rotation(size), sent)
    files = written(tmp_path)
    found = [packet for file in files for packet in file]
    assert [packet[1:] for packet in found] == [packet[1:] for packet in sent]
    assert out.count == len(files) == len(out.files)
    assert all(files)
    for file, content in zip(sorted(tmp_path.iterdir()), files, strict=True):
        name = rf"chat_\d{{5}}_\d{{14}}{re.escape(suffix)}"  # as Wireshark expects of a set
        assert re.fullmatch(name, file.name)
        # The counters at the end of the last file are beyond its limit.
        assert file.stat().st_size <= size + 100 or len(content) == 1
        assert file.stat().st_mode & 0o077 == 0
    if size == 5000:
        assert 10 < len(files) < 20


def test_files_of_a_time(tmp_path: Path) -> None:
    write(tmp_path / "chat.pcapng", Rotation(seconds=10.0), packets(35))
    assert [len(file) for file in written(tmp_path)] == [10, 10, 10, 5]
    assert [file[0].time for file in written(tmp_path)][1] == START + 11 * SECOND


def test_both_limits(tmp_path: Path) -> None:
    write(tmp_path / "chat.pcapng", Rotation(size=900, seconds=3.0), packets(60))
    lengths = [len(file) for file in written(tmp_path)]
    assert max(lengths) == 3
    assert min(lengths) < 3


def test_the_newest_are_kept_and_numbers_continue(tmp_path: Path) -> None:
    others = [
        "chat.pcapng", "chat_00001_x.pcapng", "chats_00001_20260101000000.pcapng",
        "chat_00001_20260101000000.pcap",
    ]  # fmt: skip
    for name in others:
        (tmp_path / name).write_bytes(b"kept")
    for first in (1, 31):
        sent = packets(60)[first - 1 : first + 29]
        out = write(tmp_path / "chat.pcapng", Rotation(seconds=10.0, keep=2), sent)
        assert out.count == 3
        names = sorted(file.name for file in out.files)
        assert [int(name[5:10]) for name in names] == [first // 10 + 2, first // 10 + 3]
        left = {file.name for file in tmp_path.iterdir()} - set(others)
        assert sorted(left) == names
        found = [p.time for file in out.files for p in read_packets(file)]
        assert found == [packet.time for packet in sent[10:]]
    assert all((tmp_path / name).read_bytes() == b"kept" for name in others)


def test_each_file_has_the_secrets(tmp_path: Path) -> None:
    log = b"CLIENT_RANDOM aa bb\n"
    write(tmp_path / "chat.pcapng", Rotation(seconds=10.0), packets(25), log)
    for file in tmp_path.iterdir():
        found: list[bytes] = []
        list(read_packets(file, found.append))
        assert found == [log]
    old, new = b"x" * 700_000, b"y" * 700_000  # more than each file repeats
    with RotatingWriter(tmp_path / "big.pcapng", Rotation(seconds=1.0)) as out:
        for number, packet in enumerate(packets(3)):
            out.write(packet)
            if number < 2:
                out.secrets((old, new)[number])
    found = []
    list(read_packets(out.files[-1], found.append))
    assert found == [new]
    # Small files repeat fewer secrets, so that they have room for packets.
    with RotatingWriter(tmp_path / "few.pcapng", Rotation(64_000)) as out:
        for _ in range(100):
            out.secrets(b"z" * 1000)
        for packet in packets(50):
            out.write(packet)
    assert out.count < 10
    with RotatingWriter(tmp_path / "small.pcap", Rotation(1)) as out:
        assert not out.holds_secrets


def test_links_are_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.strftime", lambda _: "20260101000000")
    target = tmp_path / "target"
    target.write_bytes(b"kept")
    folder = tmp_path / "set"
    folder.mkdir()
    monkeypatch.setattr(RotatingWriter, "_find", lambda _: [])  # the link appears after the search
    link = folder / "chat_00001_20260101000000.pcapng"
    link.symlink_to(target)
    write(folder / "chat.pcapng", Rotation(10**6), packets(1))
    assert target.read_bytes() == b"kept"
    assert [len(file) for file in written(folder)] == [1]


def test_files_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"Cannot write .*missing.*: No such file"):
        RotatingWriter(tmp_path / "missing" / "chat.pcapng", Rotation(1))
    folder = tmp_path / "set"
    folder.mkdir()
    out = RotatingWriter(folder / "chat.pcapng", Rotation(1))
    out.write(packets(1)[0])
    folder.rename(tmp_path / "gone")
    with pytest.raises(CaptureError, match="Cannot write"):
        out.write(packets(2)[1])
    out.close()
    out.close()
    assert [len(file) for file in written(tmp_path / "gone")] == [1]
