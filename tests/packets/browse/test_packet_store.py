"""Packets in columns: the same as the reader yields, for every format."""

from __future__ import annotations

import gzip
import struct

import pytest

from netchat.packets import Packet, PcapngWriter, PcapWriter, read_packets
from netchat.packets.browse.packet_store import PacketStore
from tests.packets.opened import CAPTURES


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
@pytest.mark.parametrize("form", ["pcapng", "pcap", "gzip", "copied"])
def test_packets_are_those_of_the_reader(path, form, tmp_path):
    wanted = list(read_packets(path))
    file = path
    if form == "pcap":
        file = tmp_path / "capture.pcap"
        with PcapWriter(file, wanted[0].link if wanted else 1) as out:
            for packet in wanted:
                out.write(packet)
    elif form == "gzip":
        file = tmp_path / "capture.pcapng.gz"
        file.write_bytes(gzip.compress(path.read_bytes()))
    wanted = list(read_packets(file))
    has_file = form in ("pcapng", "pcap")
    with file.open("rb") as opened:
        store = PacketStore(opened if has_file else None)
        store.add(list(read_packets(file, None, store.offsets.append if has_file else None)))
        assert len(store) == len(wanted)
        assert list(store.packets()) == wanted
        assert [store[packet.number] for packet in reversed(wanted)] == wanted[::-1]
        if wanted:
            half = len(wanted) // 2
            assert list(store.packets(half + 1)) == wanted[half:]
        with pytest.raises(IndexError):
            store[0]
        with pytest.raises(IndexError):
            store[len(wanted) + 1]
        store.close()


def test_large_packets_are_read_one_by_one(tmp_path):
    path = tmp_path / "large.pcapng"
    packets = [Packet(n, n, 1, bytes([n]) * 700_000, 700_000) for n in range(1, 6)]
    with PcapngWriter(path) as out:
        for packet in packets:
            out.write(packet)
    with path.open("rb") as file:
        store = PacketStore(file)
        store.add(list(read_packets(path, None, store.offsets.append)))
        assert [(p.number, p.data) for p in store.packets()] == [
            (p.number, p.data) for p in packets
        ]


def test_a_file_that_was_truncated_meanwhile_ends_the_packets(tmp_path):
    path = tmp_path / "short.pcapng"
    path.write_bytes(CAPTURES[0].read_bytes())
    with path.open("r+b") as file:
        store = PacketStore(file)
        store.add(list(read_packets(path, None, store.offsets.append)))
        file.truncate(200)
        assert len(list(store.packets())) < len(store)


def test_offsets_of_simple_and_obsolete_packet_blocks(tmp_path):
    def block(kind: int, body: bytes) -> bytes:
        total = struct.pack("<I", 12 + len(body))
        return struct.pack("<I", kind) + total + body + total

    path = tmp_path / "old.pcapng"
    path.write_bytes(
        block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
        + block(1, struct.pack("<HHI", 1, 0, 0))
        + block(3, struct.pack("<I", 4) + b"one!")
        + block(2, struct.pack("<HHIIII", 0, 0, 0, 5, 3, 3) + b"two\0")
        + block(6, struct.pack("<IIIII", 0, 0, 6, 5, 5) + b"three\0\0\0")
    )
    with path.open("rb") as file:
        store = PacketStore(file)
        store.add(list(read_packets(path, None, store.offsets.append)))
        assert [packet.data for packet in store.packets()] == [b"one!", b"two", b"three"]
