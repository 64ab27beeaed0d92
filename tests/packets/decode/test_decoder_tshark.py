"""Damaged captures, compared with tshark and the dissector: no message is missed or invented."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from netchat import wire
from netchat.packets import DecodedMessage, Packet, PcapngWriter, read_packets
from tests.packets.chatter import chat_messages, decode, talk_of
from tests.packets.decode.test_decoder_damage import WAYS, damage
from tests.packets.sharks import needs_tshark, tshark

CAPTURES = Path(__file__).parents[3] / "captures"

#: Minimum share of tshark's messages that netchat must find.
ENOUGH = 0.98


def crc(frame: bytes) -> int:
    return int.from_bytes(frame[12:16], "big")


def write(path: Path, packets: list[Packet]) -> list[Packet]:
    """Write packets at intervals of a millisecond, and return them as they are read."""
    with PcapngWriter(path) as out:
        for number, packet in enumerate(packets, 1):
            out.write(packet._replace(number=number, time=10**18 + number * 10**6))
    return list(read_packets(path))


def found_by_tshark(path: Path) -> Counter[int]:
    """Return the CRCs of the frames that tshark reassembles; it checks none of partial frames."""
    out, _ = tshark(
        path, "-o", "tcp.reassemble_out_of_order:TRUE",
        "-T", "fields", "-e", "netchat.crc", "-e", "netchat.crc_good",
    )  # fmt: skip
    found: Counter[int] = Counter()
    for line in out.splitlines():
        crcs, good = (field.split(",") for field in line.split("\t"))
        # Only the last frame of a packet can be partial.
        pairs = zip(crcs, good, strict=False)
        found.update(int(text, 16) for text, right in pairs if right in ("1", "True"))
    return found


def found_here(packets: list[Packet]) -> Counter[int]:
    return Counter(crc(item.raw) for item in decode(packets) if isinstance(item, DecodedMessage))


@needs_tshark
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.slow
def test_conversations(way: str, tmp_path: Path) -> None:
    packets: list[Packet] = []
    true: Counter[int] = Counter()
    for seed in range(8):
        messages = chat_messages(25, seed)
        true.update(crc(wire.encode(message)) for _, message in messages)
        size = (60, 300, 1448)[seed % 3]
        talk = talk_of(messages, size, isn=(2**32 - 5000, 7), client_port=50000 + seed)
        packets += damage(talk.packets, way, random.Random(f"{way} {seed}"))
    path = tmp_path / "damaged.pcapng"
    here = found_here(write(path, packets))
    there = found_by_tshark(path) & true
    assert here <= true
    assert (here & there).total() >= ENOUGH * there.total() > 0
    if way in ("dropped", "cut", "all"):
        assert here.total() > there.total()


@needs_tshark
def test_real_captures(tmp_path: Path) -> None:
    packets: list[Packet] = []
    true: Counter[int] = Counter()
    for name in ("two-users", "room-of-three", "resume"):
        whole = list(read_packets(CAPTURES / f"{name}.pcapng"))
        true += found_here(whole)
        for way in ("dropped", "swapped", "repeated"):
            packets += damage(whole, way, random.Random(f"{name} {way}"))
    path = tmp_path / "damaged.pcapng"
    here = found_here(write(path, packets))
    there = found_by_tshark(path)
    assert set(here) <= set(true)
    both = (here & there).total()
    assert both >= ENOUGH * Counter({k: n for k, n in there.items() if k in true}).total() > 0
