"""Packets that a filter selects: those of `inspect`, whatever the steps."""

from __future__ import annotations

import pytest

from netchat.packets import Damage, Decoder, read_capture, read_packets
from netchat.packets.browse.capture import BrowsedCapture
from netchat.packets.browse.selection import Selection
from netchat.packets.filters import parse
from netchat.packets.items import Block, DecodedMessage, TlsRecord
from tests.end_to_end.processes import ROOT
from tests.packets.opened import CAPTURES, opened

FILTERS = (
    "type == SEND", 'room == "lobby"', 'text contains "e"', "damaged or gap", "notice", "size > 100",
    "to_server and not message", "packet in {1..20}", "time < 0.01", "retransmitted",
)  # fmt: skip


def selected(capture: BrowsedCapture, line: str) -> list[int]:
    selection = Selection(capture, parse(line))
    while not selection.is_complete:
        selection.step(0.1)
    return selection.numbers.tolist()


def completed_by(item) -> int:
    several = isinstance(item, DecodedMessage | Damage | Block | TlsRecord)
    return item.packets[-1] if several else item.packet


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_a_filter_selects_the_packets_of_matching_items(path):
    capture = opened(path)
    items = list(read_capture(path, decoder=Decoder(trace="unusual")))
    for line in FILTERS:
        wanted = parse(line)
        numbers = {completed_by(item) for item in items if wanted(item)}
        assert selected(capture, line) == sorted(numbers), line
    capture.close()


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_a_filter_of_conversations_selects_all_of_their_packets(path):
    capture = opened(path)
    everything = set()
    for conversation in capture.items.conversations:
        found = selected(capture, f"conversation == {conversation.number}")
        with_items = selected(capture, f"conversation == {conversation.number} and size >= 0")
        assert set(with_items) <= set(found)
        assert not everything & set(found)
        everything |= set(found)
        assert {capture.conversation_of(number) for number in found} == {conversation}
    assert everything == set(range(1, len(capture.packets) + 1))
    capture.close()


def test_a_selection_grows_with_the_capture_in_short_steps():
    decoder = Decoder()
    capture = BrowsedCapture(decoder)
    packets = list(read_packets(ROOT / "captures" / "two-users.pcapng"))
    by_type, by_user = (Selection(capture, parse(x)) for x in ("type == SEND", 'user == "Nova"'))
    for at in range(0, len(packets), 10):
        capture.feed(packets[at : at + 10], decoder.feed)
        for selection in (by_type, by_user):
            assert not selection.is_complete
            while not selection.is_complete:
                selection.step(1e-9)
            assert selection.share == 1.0
            assert all(number <= at + 10 for number in selection.numbers)
    assert by_type.numbers.tolist() == [25, 30, 35]
    assert len(by_user.numbers) == 31
    capture.close()
