"""Health of TCP connections, compared with tshark's analysis and with segments built by hand."""

from __future__ import annotations

import random
import struct
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.packets import Packet, read_capture
from netchat.packets.decode.conversation import Conversation
from netchat.packets.tcp.dissect import ACK, FIN, RST, SYN
from netchat.packets.tcp.health import ConnectionHealth, HealthMonitor, SideHealth
from tests.packets.segments import ethernet, ipv4
from tests.packets.sharks import needs_tshark, tshark

CAPTURES = sorted((Path(__file__).parents[3] / "captures").glob("*.pcapng"))

_MS = 1_000_000
CLIENT, SERVER = ("10.0.0.1", 40000), ("10.0.0.2", 6464)


class Line:
    """Connection whose segments are written field by field.

    Attributes:
        monitor: Observer of the segments.
    """

    def __init__(self, monitor: HealthMonitor | None = None) -> None:
        self.monitor = monitor if monitor is not None else HealthMonitor()
        self._number = 0

    def send(self, time: float, up: bool, seq: int, ack: int, flags: int, size: int = 0,
             window: int = 1000, options: bytes = b"") -> None:  # fmt: skip
        source, target = (CLIENT, SERVER) if up else (SERVER, CLIENT)
        options += b"\x01" * (-len(options) % 4)
        head = struct.pack(
            ">HHIIBBHHH", source[1], target[1], seq % 2**32, ack % 2**32,
            (5 + len(options) // 4) << 4, flags, window, 0, 0,
        )  # fmt: skip
        data = ethernet(ipv4(source[0], target[0], head + options + bytes(size)))
        self._number += 1
        self.monitor.feed(Packet(self._number, round(time * _MS), 1, data, len(data)))

    def open(self, client: bytes = b"", server: bytes = b"", seq: int = 100) -> None:
        self.send(0, True, seq, 0, SYN, options=client)
        self.send(1, False, 500, seq + 1, SYN | ACK, options=server)
        self.send(2, True, seq + 1, 501, ACK)

    def sides(self, began: float = 0) -> tuple[SideHealth, SideHealth]:
        found = self.monitor.of(Conversation(1, CLIENT, SERVER, round(began * _MS), True))
        assert found is not None
        return found


SCALE_7, SCALE_2 = b"\x03\x03\x07", b"\x03\x03\x02"
MSS, SACK_OK = b"\x02\x04\x05\xb4", b"\x04\x02"


def test_options_of_the_handshake() -> None:
    line = Line()
    line.open(MSS + SACK_OK + b"\x01" + SCALE_7, MSS)
    client, server = line.sides()
    assert (client.mss, client.scale, client.sack_permitted) == (1460, 7, True)
    assert (server.mss, server.scale, server.sack_permitted) == (1460, None, False)
    # The server offered no scaling, so the client's shift does not count.
    assert client.window_max == 1000
    assert server.window_max == -1
    assert "SACK permitted" in client.text()
    assert "no SACK" in server.text()
    assert "no window seen" in server.text()


def test_windows_are_scaled_and_zero_windows_counted_once() -> None:
    line = Line()
    line.open(SCALE_7, SCALE_2)
    for time, window in ((3, 10), (4, 0), (5, 0), (6, 5), (7, 0)):
        line.send(time, False, 501, 101, ACK, window=window)
    client, server = line.sides()
    assert (client.window_min, client.window_max) == (128_000, 128_000)
    assert (server.window_min, server.window_max, server.zero_windows) == (0, 40, 2)
    line.send(8, False, 501, 101, RST | ACK, window=0)
    assert server.zero_windows == 2


def test_round_trips_leave_out_retransmissions() -> None:
    line = Line()
    line.open()
    line.send(10, True, 101, 501, ACK, 50)
    line.send(17, False, 501, 151, ACK)
    client, server = line.sides()
    assert list(client.rtt.kept) == [1 * _MS, 7 * _MS]  # of SYN and of the data
    assert list(server.rtt.kept) == [1 * _MS]
    line.send(20, True, 151, 501, ACK, 50)
    line.send(30, True, 151, 501, ACK, 50)
    line.send(31, False, 501, 201, ACK)
    assert client.rtt.count == 2
    line.send(40, True, 201, 501, ACK | FIN)
    line.send(45, False, 501, 202, ACK)
    assert list(client.rtt.kept)[2:] == [5 * _MS]


def test_duplicate_acks_and_sack() -> None:
    line = Line()
    line.open(SACK_OK, SACK_OK)
    line.send(9, False, 501, 101, ACK)  # nothing is outstanding: a window update
    line.send(10, True, 101, 501, ACK, 50)
    line.send(11, True, 151, 501, ACK, 50)
    block = b"\x01\x01\x05\x0a" + struct.pack(">II", 151, 201)
    line.send(12, False, 501, 101, ACK, options=block)
    line.send(13, False, 501, 101, ACK, options=block)
    _, server = line.sides()
    assert (server.sacks, server.duplicate_acks) == (2, 2)
    assert server.as_dict()["rtt"]["count"] == 1


@pytest.mark.parametrize("first", [0, 2**32 - 20, 2**31 - 10])
def test_sequence_numbers_wrap_around(first: int) -> None:
    line = Line()
    line.open(seq=first)
    for turn in range(5):
        line.send(10 + 10 * turn, True, first + 1 + 40 * turn, 501, ACK, 40)
        line.send(13 + 10 * turn, False, 501, first + 41 + 40 * turn, ACK)
    client, _ = line.sides()
    assert client.rtt.count == 6
    assert set(client.rtt.kept) == {1 * _MS, 3 * _MS}


def test_ports_that_are_used_again() -> None:
    line = Line()
    line.open(MSS, MSS)
    line.send(3, True, 101, 501, RST)
    line.send(1000, True, 77_000, 0, SYN, options=SCALE_7)
    line.send(1001, True, 77_000, 0, SYN, options=SCALE_7)  # retransmitted: the same connection
    assert line.sides()[0].mss == 1460
    assert line.sides(1000)[0].mss is None
    assert line.sides(1001)[0].scale == 7


def test_connections_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netchat.packets.tcp.health._MAX_CONNECTIONS", 1)
    line = Line()
    line.open()
    line.send(1000, True, 77_000, 0, SYN)
    assert line.monitor.left_out == 1
    unknown = Conversation(2, ("10.0.0.9", 1), SERVER, 0, True)
    assert line.monitor.of(unknown) is None


@given(st.binary(max_size=40), st.integers(0, 255))
def test_any_options_are_read(options: bytes, flags: int) -> None:
    connection = ConnectionHealth(bytes(12), 0)
    connection.feed(bytes(12), 0, (0, 0, 0x50, flags, 5), options, 3)


@given(st.binary(max_size=90), st.randoms(use_true_random=False))
def test_any_packet_is_observed(noise: bytes, rng: random.Random) -> None:
    line = Line()
    line.open()
    data = bytearray(ethernet(ipv4(*(a for a, _ in (CLIENT, SERVER)), noise)))
    for _ in range(3):
        data[rng.randrange(len(data))] = rng.randrange(256)
    line.monitor.feed(Packet(9, 9, 1, bytes(data), len(data)))


@needs_tshark
@pytest.mark.slow
@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.stem)
def test_tshark_agrees(capture: Path) -> None:
    monitor = HealthMonitor()
    said = {item.conversation for item in read_capture(capture, observe=monitor.feed)}
    names = [
        "tcp.srcport", "tcp.dstport", "tcp.window_size", "tcp.flags.syn", "tcp.flags.reset",
        "tcp.analysis.ack_rtt", "tcp.options.sack_le", "tcp.options.mss_val",
    ]  # fmt: skip
    out, _ = tshark(capture, "-Y", "tcp", "-T", "fields", *(a for n in names for a in ("-e", n)))
    windows, rtts = defaultdict(list), defaultdict(list)
    sacks, sizes = defaultdict(int), {}
    for line in out.splitlines():
        source, target, window, syn, reset, rtt, sack, mss = line.split("\t")
        way, back = (int(source), int(target)), (int(target), int(source))
        if syn in ("0", "False") and reset in ("0", "False"):
            windows[way].append(int(window))
        sacks[way] += bool(sack)
        if mss:
            sizes[way] = int(mss)
        if rtt:
            rtts[back].append(float(rtt))
    compared = 0
    for conversation in said:
        health = monitor.of(conversation)
        if conversation.transport == "UDP":
            assert health is None
            continue
        assert health is not None
        up = (conversation.client[1], conversation.server[1])
        for way, side in zip((up, up[::-1]), health, strict=True):
            assert (side.window_min, side.window_max) == (min(windows[way]), max(windows[way]))
            assert (side.mss, side.sacks) == (sizes.get(way), sacks[way])
            theirs = sorted(round(1e9 * time) for time in rtts[way])
            ours = sorted(side.rtt.kept)
            # tshark also has a time for the ACK of a retransmission, or of segments out of order.
            missing = len(theirs) - len(ours)
            odd = capture.stem in ("retransmission", "reordered") or conversation.link is not None
            assert missing == 0 or (odd and 0 < missing <= 2)
            assert odd or ours == pytest.approx(theirs, abs=1500)  # ns; tshark rounds to 1 us
            compared += len(ours)
    assert compared or "udp" in capture.stem
