"""Formats that editcap writes: each is read, or named with a command that makes it readable."""

from __future__ import annotations

import gzip
import io
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from netchat.errors import CaptureError
from netchat.packets import Packet, PcapngWriter, read, read_packets
from netchat.packets.capture.packet import CISCO_HDLC, ERF, NFLOG, PKTAP, PKTAP_APPLE, PPP, PPPOE
from netchat.packets.capture.writer import open_writer
from tests.packets.sharks import EDITCAP, needs_tshark, tshark

CAPTURES = Path(__file__).parents[3] / "captures"
CAPTURE = CAPTURES / "two-users.pcapng"

#: Formats of editcap, and what the error calls them; those that netchat reads are called "".
FORMATS = {
    "pcap": "", "pcapng": "", "nsecpcap": "",
    "snoop": "snoop", "modpcap": "modified pcap", "nokiapcap": "Nokia", "rh6_1pcap": "Red Hat",
    "suse6_3pcap": "modified pcap", "netmon1": "Network Monitor 1",
    "netmon2": "Network Monitor 2", "5views": "5View", "lanalyzer": "LANalyzer",
    "nettl": "nettl", "ngsniffer": "Sniffer", "ngwsniffer_1_1": "Sniffer",
    "ngwsniffer_2_0": "Sniffer", "visual": "Visual Networks",
    "k12text": "K12 text",
}  # fmt: skip


def refusal(path: Path | io.BytesIO) -> str:
    with pytest.raises(CaptureError) as caught:
        list(read_packets(path))
    return str(caught.value)


def told(path: Path) -> list[bytes]:
    return [message.raw for message in read(path)]


@needs_tshark
@pytest.mark.parametrize("name", FORMATS)
def test_every_format_that_editcap_writes(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"a b.{name}"
    plain = tmp_path / "plain.pcap"  # without blocks that other formats lack
    subprocess.run([EDITCAP, "-F", "nsecpcap", CAPTURE, plain], check=True, capture_output=True)
    subprocess.run([EDITCAP, "-F", name, plain, path], check=True, capture_output=True)
    if not FORMATS[name]:
        assert told(path) == told(CAPTURE)
        return
    error = refusal(path)
    assert FORMATS[name] in error
    line = re.fullmatch(r".* is .*; convert it: (editcap .*) \| netchat inspect -", error)
    assert line is not None, error
    target = tmp_path / "converted.pcapng"
    with target.open("wb") as out:
        subprocess.run(["sh", "-c", line[1]], check=True, stdout=out, stderr=subprocess.DEVNULL)
    assert told(target) == told(CAPTURE)


def test_the_list_is_complete_for_ethernet() -> None:
    if EDITCAP is None:
        pytest.skip("editcap is not installed")
    done = subprocess.run([EDITCAP, "-F"], capture_output=True, text=True, check=False)
    known = set(re.findall(r"^ +(\S+) - ", done.stdout + done.stderr, re.MULTILINE))
    # The others cannot hold Ethernet, or have no magic number.
    # ERF needs its own link type; editcap 4.0 cannot read its own Observer files.
    others = {
        "btsnoop",
        "commview-ncf",
        "commview-ncfx",
        "dct2000",
        "eyesdn",
        "rf5",
        "erf",
        "observer",
    }
    left = known - FORMATS.keys() - others
    assert {name for name in left if not name.startswith(("logcat", "nstrace"))} == set()


@needs_tshark
def test_erf(tmp_path: Path) -> None:
    path, target = tmp_path / "card.erf", tmp_path / "converted.pcapng"
    with path.open("wb") as out:
        for packet in read_packets(CAPTURE):
            seconds, ns = divmod(packet.time, 1_000_000_000)
            extended = packet.number % 3 == 0
            data = (bytes([0x05]) + bytes(7)) * extended + b"\0\0" + packet.data
            size = 16 + len(data)
            kind = 2 | 0x80 * extended
            time = seconds << 32 | (ns << 32) // 1_000_000_000
            out.write(
                struct.pack("<QBB", time, kind, 4) + struct.pack(">HHH", size, 0, packet.length)
            )
            out.write(data)
    error = refusal(path)
    assert "a capture of an Endace card (ERF); convert it: editcap" in error
    with target.open("wb") as out:
        line = error.partition("convert it: ")[2].partition(" | ")[0]
        subprocess.run(["sh", "-c", line], check=True, stdout=out, stderr=subprocess.DEVNULL)
    assert told(target) == told(CAPTURE)
    assert next(iter(read_packets(target))).link == ERF


@pytest.mark.parametrize("method", ["xz", "bzip2", "zstd", "lz4"])
def test_compressed_captures(tmp_path: Path, method: str) -> None:
    if shutil.which(method) is None:
        pytest.skip(f"{method} is not installed")
    path = tmp_path / "it's.pcapng.packed"
    with path.open("wb") as out:
        subprocess.run([method, "-c", CAPTURE], check=True, stdout=out)
    line = re.fullmatch(r".* is compressed by (\w+); decompress it: (.*) \| netchat inspect -",
                        refusal(path))  # fmt: skip
    assert line is not None
    assert line[1] == method
    done = subprocess.run(["sh", "-c", line[2]], check=True, capture_output=True)
    assert list(read_packets(io.BytesIO(done.stdout))) == list(read_packets(CAPTURE))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"10:00:00.123456 IP 10.0.0.1.6464 > 10.0.0.2.40000: Flags [S]\n", "tcpdump -w FILE"),
        (b"    1   0.000000   10.0.0.1 \xe2\x86\x92 10.0.0.2   TCP 74\n", "tcpdump -w FILE"),
        (b"0x0000:  4500 003c\n", "text2pcap"),
        (b"00000000: 4500 003c\n", "text2pcap"),
        (b'[\n  {\n "_index": 1', "--json"),
        (b'{"item": "message"}', "--json"),
        (b"PK\x03\x04", "unzip -p"),
        (b"<html>", "not a capture file (pcap or pcapng): it begins with 3c 68 74 6d"),
    ],
)
def test_what_is_no_capture(data: bytes, said: str) -> None:
    assert said in refusal(io.BytesIO(data))
    assert said in refusal(io.BytesIO(gzip.compress(data)))


@pytest.mark.parametrize("order", ["<", ">"])
def test_variants_are_not_seen_in_ordinary_files(order: str) -> None:
    header = struct.pack(order + "IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    packets = [struct.pack(order + "IIII", time, 5, size, size) + bytes(size)
               for time, size in ((5, 60), (2_000_000_000, 8), (7, 4), (0, 0), (9, 20))]  # fmt: skip
    for count in range(len(packets) + 1):
        assert len(list(read_packets(io.BytesIO(header + b"".join(packets[:count]))))) == count


def nflog(frame: bytes, order: str) -> bytes:
    def attribute(kind: int, value: bytes) -> bytes:
        head = struct.pack(order + "HH", 4 + len(value), kind)
        return head + value + bytes(-len(value) % 4)

    family = {4: 2, 6: 10}[frame[14] >> 4]
    return (
        struct.pack(">BBH", family, 0, 30)
        + attribute(1, b"\x08\x00\x01\0")
        + attribute(10, b"to eth0\0")
        + attribute(9, frame[14:])
        + attribute(4, bytes(4))
    )


def pktap(frame: bytes, _order: str) -> bytes:
    head = struct.pack("<III", 108, 1, 1) + b"en0".ljust(24, b"\0")
    return head.ljust(108, b"\0") + frame


WRAPPED = {
    "NFLOG": (NFLOG, nflog),
    "PKTAP": (PKTAP, pktap),
    "PPP": (PPP, lambda frame, _: (b"\0\x21" if frame[14] >> 4 == 4 else b"\0\x57") + frame[14:]),
    "HDLC": (PPP, lambda frame, _: b"\xff\x03\0\x21" + frame[14:]),
    "short": (PPP, lambda frame, _: b"\x21" + frame[14:]),
    "PPPoE": (
        PPPOE, lambda f, _: b"\x11\0\0\7" + (len(f) - 12).to_bytes(2) + b"\0\x21" + f[14:],
    ),
    "Cisco": (CISCO_HDLC, lambda frame, _: b"\x0f\0" + frame[12:]),
}  # fmt: skip


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("name", WRAPPED)
def test_link_types(tmp_path: Path, name: str, order: str) -> None:
    link, wrap = WRAPPED[name]
    captures = (
        ["two-users", "ipv6"] if name in ("NFLOG", "PKTAP", "PPP", "Cisco") else ["two-users"]
    )
    for capture in captures:
        path = tmp_path / f"{capture}.pcapng"
        links = [link, PKTAP_APPLE] if link == PKTAP else [link]
        for number in links:
            with PcapngWriter(path) as out:
                for packet in read_packets(CAPTURES / f"{capture}.pcapng"):
                    data = wrap(packet.data, order)
                    out.write(Packet(packet.number, packet.time, number, data, len(data)))
            assert told(path) == told(CAPTURES / f"{capture}.pcapng")


@needs_tshark
@pytest.mark.slow
@pytest.mark.parametrize("name", [*WRAPPED])
def test_tshark_reads_these_link_types_alike(tmp_path: Path, name: str) -> None:
    link, wrap = WRAPPED[name]
    path = tmp_path / "wrapped.pcap"
    with open_writer(path, link) as out:
        for packet in read_packets(CAPTURE):
            data = wrap(packet.data, "<")
            out.write(Packet(packet.number, packet.time, link, data, len(data)))
    out, _ = tshark(path, "-Y", "netchat", "-T", "fields", "-e", "netchat.crc")
    crcs = [int(crc, 16) for line in out.splitlines() for crc in line.split(",")]
    assert crcs == [int.from_bytes(raw[12:16]) for raw in told(path)]


def test_anonymise_refuses_headers_with_names(tmp_path: Path) -> None:
    from netchat.packets.anonymise import anonymise

    path = tmp_path / "wrapped.pcapng"
    with PcapngWriter(path) as out:
        for packet in read_packets(CAPTURE):
            data = nflog(packet.data, "<")
            out.write(packet._replace(data=data, length=len(data), link=NFLOG))
    with pytest.raises(CaptureError, match="the headers of Linux NFLOG name interfaces"):
        anonymise(path, tmp_path / "shared.pcapng")
    assert not (tmp_path / "shared.pcapng").exists()
