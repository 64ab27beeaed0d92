"""Live capture: the filter, the ring, the file, and the errors without permission."""

import json
import subprocess
import sys
import threading
import time

import pytest

from netchat.errors import CaptureError
from netchat.packets import read_packets
from netchat.packets.capture.bpf import NOTHING, chat_filter
from netchat.packets.capture.packet_queue import PacketQueue
from tests.packets.live_probe import samples
from tests.packets.namespaces import needs_root, network

CHAT = [
    "v4 to", "v4 from", "v4 options", "v4 udp", "v4 fragment", "v6 to", "v6 udp", "v6 from",
    "v6 extension", "vlan", "qinq",
]  # fmt: skip


@pytest.fixture(scope="module")
def inside():
    with network() as prefix:

        def run(*arguments):
            done = subprocess.run(
                [*prefix, sys.executable, "-m", "tests.packets.live_probe", *arguments],
                capture_output=True,
                text=True,
                check=False,
                timeout=30,
            )
            assert done.returncode == 0, done.stderr
            return json.loads(done.stdout)

        yield run


@needs_root
def test_the_filter_keeps_the_chat_and_nothing_else(inside):
    seen = inside("right", "6464", "")
    assert seen["names"] == CHAT
    assert seen["numbers"] == list(range(1, len(CHAT) + 1))
    assert seen["links"] == [1]
    assert seen["whole"]
    assert 0 <= seen["age"] < 10
    assert seen["counts"] == [len(CHAT), len(CHAT), 0, 0]


@needs_root
@pytest.mark.slow
def test_several_ports_and_all_of_them(inside):
    assert set(inside("right", "80,6464", "")["names"]) == {*CHAT, "v4 other port"}
    every = {*CHAT, "v4 other port", "v6 other port"} - {"v4 udp", "v6 udp"}
    assert set(inside("right", "", "")["names"]) == every


@needs_root
def test_any_captures_all_interfaces(inside):
    seen = inside("any", "6464", "")
    assert seen["links"] == [276]
    # A veth pair has two ends: what goes out of one comes in at the other.
    assert len(seen["names"]) == 2 * len(CHAT)
    # Of two VLAN tags the kernel removes one, but labels the packet as untagged.
    assert seen["skipped"] == []


@needs_root
@pytest.mark.parametrize("name", ["live.pcapng", "live.pcap"])
@pytest.mark.slow
def test_captured_packets_are_in_the_file(inside, tmp_path, name):
    path = tmp_path / name
    inside("right", "6464", str(path))
    sent = samples()
    assert [packet.data for packet in read_packets(path)] == [sent[name] for name in CHAT]


@needs_root
def test_unknown_interfaces_and_folders_are_reported(tmp_path):
    from netchat.packets.capture.live import Live

    with pytest.raises(CaptureError, match=r"Unknown interface nowhere; use any, .*lo"):
        Live("nowhere")
    with pytest.raises(CaptureError, match=r"Cannot write .*: No such file"):
        Live("lo", write=tmp_path / "missing" / "live.pcapng")
    with pytest.raises(CaptureError, match="gzip the file afterwards"):
        Live("lo", write=tmp_path / "live.pcapng.gz")


@needs_root
def test_a_full_device_is_reported_however_late_the_thread_ends(monkeypatch):
    from netchat.packets.capture.live import Live

    close = PacketQueue.close

    def close_and_wait(queue):
        close(queue)
        time.sleep(0.05)

    monkeypatch.setattr(PacketQueue, "close", close_and_wait)
    with (
        Live("lo", write="/dev/full") as live,
        pytest.raises(CaptureError, match="Cannot write /dev/full: No space left on device"),
    ):
        list(live)


class FailingSource:
    """A source of packets that fails where a test chooses."""

    link, received, dropped = 1, 0, 0

    def __init__(self, where):
        self.where = where

    def read(self, timeout):
        if self.where == "read":
            raise ValueError("an odd block")
        if self.where == "late":
            raise PermissionError(13, "Permission denied")

    def count(self):
        if self.where == "count":
            raise ValueError("odd counters")

    def stop(self):
        pass

    close = stop


@pytest.mark.parametrize(
    ("where", "what"),
    [
        ("read", "an odd block"),
        ("count", "odd counters"),
        ("late", r"The capture has failed: PermissionError\(13, 'Permission denied'\)"),
    ],
)
def test_every_error_of_a_thread_ends_the_capture_and_is_reported(monkeypatch, where, what):
    from netchat.packets.capture import live as module

    monkeypatch.setattr(module, "_open_source", lambda *_: FailingSource(where))
    monkeypatch.setattr(module, "_TURN", 0.001)
    with module.Live("lo") as live:
        live.stop()
        with pytest.raises(CaptureError, match=what):
            for _, _ in zip(range(2000), live, strict=False):
                pass


@needs_root
def test_without_permission_the_old_file_is_kept(tmp_path):
    path = tmp_path / "old.pcapng"
    path.write_text("kept")
    tmp_path.chmod(0o777)
    path.chmod(0o666)
    code = (
        "import os, sys; import netchat.packets.capture.afpacket\n"
        "from netchat.errors import NotPermitted\n"
        "from netchat.packets.capture.live import Live\n"
        "os.setgroups([]); os.setuid(65534)\n"
        f"try: Live('lo', write={str(path)!r})\n"
        "except NotPermitted: sys.exit(4)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 4
    assert path.read_text() == "kept"


def test_a_filter_has_complete_instructions_and_a_port_limit():
    assert len(chat_filter([6464])) % 8 == 0
    assert len(NOTHING) == 8
    with pytest.raises(CaptureError, match="too many ports"):
        chat_filter(range(1, 300))


def test_a_queue_is_bounded_by_bytes():
    backlog = PacketQueue(10)
    assert backlog.offer(b"12345")
    assert backlog.offer((b"123456", 7))
    assert not backlog.offer(b"")
    assert backlog.get() == b"12345"
    assert backlog
    assert backlog.get() == (b"123456", 7)
    with pytest.raises(TimeoutError):
        backlog.get(0.01)


def test_a_full_queue_blocks_until_it_is_closed():
    backlog = PacketQueue(1)
    backlog.put(b"123")
    feeder = threading.Thread(target=backlog.put, args=(b"45",))
    feeder.start()
    feeder.join(0.05)
    assert feeder.is_alive()
    backlog.close()
    feeder.join(5)
    assert not feeder.is_alive()
    assert backlog.get() == b"123"
    assert backlog.get() is None
