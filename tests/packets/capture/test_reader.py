"""Reading of captures: both formats built byte by byte, and hostile files."""

from __future__ import annotations

import gzip
import io
import random
import struct

import pytest

from netchat.errors import CaptureError
from netchat.packets import Packet, PcapngWriter, PcapWriter, open_writer, read_packets

DATA = bytes(range(60))
TIME = 1_700_000_000_123_456_789


def pcap(order: str, magic: int, fraction: int, link: int = 1) -> bytes:
    header = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, link)
    return header + struct.pack(order + "IIII", 1_700_000_000, fraction, 60, 1500) + DATA


def block(order: str, kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    total = 12 + len(body)
    return struct.pack(order + "II", kind, total) + body + struct.pack(order + "I", total)


def section(order: str) -> bytes:
    return block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))


def interface(order: str, link: int = 1, snaplen: int = 0, options: bytes = b"") -> bytes:
    return block(order, 1, struct.pack(order + "HHI", link, 0, snaplen) + options)


def enhanced(
    order: str, ticks: int, data: bytes = DATA, index: int = 0, length: int = 1500
) -> bytes:
    head = struct.pack(order + "IIIII", index, ticks >> 32, ticks & 0xFFFFFFFF, len(data), length)
    return block(order, 6, head + data + bytes(-len(data) % 4) + bytes(4))


def option(order: str, code: int, value: bytes) -> bytes:
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def read(data: bytes) -> list[Packet]:
    return list(read_packets(io.BytesIO(data)))


def broken(data: bytes) -> tuple[list[Packet], str]:
    packets = []
    try:
        for packet in read_packets(io.BytesIO(data)):
            packets.append(packet)  # noqa: PERF402 - what came before the error counts
    except CaptureError as error:
        return packets, str(error)
    return packets, ""


@pytest.mark.parametrize("order", ["<", ">"])
def test_pcap_microseconds(order: str) -> None:
    (packet,) = read(pcap(order, 0xA1B2C3D4, 123_456))
    assert packet == Packet(1, 1_700_000_000_123_456_000, 1, DATA, 1500)


@pytest.mark.parametrize("order", ["<", ">"])
def test_pcap_nanoseconds(order: str) -> None:
    assert read(pcap(order, 0xA1B23C4D, 123_456_789))[0].time == TIME


def test_pcap_link_type_without_the_upper_bits() -> None:
    assert read(pcap("<", 0xA1B2C3D4, 0, link=0x14000001))[0].link == 1


@pytest.mark.parametrize("order", ["<", ">"])
def test_pcapng(order: str) -> None:
    data = section(order) + interface(order) + enhanced(order, 1_700_000_000_123_456)
    assert read(data) == [Packet(1, 1_700_000_000_123_456_000, 1, DATA, 1500)]


@pytest.mark.parametrize(
    ("resolution", "ticks", "time"),
    [
        (6, 5, 5000),
        (9, TIME, TIME),
        (0, 3, 3_000_000_000),
        (3, 3, 3_000_000),
        (12, 5_999, 5),
        (0x80 | 10, 1024, 1_000_000_000),
        (0x80 | 1, 1, 500_000_000),
        (127, 1, 0),
    ],
)
def test_pcapng_time_resolution(resolution: int, ticks: int, time: int) -> None:
    options = option("<", 9, bytes([resolution])) + bytes(4)
    (packet,) = read(section("<") + interface("<", options=options) + enhanced("<", ticks))
    assert packet.time == time


def test_pcapng_time_offset() -> None:
    options = option("<", 14, struct.pack("<q", 1_000)) + bytes(4)
    (packet,) = read(section("<") + interface("<", options=options) + enhanced("<", 1))
    assert packet.time == 1_000_000_001_000


def test_a_time_beyond_the_calendar_stays_in_64_bits() -> None:
    (packet,) = read(section("<") + interface("<") + enhanced("<", 2**64 - 1))
    assert packet.time == 2**63 - 1


def test_pcapng_interfaces_sections_and_other_blocks() -> None:
    data = (
        section("<")
        + block("<", 0x0BAD, b"custom")
        + interface("<", 1)
        + interface("<", 113, options=option("<", 9, b"\x09") + bytes(4))
        + enhanced("<", 7, index=1)
        + block("<", 5, bytes(12))
        + enhanced("<", 8, b"abc", 0)
        + section(">")
        + interface(">", 101)
        + enhanced(">", 9, b"defg")
    )
    assert read(data) == [
        Packet(1, 7, 113, DATA, 1500),
        Packet(2, 8000, 1, b"abc", 1500),
        Packet(3, 9000, 101, b"defg", 1500),
    ]


@pytest.mark.parametrize("order", ["<", ">"])
def test_simple_and_obsolete_packet_blocks(order: str) -> None:
    simple = block(order, 3, struct.pack(order + "I", 100) + DATA)
    old = block(order, 2, struct.pack(order + "HHIIII", 0, 9, 0, 5, 60, 61) + DATA)
    packets = read(section(order) + interface(order, snaplen=60) + old + simple)
    assert packets == [Packet(1, 5000, 1, DATA, 61), Packet(2, 5000, 1, DATA, 100)]


@pytest.mark.parametrize("name", ["a.pcap", "a.pcapng", "a.pcap.gz", "a.pcapng.gz"])
def test_packets_are_read_as_written(tmp_path, name: str) -> None:
    packets = [Packet(n, TIME + n * 7, 1, DATA[: n * 7], 1500 + n) for n in range(1, 9)]
    with open_writer(tmp_path / name) as out:
        for packet in packets:
            out.write(packet)
    assert list(read_packets(tmp_path / name)) == packets
    assert ((tmp_path / name).read_bytes()[:2] == b"\x1f\x8b") == name.endswith(".gz")


def test_pcapng_writer_by_hand() -> None:
    file = io.BytesIO()
    with PcapngWriter(file) as out:
        out.write(Packet(1, (1 << 32) + 2, 1, b"abcde", 9), "why")
    assert file.getvalue().hex() == (
        "0a0d0d0a" "2c000000" "4d3c2b1a" "01000000" "ffffffffffffffff"
        "04000700" "6e657463686174" "00" "00000000" "2c000000"
        "01000000" "20000000" "01000000" "00000400" "09000100" "09000000" "00000000" "20000000"
        "06000000" "34000000" "00000000" "01000000" "02000000" "05000000" "09000000"
        "6162636465" "000000" "01000300" "776879" "00" "00000000" "34000000"
    )  # fmt: skip


def test_writers_of_several_link_types() -> None:
    file = io.BytesIO()
    with PcapngWriter(file, "lo") as out:
        out.write(Packet(1, 1, 1, b"a", 1))
        out.write(Packet(2, 2, 113, b"b", 1))
        out.statistics(3, 100, 2)
    assert [p.link for p in read(file.getvalue())] == [1, 113]
    with pytest.raises(CaptureError, match="link type 113"):
        PcapWriter(io.BytesIO()).write(Packet(1, 1, 113, b"", 0))


def test_packets_larger_than_a_chunk() -> None:
    file, random_bytes = io.BytesIO(), random.Random(1).randbytes
    packets = [Packet(n, n, 1, random_bytes(size), size) for n, size in
               enumerate((1, 300_000, 5, 700_001, 2), 1)]  # fmt: skip
    with PcapngWriter(file) as out:
        for packet in packets:
            out.write(packet)
    assert read(file.getvalue()) == packets
    assert read(gzip.compress(file.getvalue())) == packets


def test_concatenated_gzip_members() -> None:
    data = pcap("<", 0xA1B2C3D4, 1)
    assert len(read(gzip.compress(data[:50]) + gzip.compress(data[50:]))) == 1


# -- hostile --------------------------------------------------------------------------------------

WHOLE_PCAP = pcap(">", 0xA1B2C3D4, 1) + pcap(">", 0xA1B2C3D4, 1)[24:]
WHOLE_PCAPNG = section("<") + interface("<") + enhanced("<", 1) + enhanced("<", 2)


@pytest.mark.parametrize("data", [WHOLE_PCAP, WHOLE_PCAPNG], ids=["pcap", "pcapng"])
def test_cut_at_every_byte(data: bytes) -> None:
    assert len(read(data)) == 2
    seen = set()
    for end in range(len(data)):
        packets, problem = broken(data[:end])
        seen.add(len(packets))
        assert all(packet.data == DATA for packet in packets)
        if problem and end >= 4:
            assert "is truncated: the " in problem
            if data is WHOLE_PCAP and end >= 24:
                assert f"at byte {24 + 76 * len(packets)} needs" in problem
        elif end >= 4:  # between two records
            assert (end - 24) % 76 == 0 or data is WHOLE_PCAPNG
    assert seen == {0, 1}


@pytest.mark.parametrize("data", [WHOLE_PCAP, WHOLE_PCAPNG], ids=["pcap", "pcapng"])
def test_gzip_cut_at_every_byte(data: bytes) -> None:
    packed = gzip.compress(data, 0)
    for end in range(2, len(packed)):
        packets, problem = broken(packed[:end])
        assert problem or end >= len(packed) - 8
        assert len(packets) <= 2
    assert len(broken(packed[:-8])[0]) == 2  # complete packets are returned


@pytest.mark.parametrize("seed", range(300))
def test_changed_bytes_raise_only_capture_errors(seed: int) -> None:
    choose = random.Random(seed)
    data = bytearray(choose.choice((WHOLE_PCAP, WHOLE_PCAPNG, gzip.compress(WHOLE_PCAPNG))))
    for _ in range(choose.randrange(1, 6)):
        data[choose.randrange(len(data))] = choose.choice((0, 0xFF, choose.randrange(256)))
    broken(bytes(data))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "is empty"),
        (b"GET / HTTP/1.1\r\n", "not a capture file (pcap or pcapng): it begins with 47 45 54 20"),
        (b"\x28\xb5\x2f\xfd123", "compressed by zstd"),
        (b"PK\x03\x04...", "compressed by zip"),
        (pcap("<", 0xA1B2C3D4, 0)[:24] + struct.pack("<IIII", 0, 0, 0xFFFFFFFF, 1),
         "byte 24: a packet must be at most 16777216 bytes, but this record's length is 4294967295"),
        (b"\xd4\xc3\xb2\xa1\x09\x00" + bytes(18), "pcap version must be 2.0 to 2.4, got 9.0"),
        (b"\xd4\xc3\xb2\xa1\x02\x00\x05\x00" + bytes(16), "pcap version must be 2.0 to 2.4, got 2.5"),
        (section("<") + struct.pack("<II", 6, 0xFFFFFFFC), "byte 28"),
        (section("<") + struct.pack("<III", 6, 8, 0), "has an invalid length, 8 bytes"),
        (section("<") + struct.pack("<III", 6, 14, 0), "has an invalid length, 14 bytes"),
        (section("<") + enhanced("<", 1), "names interface 0, but only 0 are described"),
        (section("<") + interface("<") + block("<", 6, struct.pack("<5I", 0, 0, 0, 999, 9)),
         "cannot hold a packet of 999"),
        (section("<") + block("<", 1, b"")[:8] + bytes(4), "two different lengths"),
        (b"\x0a\x0d\x0d\x0a\x1c\0\0\0abcd" + bytes(16), "byte order b'abcd'"),
        (section("<") + interface("<", options=struct.pack("<HH", 9, 999)),
         "option 9 of an interface is longer than its block: 999 bytes"),
    ],
)  # fmt: skip
def test_invalid_records_are_described(data: bytes, text: str) -> None:
    packets, problem = broken(data)
    assert packets == []
    assert text in problem


def test_a_decompression_bomb_is_read_in_chunks() -> None:
    """Read a GiB of packets compressed to a MiB without keeping more than a chunk."""
    record = struct.pack("<IIII", 0, 0, 1 << 20, 1 << 20) + bytes(1 << 20)
    head = pcap("<", 0xA1B2C3D4, 0)[:24]
    packed = gzip.compress(head, 9) + gzip.compress(record, 9) * 64
    assert sum(len(p.data) for p in read_packets(io.BytesIO(packed))) == 64 << 20


def test_no_such_file(tmp_path) -> None:
    with pytest.raises(CaptureError, match="No such file"):
        list(read_packets(tmp_path / "none.pcap"))
    with pytest.raises(CaptureError, match="directory"):
        list(read_packets(tmp_path))


@pytest.mark.parametrize("version", [(2, 0), (0, 0), (1, 1), (1, 3)])
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_section_of_an_unknown_version_is_refused(order: str, version: tuple[int, int]) -> None:
    head = struct.pack(order + "IHHq", 0x1A2B3C4D, *version, -1)
    first = section("<") + interface("<") + enhanced("<", 1)
    packets, error = broken(first + block(order, 0x0A0D0D0A, head) + interface(order))
    assert len(packets) == 1
    assert f"pcapng version must be 1.0 or 1.2, got {version[0]}.{version[1]}" in error


def test_version_1_2_of_pcapng_is_the_same_as_1_0() -> None:
    head = block("<", 0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 2, -1))
    assert len(read(head + interface("<") + enhanced("<", 1))) == 1


@pytest.mark.parametrize(
    ("minor", "swapped"),
    [(4, False), *((n, swapped) for n in range(4) for swapped in (False, True))],
)
def test_every_pcap_version_2_is_read(minor: int, swapped: bool) -> None:
    data = bytearray(pcap("<", 0xA1B2C3D4, 0))
    data[6] = minor
    if swapped:
        data[32:40] = data[36:40] + data[32:36]
    (packet,) = read(bytes(data))
    assert (packet.data, packet.length) == (DATA, 1500)


CAPTURES = {
    "pcap": pcap("<", 0xA1B2C3D4, 0),
    "pcapng": section("<") + interface("<") + enhanced("<", 1),
}


@pytest.mark.parametrize("name", CAPTURES)
@pytest.mark.parametrize("zeros", [1, 4, 15, 16, 100, 512, 600_000])
def test_zeros_after_a_capture_are_padding(name: str, zeros: int) -> None:
    data = CAPTURES[name]
    assert broken(data + bytes(zeros)) == (read(data), "")
    assert broken(gzip.compress(data) + bytes(zeros)) == (read(data), "")
    assert broken(gzip.compress(data + bytes(zeros)) + bytes(zeros)) == (read(data), "")


@pytest.mark.parametrize("name", CAPTURES)
@pytest.mark.parametrize("zeros", [16, 600_000])
def test_more_than_padding_is_an_error(name: str, zeros: int) -> None:
    packets, error = broken(CAPTURES[name] + bytes(zeros) + b"more")
    assert packets == read(CAPTURES[name])
    assert "byte" in error
    packets, error = broken(gzip.compress(CAPTURES[name]) + bytes(zeros) + b"more")
    assert packets == read(CAPTURES[name])
    assert "neither gzip nor padding" in error


def test_a_gzip_stream_may_follow_padding() -> None:
    head, rest = CAPTURES["pcapng"][:40], CAPTURES["pcapng"][40:]
    assert read(gzip.compress(head) + bytes(512) + gzip.compress(rest)) == read(head + rest)
