"""Rows of the packet list."""

from __future__ import annotations

import pytest

from netchat.packets import Decoder
from netchat.packets.browse.capture import BrowsedCapture
from netchat.packets.browse.rows import packet_row, show_time
from tests.end_to_end.processes import ROOT
from tests.packets.opened import CAPTURES, opened
from tests.packets.story import HARMFUL, story

CAPTURED = ROOT / "captures"


def test_rows_of_a_chat():
    capture = opened(CAPTURED / "two-users.pcapng")
    row = packet_row(capture, 25)
    assert row[1:] == (
        "0.108229", "Nova:37290", "server:6464", "NCP", 127,
        'SEND lobby #1 "Hi Orion, can you read this?"', "message",
    )  # fmt: skip
    assert packet_row(capture, 1).info == "SYN seq 3721347566  connection opened"
    assert packet_row(capture, 2)[4:] == (
        "TCP", 74, "SYN ACK seq 1022929505 ack 3721347567", "ack"
    )  # fmt: skip
    assert packet_row(capture, 48).kind == "control"
    assert packet_row(capture, 25, clock=True).time.endswith(".498483")
    capture.close()


def test_before_decoding_a_row_has_what_the_packet_alone_says():
    capture = BrowsedCapture.open(CAPTURED / "two-users.pcapng", Decoder())
    capture.index(10.0)
    row = packet_row(capture, 25)
    assert (row.source, row.target) == ("10.64.0.1:37290", "10.64.0.2:6464")
    assert (row.protocol, row.kind) == ("TCP", "other")
    assert row.info.endswith(", 61 bytes")
    capture.close()


@pytest.mark.parametrize(
    ("name", "protocol", "kind", "text"),
    [
        ("link-noisy", "link", "block", "symbols corrected"),
        ("link-udp", "link", "block", "OPEN asks for"),
        ("tls", "TLS", "tls", "clienthello"),
        ("bad-crc", "TCP", "damage", "CRC-32"),
        ("gaps", "TCP", "gap", "missing"),
        ("retransmission", "TCP", "again", ", 74 bytes  [TCP retransmission]"),
        ("reordered", "NCP", "message", "[TCP out of order]"),
        ("reordered", "TCP", "again", "[TCP retransmission]"),
        ("ipv6", "NCP", "message", "HELLO"),
    ],
)
def test_rows_of_other_items(name, protocol, kind, text):
    capture = opened(CAPTURED / f"{name}.pcapng")
    rows = [packet_row(capture, number) for number in range(1, len(capture.packets) + 1)]
    found = [row for row in rows if row.kind == kind and text.lower() in row.info.lower()]
    assert found, sorted({(row.kind, row.info) for row in rows})
    assert found[0].protocol == protocol
    capture.close()


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_each_packet_of_each_capture_has_a_row_on_one_line(path):
    capture = opened(path)
    for number in range(1, len(capture.packets) + 1):
        row = packet_row(capture, number)
        assert row.number == number
        assert row.source
        assert row.info
        assert not HARMFUL.intersection("".join(map(str, row)))
    capture.close()


def test_hostile_texts_are_escaped():
    decoder = Decoder()
    capture = BrowsedCapture(decoder)
    capture.feed(story(), decoder.feed)
    capture.add_late(decoder.finish())
    rows = [packet_row(capture, number) for number in range(1, len(capture.packets) + 1)]
    assert {"message", "gap", "damage"} <= {row.kind for row in rows}
    assert not HARMFUL.intersection("".join(str(row) for row in rows))
    capture.close()


def test_times():
    assert show_time(1_500_000_000, 1_000_000_000) == "0.500000"
    assert show_time(1_000_000_000, 1_000_000_001) == "0.000000"
    assert show_time(2**70, 0, clock=True) == f"{2**70 / 1e9:.6f}"
