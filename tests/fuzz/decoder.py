"""The decoder with arbitrary packets: a real conversation, damaged, among noise.

Invariants:
    - nothing is raised;
    - every decoded message encodes to its original bytes;
    - each byte of a direction is in exactly one item; over a link, in both of its streams;
    - at the end, nothing is buffered.
"""

from __future__ import annotations

from netchat import wire
from netchat.link.code_table import warm_up
from netchat.link.header import Header, Kind
from netchat.link.open_request import Mode
from netchat.packets import Block, Damage, DecodedMessage, Decoder, Gap, Item, Packet
from netchat.packets.views.ladder import Ladder
from netchat.packets.views.ladder_svg import ladder_svg
from netchat.packets.views.ladder_text import ladder_lines
from netchat.packets.views.lines import Lines
from netchat.packets.views.records import as_dict
from netchat.packets.views.stats import Stats
from netchat.packets.views.tree import hex_lines, tree_lines
from tests.fuzz.choices import Choices
from tests.fuzz.samples import any_message, damaged
from tests.packets.chatter import check_tiling
from tests.packets.forged import block_of, open_of
from tests.packets.segments import ACK, PSH, Talk

__all__ = ["check"]

warm_up()  # otherwise the first case over a link would include compiling its codes


def check(data: bytes) -> None:
    """Run one case."""
    choices = Choices(data)
    trace = choices.one_in(3)
    decoder = Decoder(limit=choices.pick((65536, 300)), trace=trace)
    items: list[Item] = []
    for packet in _packets(choices):
        items += decoder.feed(packet)
        if choices.one_in(16):
            items += decoder.tick(packet.time + choices.below(65536) * 1_000_000)
    items += decoder.finish()
    assert decoder._budget.used == 0, "something is kept"
    assert not decoder._table
    assert not decoder._waiting
    assert decoder._datagrams is None or not decoder._datagrams._links
    check_tiling(items)
    for item in items:
        if isinstance(item, DecodedMessage):
            assert wire.encode(item.message) == item.raw
        assert not isinstance(item, (DecodedMessage, Damage)) or item.packets
        assert not isinstance(item, Gap) or item.size > 0
        if isinstance(item, Block):
            assert 0 < item.head <= len(item.sent) <= item.size
    if data[:1] < b"\x20":  # testing all of them would take most of the time
        _look(items)


def _packets(choices: Choices) -> list[Packet]:
    talk = Talk(
        port=choices.pick((6464, 6464, 7000)), isn=(2**32 - 50, 9), step=choices.pick((1000, 10**8))
    )
    if not choices.one_in(3):
        talk.open()
    packets: list[Packet] = []
    linked = [100, 100] if choices.one_in(4) else None  # over a link: the offset reached so far
    by_datagrams = linked is not None and choices.one_in(3)
    while choices:
        side = choices.below(2)
        frame = wire.encode(any_message(choices))
        if choices.one_in(6):
            frame = damaged(frame, choices)
        if choices.one_in(8):
            frame = choices.blob(60) or b"?"
        if linked is not None:
            frame = _block(linked, side, frame[:800], choices)
        if by_datagrams:
            talk.datagram(side, frame[4:])
        else:
            _segments(talk, side, frame, choices)
        new, talk.packets = talk.packets, []
        for packet in new:
            act = choices.below(12)
            if act == 1:
                continue
            if act == 2 and packets:
                packets.insert(choices.below(min(len(packets), 256)), packet)
                continue
            if act == 3:
                packet = packet._replace(data=packet.data[: choices.below(len(packet.data) + 1)])
            if act == 4:
                changed = bytearray(packet.data)
                changed[choices.below(len(changed))] ^= 1 << choices.below(8)
                packet = packet._replace(data=bytes(changed))
            packets += [packet] * (2 if act == 5 else 1)
    talk.add(0, ACK | PSH)
    return [p._replace(number=n) for n, p in enumerate(packets, 1)]


def _segments(talk: Talk, side: int, frame: bytes, choices: Choices) -> None:
    # At most eight segments per frame: more cost time and cover nothing new.
    size = max(1 + choices.below(200), len(frame) // 8 + 1)
    talk.say(side, frame, size, ack=choices.one_in(2))
    if choices.one_in(20):
        talk.add(side, choices.byte(), b"", seq=talk.seq[side] + choices.below(40))
    if choices.one_in(30):
        talk.seq[0] = choices.below(65536)
        talk.open()


def _block(linked: list[int], side: int, payload: bytes, choices: Choices) -> bytes:
    """Return a frame in a block of a link; usually it is the next one in order."""
    kind = choices.pick((Kind.DATA, Kind.DATA, Kind.DATA, Kind.OPEN, *Kind))
    header = Header(
        kind, choices.pick((0, 1, 2)), 7, 0, linked[side], choices.byte(), 64, linked[1 - side],
        choices.byte(), 0, choices.byte(), 0, 0,
    )  # fmt: skip
    if choices.one_in(8):
        header = header._replace(
            offset=choices.pick((0, 99, linked[side] + 50, 2**31, 2**32 - 1)),
            link=7 + choices.below(2),
        )
    if kind is not Kind.DATA:
        header = header._replace(code=1)
        payload = (
            b"" if kind in (Kind.ACCEPT, Kind.ACK) else open_of("uncoded", choices.pick((*Mode,)))
        )
    elif not choices.one_in(6):  # otherwise the next one covers the same bytes
        linked[side] += len(payload)
    block = block_of(header, payload)
    return damaged(block, choices) if choices.one_in(4) else block


def _look(items: list[Item]) -> None:
    """Check that no view raises on an item, and that no control character is displayed."""
    lines, ladder, stats = Lines(), Ladder(), Stats()
    shown: list[str] = []
    for item in items:
        shown += [lines.line(item), *tree_lines(item), *hex_lines(item)]
        as_dict(item)
        ladder.add(item)
        stats.add(item)
    shown += stats.lines()
    shown += [line.text for line in ladder_lines(ladder, 100)]
    for text in shown:
        assert text.isprintable() or all(c >= " " and c not in "\x7f\u202e\u2028" for c in text)
    ladder_svg(ladder, "fuzz").encode()
