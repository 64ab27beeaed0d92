"""Passages: packets of two captures, paired."""

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import Ether

from netchat.errors import CaptureError
from netchat.mystery import draw, observe, pair, read_observations, simulate
from netchat.packets import Packet
from tests.mystery.test_frames import tcp_frame, udp_frame


def captured(*frames):
    return read_observations(
        [Packet(n, 1_000_000_000 * n, 1, one, len(one)) for n, one in enumerate(frames, 1)]
    )


def test_fields():
    (tcp, udp) = captured(tcp_frame(), udp_frame())
    assert (tcp.time, tcp.source, tcp.to, tcp.number, tcp.ttl) == (1.0, "h2", "h1", 77, 64)
    assert (tcp.protocol, tcp.is_valid, tcp.window, tcp.acknowledged) == (6, True, 5000, 2**32 - 1)
    assert (udp.window, udp.acknowledged, udp.size) == (-1, -1, 31)


def test_a_reset_announces_no_window():
    data = bytearray(tcp_frame(b""))
    data[47] = 0x14  # RST and ACK
    (reset,) = captured(bytes(data))
    assert reset.window == -1


def test_other_protocols_have_no_wrong_checksum():
    ether = Ether(src="02:00:00:00:00:02", dst="02:00:00:00:00:01")
    icmp = bytes(ether / IP() / ICMP(type=3, code=3) / b"the head of a datagram")
    other = bytes(ether / IP(proto=89) / b"OSPF")
    damaged = icmp[:-1] + b"?"
    assert [each.is_valid for each in captured(icmp, other, damaged)] == [True, True, False]


def test_captures_in_a_folder(tmp_path):
    captures = simulate(draw("folder", 1, kind="loss"))
    for host, capture in captures.items():
        capture.save(tmp_path / f"{host}.pcapng")
    with (tmp_path / "h2.pcapng").open("ab") as file:
        file.write(b"\x06\x00\x00\x00\x40")  # the beginning of a packet
    from_files, complete = observe(tmp_path), observe(captures)
    for way, passages in complete.items():
        found = from_files[way]
        assert [p.sent.number for p in found] == [p.sent.number for p in passages[: len(found)]]
        assert 0.4 < passages[-1].sent.time - found[-1].sent.time < 1.5
    (tmp_path / "h3.pcapng").unlink()
    with pytest.raises(CaptureError, match=r"Cannot read .*h3\.pcapng"):
        observe(str(tmp_path))


def test_lost_copied_and_damaged_packets():
    data = bytearray(udp_frame(b"damaged in its header"))
    data[35] ^= 4  # the source port
    left = captured(tcp_frame(), udp_frame(), udp_frame(b"damaged in its header"))
    left[2] = left[2]._replace(number=99)
    came = captured(tcp_frame(), tcp_frame(), bytes(data))
    came[2] = came[2]._replace(number=99)
    first, second, third = pair(left, came)
    assert (len(first.arrivals), first.transit, first.hops, first.flips) == (2, 0.0, 0, 0)
    assert second.is_lost
    assert second.transit != second.transit  # NaN
    assert (len(third.arrivals), third.flips) == (1, 1)
    assert not third.arrivals[0].is_valid


@pytest.mark.slow
def test_directions_of_a_simulation():
    mystery = draw("observe", 1, kind="loss")
    lost = {
        f"{one} > {other}": sum(p.is_lost for p in passages)
        for (one, other), passages in observe(simulate(mystery)).items()
    }
    assert len(lost) == 6
    assert lost.pop(mystery.fault.place) > 50
    assert max(lost.values()) <= 1  # the last packets may still be on the way
