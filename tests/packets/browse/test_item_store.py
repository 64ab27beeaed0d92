"""Items in columns: the same as the decoder yields, for every capture."""

from __future__ import annotations

import pytest

from netchat.packets import Damage, DecodedMessage, Decoder, read_capture
from netchat.packets.items import Block, Gap, Notice, TlsRecord
from tests.packets.opened import CAPTURES, opened


def comparable(item):
    """Return an item without its conversation, which is another object for each decoder."""
    return type(item), str(item.conversation), item._replace(conversation=None)


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_items_are_those_of_the_decoder(path):
    decoder = Decoder(trace="unusual")
    wanted = list(read_capture(path, decoder=decoder))
    capture = opened(path)
    assert [comparable(capture.items[at]) for at in range(len(wanted))] == [
        comparable(item) for item in wanted
    ]
    # Each item belongs to exactly one packet, the one that completed it.
    found = [
        (number, at)
        for number in range(len(capture.packets) + 1)
        for at in capture.items.of_packet(number)
    ]
    assert sorted(at for _, at in found) == list(range(len(wanted)))
    for number, at in found:
        item = wanted[at]
        assert capture.items.packet_of(at) == number
        if isinstance(item, DecodedMessage | Damage | Block | TlsRecord):
            assert number == item.packets[-1]
        elif isinstance(item, Gap | Notice):
            assert number == item.packet
    for index, conversation in enumerate(capture.items.conversations):
        own = capture.items.of_conversation(index)
        assert own == [
            at for at, item in enumerate(wanted) if str(item.conversation) == str(conversation)
        ]
    capture.close()
