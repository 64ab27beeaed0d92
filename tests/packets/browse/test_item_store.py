"""Items in columns: the same as the decoder yields, for every capture."""

from __future__ import annotations

import pytest

from netchat.packets import Damage, DecodedMessage, read_capture
from netchat.packets.filters import make_filter
from netchat.packets.items import Block, Gap, Notice, TlsRecord
from netchat.wire import MESSAGES
from tests.packets.opened import CAPTURES, opened


def comparable(item):
    """Return an item without its conversation, which is another object for each decoder."""
    return type(item), str(item.conversation), item._replace(conversation=None)


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_items_are_those_of_the_decoder(path):
    wanted = list(read_capture(path))
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


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_types_and_rooms_select_what_inspect_selects(path):
    capture = opened(path)
    items = list(read_capture(path))
    for number, message in MESSAGES.items():
        wanted = make_filter(types=[message.NAME])
        numbers = {item.packets[-1] for item in items if wanted(item)}
        found = capture.items.packets_with(frozenset({number}), frozenset(), None)
        assert found.tolist() == sorted(numbers)
        assert (number in capture.items.types) is bool(numbers)
    for room in capture.items.rooms:
        wanted = make_filter(room=room)
        numbers = {item.packets[-1] for item in items if wanted(item)}
        codes = frozenset({room})
        assert capture.items.packets_with(frozenset(), codes, None).tolist() == sorted(numbers)
    nowhere = frozenset({"nowhere"})
    assert not capture.items.packets_with(frozenset(), nowhere, None).tolist()
    capture.close()
