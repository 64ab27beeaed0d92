"""A capture that is read in steps, and filters by user and conversation."""

from __future__ import annotations

import gzip
import os
import struct
import threading

import pytest

from netchat import wire
from netchat.errors import CaptureError
from netchat.packets import Decoder, PcapngWriter, read_capture, read_packets
from netchat.packets.browse.capture import BrowsedCapture
from netchat.packets.browse.selection import Selection
from netchat.packets.filters import parse
from netchat.packets.tcp.dissect import dissect
from tests.end_to_end.processes import ROOT
from tests.packets.opened import opened
from tests.packets.segments import Talk

TWO = ROOT / "captures" / "two-users.pcapng"


def hello(name: str) -> bytes:
    return wire.encode(wire.Hello(0, bytes(16), b"", name, "test", ()))


def matching(capture: BrowsedCapture, line: str) -> list[int]:
    selection = Selection(capture, parse(line))
    while not selection.is_complete:
        selection.step(0.1)
    return selection.numbers.tolist()


def test_steps_of_any_length_give_the_same(tmp_path):
    capture = BrowsedCapture.open(TWO, Decoder())
    steps = 0
    while not capture.is_decoded:
        capture.index(0.0)  # too short for a batch
        capture.decode(0.0)
        steps += 1
        if steps > 3:
            capture.index(1.0)
            capture.decode(1.0)
    assert len(capture.packets) == 58
    assert len(capture.items) == len(list(read_capture(TWO)))
    assert capture.decode(1.0)
    capture.close()


def test_gzip_files_and_pipes_are_copied(tmp_path):
    packed = tmp_path / "two.pcapng.gz"
    packed.write_bytes(gzip.compress(TWO.read_bytes()))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(TWO.read_bytes()))
    writer.start()
    piped = opened(pipe)
    writer.join()
    for capture in (opened(packed), piped):
        assert list(capture.packets.packets()) == list(read_packets(TWO))
        assert len(capture.items) == len(list(read_capture(TWO)))
        capture.close()


def test_a_damaged_file_shows_what_can_be_read(tmp_path):
    damaged = tmp_path / "damaged.pcapng"
    with PcapngWriter(damaged) as out:
        for packet in read_packets(TWO):
            out.write(packet)
    damaged.write_bytes(damaged.read_bytes()[:-50])
    capture = opened(damaged)
    assert len(capture.packets) == 57
    assert "truncated" in capture.problem
    assert capture.items.of_packet(54)
    capture.close()
    with pytest.raises(CaptureError, match="Cannot read"):
        BrowsedCapture.open(tmp_path / "missing.pcapng", Decoder())


def test_a_user_or_a_conversation_selects_all_of_its_packets():
    capture = opened(TWO)
    of = {
        packet.number: struct.unpack(">HH", fields[0][-4:])
        for packet in read_packets(TWO)
        if not isinstance(fields := dissect(packet.link, packet.data, packet.length), str)
    }
    nova = [number for number, ports in of.items() if 37290 in ports]
    orion = [number for number, ports in of.items() if 37298 in ports]
    assert matching(capture, 'user == "Nova"') == matching(capture, "conversation == 1") == nova
    assert matching(capture, 'user == "ORION"') == matching(capture, "conversation == 2") == orion
    assert matching(capture, 'user == "Nova" and conversation == 2') == []
    sent = matching(capture, 'user == "Nova" and type == SEND')
    assert sent == [25, 35]
    assert matching(capture, 'room == "lobby" and user == "Orion" and type == SEND') == [30]
    assert capture.users == ["Nova", "Orion"]
    assert capture.conversation_of(26).user == "Nova"
    assert capture.conversation_of(0) is capture.conversation_of(59) is None
    assert capture.packets_of(capture.conversation_of(30)).tolist() == orion
    capture.close()


def test_conversations_on_the_same_ports_are_told_apart(tmp_path):
    path = tmp_path / "reused.pcapng"
    talk = Talk().open()
    talk.say(0, hello("Nova"))
    packets = list(talk.packets)
    later = Talk(isn=(900_000, 800_000)).open()
    later.say(0, hello("Vega"))
    shift = packets[-1].time + 60_000_000_000 - later.packets[0].time
    packets += [p._replace(time=p.time + shift) for p in later.packets]
    with PcapngWriter(path) as out:
        for number, packet in enumerate(packets, 1):
            out.write(packet._replace(number=number))
    capture = opened(path)
    first = len(talk.packets)
    assert matching(capture, 'user == "Nova"') == list(range(1, first + 1))
    assert matching(capture, 'user == "Vega"') == list(range(first + 1, len(packets) + 1))
    assert capture.conversation_of(first + 1).user == "Vega"
    capture.close()


def test_packets_before_a_chat_was_recognised_belong_to_it(tmp_path):
    path = tmp_path / "other-port.pcapng"
    talk = Talk(port=7777).open()
    talk.say(0, hello("Nova"))
    with PcapngWriter(path) as out:
        for packet in talk.packets:
            out.write(packet)
    capture = opened(path)
    assert matching(capture, 'user == "Nova"') == [packet.number for packet in talk.packets]
    (at,) = [at for at in range(len(capture.items)) if getattr(capture.items[at], "raw", b"")]
    number = capture.items[at].packets[-1]
    assert at in capture.items.of_packet(number)
    capture.close()


def test_live_packets_are_added_and_decoded():
    decoder = Decoder()
    capture = BrowsedCapture(decoder)
    assert capture.is_indexed
    packets = list(read_packets(TWO))
    for at in range(0, len(packets), 7):
        capture.feed(packets[at : at + 7], decoder.feed)
    capture.add_late(decoder.finish())
    assert list(capture.packets.packets()) == packets
    assert matching(capture, 'user == "Nova" and type == SEND') == [25, 35]
    capture.close()
