"""Byte streams of a chat, ways to cut and damage them, and invariants of the decoded items."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence

from netchat import wire
from netchat.packets import Block, Damage, DecodedMessage, Decoder, Gap, Item, Packet
from netchat.wire import Message

from tests.packets.segments import ACK, PSH, START, Talk  # isort: skip


def chat_messages(count: int, seed: int = 1) -> list[tuple[int, Message]]:
    """A conversation: side (0 client, 1 server) and message."""
    choose = random.Random(seed)
    said: list[tuple[int, Message]] = [
        (0, wire.Hello(0, bytes(16), b"", "Nova", "test", ())),
        (1, wire.Welcome(0, 1, 77, 5, 65536, 16384, 120, 0, bytes(32), "Nova", "test", ())),
    ]
    for number in range(1, count + 1):
        text = "".join(choose.choices("abc NC\x01 äöü", k=choose.choice((1, 5, 40, 900, 3000))))
        said.append((0, wire.Send(number, "lobby", text)))
        said.append((1, wire.Event(number, number, 77, number, 1, "lobby", "Nova", text)))
    return said


def decode(packets: Iterable[Packet], **options: object) -> list[Item]:
    """Decode packets into items."""
    decoder = Decoder(**options)  # type: ignore[arg-type]
    items: list[Item] = []
    for packet in packets:
        items += decoder.feed(packet)
    items += decoder.finish()
    assert decoder._budget.used == 0, "the decoder still buffers bytes"
    assert not decoder._table
    return items


def said(items: Iterable[Item]) -> dict[bool, list[Message]]:
    """Return the messages of each direction, ordered by offset."""
    found: dict[bool, list[DecodedMessage]] = defaultdict(list)
    for item in items:
        if isinstance(item, DecodedMessage):
            found[item.to_server].append(item)
    return {
        to: [i.message for i in sorted(messages, key=lambda i: i.offset)]
        for to, messages in found.items()
    }


def check_tiling(items: Iterable[Item]) -> None:
    """Check that every byte of every direction is in exactly one item.

    Over a link, this holds for both the blocks and the stream that they carry.
    """
    places: dict[tuple[int, bool, bool], list[tuple[int, int]]] = defaultdict(list)
    linked: set[tuple[int, bool]] = set()
    for item in items:
        if item.conversation.duplicates:
            continue  # its streams have the same offsets
        key = id(item.conversation), item.to_server
        if isinstance(item, Block):
            linked.add(key)
        if isinstance(item, (Block, DecodedMessage, Damage, Gap)):
            # Items before a link's first block belong to the connection's stream.
            inside = (
                key in linked
                if isinstance(item, DecodedMessage)
                else getattr(item, "inside", False)
            )
            places[*key, inside].append((item.offset, item.offset + item.size))
    for spans in places.values():
        at = 0
        for start, end in sorted(spans):
            assert start == at, f"bytes {at} to {start} are in no item, or in two"
            assert end > start
            at = end


def talk_of(messages: Sequence[tuple[int, Message]], size: int = 1448, **options: object) -> Talk:
    """Return a whole conversation: opened, sent in segments of up to `size` bytes, closed."""
    talk = Talk(**options).open()  # type: ignore[arg-type]
    for side, message in messages:
        talk.say(side, wire.encode(message), size)
    return talk.close()


def one_way(stream: bytes, cuts: Sequence[tuple[int, int]], isn: int = 1000) -> list[Packet]:
    """Return segments that carry the given ranges of a client's stream, in the given order."""
    talk = Talk(isn=(isn, 5000)).open()
    for start, end in cuts:
        talk.add(0, ACK | PSH, stream[start:end], seq=(isn + 1 + start) % 2**32)
    talk.seq[0] = (isn + 1 + len(stream)) % 2**32
    return talk.packets


def renumber(packets: Iterable[Packet], step: int = 1_000_000) -> list[Packet]:
    return [p._replace(number=n, time=START + n * step) for n, p in enumerate(packets, 1)]
