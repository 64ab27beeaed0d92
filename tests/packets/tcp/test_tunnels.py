"""The captures, rewrapped in each encapsulation by Scapy: the same messages are found, also by tshark."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.errors import CaptureError
from netchat.packets import PcapngWriter, read, read_packets
from netchat.packets.anonymise import anonymise
from netchat.packets.tcp.dissect import NOT_TCP, dissect, locate
from tests.packets.sharks import needs_tshark, tshark

CAPTURES = Path(__file__).parents[3] / "captures"

NAMES = (
    "ipip", "sit", "gre", "gre-key", "gretap", "erspan-1", "erspan-2", "erspan-3", "vxlan", "geneve",
    "geneve-ip", "pppoe", "vlan-pppoe", "mpls", "mpls-two", "mpls-ethernet", "snap", "qinq",
    "vxlan-mpls", "gre-vxlan",
)  # fmt: skip


@pytest.fixture(scope="module")
def wrap():
    """Return a function that wraps an Ethernet frame in an encapsulation."""
    from scapy.contrib.geneve import GENEVE
    from scapy.contrib.mpls import MPLS
    from scapy.layers.inet import IP, UDP
    from scapy.layers.inet6 import IPv6
    from scapy.layers.l2 import GRE, LLC, SNAP, Dot1Q, Dot3, Ether
    from scapy.layers.ppp import PPP, PPPoE
    from scapy.layers.vxlan import VXLAN
    from scapy.packet import Raw

    outer = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    ip = outer / IP(src="172.16.0.1", dst="172.16.0.2")

    def wrapped(name: str, frame: bytes) -> bytes:
        inner, packet = Raw(frame), Raw(frame[14:])  # Raw: Scapy must not build it again
        match name:
            case "ipip":
                made = ip.copy() / packet
                made[IP].proto = 4
            case "sit":
                made = outer / IPv6(src="fd00::1", dst="fd00::2", nh=4) / packet
            case "gre":
                made = ip / GRE(proto=0x0800) / packet
            case "gre-key":
                made = (
                    ip
                    / GRE(proto=0x0800, key_present=1, key=7, chksum_present=1, seqnum_present=1)
                    / packet
                )
            case "gretap":
                made = ip / GRE(proto=0x6558) / inner
            case "erspan-1":
                made = ip / GRE(proto=0x88BE) / inner
            case "erspan-2":
                made = (
                    ip
                    / GRE(proto=0x88BE, seqnum_present=1)
                    / Raw(b"\x10\x0a\0\x01\0\0\0\0")
                    / inner
                )
            case "erspan-3":
                made = (
                    ip
                    / GRE(proto=0x22EB, seqnum_present=1)
                    / Raw(b"\x20\x0a\0\x01" + bytes(8))
                    / inner
                )
            case "vxlan":
                made = ip / UDP(sport=50000, dport=4789) / VXLAN(vni=5) / inner
            case "geneve":
                made = ip / UDP(sport=50000, dport=6081) / GENEVE(vni=5, proto=0x6558) / inner
            case "geneve-ip":
                made = (
                    ip
                    / UDP(sport=50000, dport=6081)
                    / GENEVE(vni=5, proto=0x0800, optionlen=1, options=b"\0\0\0\0")
                    / packet
                )
            case "pppoe":
                made = outer / PPPoE(sessionid=9, len=len(frame) - 12) / PPP(proto=0x21) / packet
            case "vlan-pppoe":
                made = (
                    outer
                    / Dot1Q(vlan=4)
                    / PPPoE(sessionid=9, len=len(frame) - 12)
                    / PPP(proto=0x21)
                    / packet
                )
            case "mpls":
                made = outer / MPLS(label=20, s=1, ttl=9) / packet
            case "mpls-two":
                made = outer / MPLS(label=20, s=0, ttl=9) / MPLS(label=21, s=1, ttl=9) / packet
            case "mpls-ethernet":
                made = outer / MPLS(label=20, s=1, ttl=9) / Raw(bytes(4)) / inner
            case "snap":
                made = (
                    Dot3(src="02:00:00:00:00:01", dst="02:00:00:00:00:02", len=len(frame) - 6)
                    / LLC(dsap=0xAA, ssap=0xAA, ctrl=3)
                    / SNAP(OUI=0, code=0x0800)
                    / packet
                )
            case "qinq":
                made = outer / Dot1Q(vlan=4) / Dot1Q(vlan=5) / packet
                made[Ether].type = 0x88A8
                made[Dot1Q][1].type = 0x0800
            case "vxlan-mpls":
                deeper = wrapped("mpls", frame)
                made = ip / UDP(sport=50000, dport=4789) / VXLAN(vni=5) / Raw(deeper)
            case _:
                made = ip / GRE(proto=0x6558) / Raw(wrapped("vxlan", frame))
        return bytes(made)

    return wrapped


@pytest.fixture(scope="module")
def rewrapped(wrap, tmp_path_factory):
    """Return a function that rewraps a capture, and its file."""
    folder = tmp_path_factory.mktemp("tunnels")

    def write(name: str, capture: str) -> Path:
        target = folder / f"{capture}-{name}.pcapng"
        with PcapngWriter(target) as out:
            for packet in read_packets(CAPTURES / f"{capture}.pcapng"):
                data = wrap(name, packet.data)
                out.write(packet._replace(data=data, length=len(data)))
        return target

    return write


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_same_messages_are_found(rewrapped, name: str) -> None:
    for capture in ("two-users", "link-udp"):
        plain = [(m.time, m.raw, m.user) for m in read(CAPTURES / f"{capture}.pcapng")]
        assert plain
        assert [(m.time, m.raw, m.user) for m in read(rewrapped(name, capture))] == plain


@needs_tshark
@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name != "mpls-ethernet"])
def test_tshark_finds_them_too(rewrapped, name: str) -> None:
    out, _ = tshark(
        rewrapped(name, "two-users"), "-Y", "netchat", "-T", "fields", "-e", "netchat.crc"
    )
    found = [int(crc, 16) for line in out.splitlines() for crc in line.split(",")]
    messages = read(CAPTURES / "two-users.pcapng")
    assert found == [int.from_bytes(m.raw[12:16], "big") for m in messages]


def test_tunnels_can_be_refused(wrap) -> None:
    packet = next(iter(read_packets(CAPTURES / "two-users.pcapng")))
    data = wrap("gre", packet.data)
    assert locate(1, data, len(data))[0] == 6
    assert locate(1, data, len(data), tunnels=False)[0] == 47
    data = wrap("mpls", packet.data)
    assert locate(1, data, len(data), tunnels=False) == "not IP"


@pytest.mark.parametrize("name", ["gre", "mpls", "vxlan"])
def test_anonymise_refuses_tunnels(rewrapped, tmp_path: Path, name: str) -> None:
    with pytest.raises(CaptureError, match="inside a tunnel"):
        anonymise(rewrapped(name, "two-users"), tmp_path / "shared.pcapng")
    assert not (tmp_path / "shared.pcapng").exists()


def test_nesting_is_bounded(wrap) -> None:
    data = next(iter(read_packets(CAPTURES / "two-users.pcapng"))).data
    for _ in range(12):
        data = wrap("ipip", data)
    assert dissect(1, data, len(data)) == NOT_TCP


@given(st.sampled_from(NAMES), st.integers(0, 120), st.binary(min_size=1, max_size=4))
def test_damaged_headers(wrap, name: str, at: int, noise: bytes) -> None:
    packet = next(iter(read_packets(CAPTURES / "two-users.pcapng")))
    data = bytearray(wrap(name, packet.data))
    data[at : at + len(noise)] = noise
    for cut in (bytes(data), bytes(data[:at])):
        found = dissect(1, cut, len(data))
        assert isinstance(found, str) or len(found) == 6
