"""Blocks of noisy links in tshark: their headers match those that netchat decodes."""

import random
import subprocess
from pathlib import Path

import pytest

from netchat.link.link import Link
from netchat.link.sync_marker import MARKER
from netchat.packets import Block, read_capture
from netchat.packets.encapsulate import Encapsulation
from tests.packets.sharks import EDITCAP, needs_tshark, tshark

CAPTURES = Path(__file__).parents[3] / "captures"
FIELDS = (
    "kind", "code", "link", "length", "wrong", "offset", "number", "window", "ack", "echo", "delay",
    "arrived", "checked",
)  # fmt: skip
BASE = {"link": 16, "arrived": 16}


def _shown(capture, *options):
    """Return tshark's fields of each packet: {number: {field: [values]}}."""
    columns = ["frame.number", *(f"netchat.block.{name}" for name in FIELDS)]
    wanted = [part for column in columns for part in ("-e", column)]
    out, _ = tshark(capture, "-T", "fields", *wanted, "-Y", "netchat.block", *options)
    shown = {}
    for line in out.splitlines():
        number, *cells = line.split("\t")
        shown[int(number)] = {
            name: [int(value, BASE.get(name, 10)) for value in cell.split(",") if value]
            for name, cell in zip(FIELDS, cells, strict=True)
        }
    return shown


@needs_tshark
@pytest.mark.parametrize("name", ["link", "link-noisy", "link-udp"])
def test_headers_match_those_that_netchat_decodes(name):
    capture = CAPTURES / f"{name}.pcapng"
    expected, damaged = {}, 0
    for block in read_capture(capture):
        if not isinstance(block, Block):
            continue
        (packet,) = block.packets
        marker = block.head - 96
        fields = expected.setdefault(packet, {field: [] for field in FIELDS})
        if block.raw[marker : marker + 32] != block.sent[marker : marker + 32]:
            damaged += 1
            continue
        for field in FIELDS:
            fields[field].append(getattr(block.header, field))
    shown = _shown(capture)
    # netchat ignores a header that its code cannot correct; the dissector shows its marker.
    assert {number: shown[number] for number in expected} == expected
    assert len(shown) - len(expected) <= 2
    out, _ = tshark(capture, "-Y", "netchat.block_damaged", "-V")
    assert out.count("): This block's header is damaged") == damaged + len(shown) - len(expected)


@pytest.fixture
def talk(tmp_path):
    """Return a function that captures a link's bytes in segments of a given size."""

    def save(size=1448, **options):
        client, server = Link.client("rs:255,223"), Link.server()
        conversation = Encapsulation(now=0.0, **options)
        client.send(b"hello, " * 200)
        for step in range(8):
            now = step / 10
            for link, other in ((client, server), (server, client)):
                said = bytes(link.data_to_send(now))
                for at in range(0, len(said), size):
                    conversation.send(said[at : at + size], by_server=link is server)
                other.receive(said, now)
        assert server.received(0.8) == b"hello, " * 200
        conversation.save(tmp_path / "talk.pcapng")
        return tmp_path / "talk.pcapng"

    return save


def _kinds(capture, *options):
    return [kind for row in _shown(capture, *options).values() for kind in row["kind"]]


@needs_tshark
@pytest.mark.parametrize("size", [400, 191, 194, 37, 7])
def test_a_block_across_segments_is_shown_where_it_begins(talk, size):
    whole = _kinds(talk())
    assert whole[:2] == [1, 2]
    assert 4 in whole
    capture = talk(size)
    assert _kinds(capture) == whole
    assert "bytes of a block]" in tshark(capture, "-Y", "netchat.block.rest")[0]
    out = tshark(capture)[0]
    assert "not a frame" not in out
    assert "outside any frame" not in out


@needs_tshark
@pytest.mark.thorough
def test_datagrams_too_short_for_a_block_are_ignored(tmp_path):
    from scapy.layers.inet import IP, UDP
    from scapy.layers.l2 import Ether
    from scapy.packet import Raw
    from scapy.utils import wrpcap

    sizes = (1, 32, 95, 96, 200)
    wrpcap(
        str(tmp_path / "udp.pcap"),
        [
            Ether() / IP(dst="192.0.2.2") / UDP(sport=40001, dport=6464) / Raw(bytes(size))
            for size in sizes
        ],
    )
    out, _ = tshark(tmp_path / "udp.pcap", "-T", "fields", "-e", "udp.length", "-Y", "netchat")
    assert [int(line) - 8 for line in out.split()] == [96, 200]


@needs_tshark
def test_links_on_other_ports_are_recognised_unless_disabled(talk):
    capture = talk(port=40123)
    assert _kinds(capture)
    assert not _kinds(capture, "-o", "netchat.heuristic:FALSE")
    assert _kinds(capture, "-o", "netchat.heuristic:FALSE", "-o", "netchat.ports:40123")


@needs_tshark
def test_a_chat_remains_a_chat_when_a_segment_begins_like_a_block(tmp_path):
    from netchat.wire import Send, encode

    frame = encode(Send(1, "lobby", "x" * 40 + MARKER.decode("latin-1") + "y" * 200))
    conversation = Encapsulation(now=0.0)
    at = frame.index(MARKER[:1])
    conversation.send(frame[:at])
    conversation.send(frame[at:] + frame)
    conversation.save(tmp_path / "chat.pcapng")
    out, _ = tshark(tmp_path / "chat.pcapng", "-Y", "netchat.send")
    assert out.count("SEND lobby") == 2


@needs_tshark
@pytest.mark.parametrize("name", ["link-noisy", "link-udp"])
@pytest.mark.parametrize(
    ("option", "value"), [("-E", "0.02"), ("-E", "0.2"), ("-s", "80"), ("-s", "110")]
)
def test_damaged_blocks_raise_no_error(tmp_path, name, option, value):
    more = ["-o", "54", "--seed", str(random.Random(value).randrange(99))] if option == "-E" else []
    subprocess.run(
        [
            EDITCAP,
            option,
            value,
            *more,
            str(CAPTURES / f"{name}.pcapng"),
            str(tmp_path / "d.pcapng"),
        ],
        check=True,
        capture_output=True,
    )
    assert "netchat" in tshark(tmp_path / "d.pcapng", "-V")[0]
