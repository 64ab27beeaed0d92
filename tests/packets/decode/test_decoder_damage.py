"""Captures damaged by a seeded script: every complete message is found, and none is invented."""

from __future__ import annotations

import random

import pytest

from netchat import wire
from netchat.packets import Damage, DecodedMessage, Packet
from netchat.packets.tcp.dissect import Segment, dissect
from tests.packets.chatter import chat_messages, check_tiling, decode, renumber, said, talk_of
from tests.packets.segments import Talk

WAYS = ("dropped", "swapped", "repeated", "cut", "overlapped", "all")


def damage(packets: list[Packet], way: str, choose: random.Random) -> list[Packet]:
    """Damages about one packet in ten."""
    result: list[Packet] = []
    for packet in packets:
        do = choose.choice(WAYS[:-1]) if way == "all" else way
        if choose.random() > 0.1 or packet.number <= 3:
            result.append(packet)
        elif do == "swapped":
            result.insert(max(3, len(result) - choose.randrange(1, 5)), packet)
        elif do == "repeated":
            result += [packet] * choose.randrange(2, 4)
        elif do == "cut":
            keep = choose.randrange(54, len(packet.data) + 1)
            result.append(packet._replace(data=packet.data[:keep]))
        elif do == "overlapped":
            result.append(packet)
            result.append(_tail_again(packet, choose))
        elif do != "dropped":
            raise AssertionError(do)
    return result


def _tail_again(packet: Packet, choose: random.Random) -> Packet:
    """Return a segment that repeats the second half of another one's bytes."""
    size = len(packet.data) - 54
    skip = choose.randrange(size + 1)
    head = bytearray(packet.data[:54])
    head[16:18] = (40 + size - skip).to_bytes(2, "big")
    seq = int.from_bytes(head[38:42], "big") + skip
    head[38:42] = (seq % 2**32).to_bytes(4, "big")
    data = bytes(head) + packet.data[54 + skip :]
    return packet._replace(data=data, length=len(data))


def on_the_wire(packets: list[Packet], talk: Talk) -> dict[bool, list[bool]]:
    """Return which bytes of each direction the capture contains."""
    have = {True: bytearray(1 << 20), False: bytearray(1 << 20)}
    for packet in packets:
        segment = dissect(packet.link, packet.data, packet.length)
        assert not isinstance(segment, str)
        segment = Segment(*segment)
        to_server = segment.key[-4:-2] == (50000).to_bytes(2, "big")
        start = (segment.seq - talk.isn[not to_server] - 1) % 2**32
        if segment.payload:
            have[to_server][start : start + len(segment.payload)] = bytes(
                [1] * len(segment.payload)
            )
    return have


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("size", [53, 1448])
@pytest.mark.slow
def test_every_complete_message_is_found_and_none_invented(way: str, seed: int, size: int) -> None:
    choose = random.Random(f"{way} {seed} {size}")
    messages = chat_messages(25, seed)
    talk = talk_of(messages, size, isn=(2**32 - 5000, 7))
    packets = damage(talk.packets, way, choose)
    have = on_the_wire(packets, talk)
    items = decode(renumber(packets))
    check_tiling(items)
    found = said(items)
    for to_server in (True, False):
        at, whole = 0, []
        for side, message in messages:
            if (side == 0) == to_server:
                end = at + len(wire.encode(message))
                if all(have[to_server][at:end]):
                    whole.append(message)
                at = end
        assert found.get(to_server, []) == whole


def test_messages_know_their_packets() -> None:
    messages = chat_messages(10)
    talk = talk_of(messages, 100)
    payloads = {p.number: p.data[54:] for p in talk.packets}
    for item in decode(talk.packets):
        if isinstance(item, DecodedMessage):
            assert item.raw in b"".join(payloads[n] for n in item.packets)
            assert wire.encode(item.message) == item.raw
            assert item.time == max(talk.packets[n - 1].time for n in item.packets)


@pytest.mark.parametrize("where", ["crc", "body", "length", "magic", "version", "type", "flags"])
@pytest.mark.parametrize("size", [40, 1448])
def test_a_damaged_frame_is_reported_and_the_next_one_found(where: str, size: int) -> None:
    messages = [wire.Send(n, "lobby", "text " * n) for n in range(1, 9)]
    frames = [bytearray(wire.encode(m)) for m in messages]
    place = {"crc": 13, "body": 30, "length": 10, "magic": 0, "version": 2, "type": 3, "flags": 5}
    frames[3][place[where]] ^= 0x20
    talk = Talk().open()
    talk.say(0, b"".join(map(bytes, frames)), size)
    items = decode(talk.close().packets)
    check_tiling(items)
    assert said(items) == {True: messages[:3] + messages[4:]}
    (damaged,) = [i for i in items if isinstance(i, Damage)]
    assert damaged.size == len(frames[3])
    assert damaged.error == {
        "crc": "BadChecksum", "body": "BadChecksum", "length": "BadBody", "magic": "BadMagic",
        "version": "BadVersion", "type": "UnknownType", "flags": "UnknownFlags",
    }[where] or (where == "length" and damaged.error == "BadChecksum")  # fmt: skip


@pytest.mark.parametrize("change", ["type", "version", "flags", "body"])
def test_a_frame_of_a_future_version_is_one_damage(change: str) -> None:
    """The CRC-32 is valid, so the frame ends where its header says, and no resync is needed."""
    frame = bytearray(wire.seal(0x20, bytes(30)) if change != "body" else wire.seal(3, bytes(9)))
    frame[{"type": 3, "version": 2, "flags": 5, "body": 8}[change]] ^= (
        0x40 if change != "body" else 0
    )
    frame[12:16] = wire.checksum(bytes(frame)).to_bytes(4, "big")
    messages = [wire.Ping(1), wire.Ping(2)]
    stream = wire.encode(messages[0]) + bytes(frame) + wire.encode(messages[1])
    talk = Talk().open()
    talk.say(0, stream)
    items = decode(talk.packets)
    assert said(items) == {True: messages}
    (damaged,) = [i for i in items if isinstance(i, Damage)]
    assert (damaged.cause, damaged.raw) == ("frame", bytes(frame))
    assert not any(i.found for i in items if isinstance(i, DecodedMessage))


def test_a_frame_inside_a_frame_is_never_shown() -> None:
    """A client sends frames inside a field, and a segment of the enclosing frame is missing."""
    inner = wire.encode(wire.Send(99, "lobby", "never said"))
    blob = wire.encode(wire.Hello(0, inner * 40, b"", "x", "y", ()))
    assert inner in blob
    after = wire.Ping(7)
    for lost in range(len(blob) // 100):
        talk = Talk().open()
        talk.say(0, blob + wire.encode(after), 100)
        data = [n for n, p in enumerate(talk.packets) if len(p.data) > 54]
        packets = [p for n, p in enumerate(talk.packets) if n != data[lost]]
        found = said(decode(renumber(packets))).get(True, [])
        if lost:  # without the first segment, the decoder cannot know about the enclosing frame
            assert found == [after]


def test_a_stream_that_ends_inside_a_frame() -> None:
    frame = wire.encode(wire.Send(1, "lobby", "half of it"))
    talk = Talk().open()
    talk.say(0, frame[:25])
    items = decode(talk.close().packets)
    (damaged,) = [i for i in items if isinstance(i, Damage)]
    assert damaged.cause == "unfinished"
    assert (
        damaged.reason == f"SEND frame of {len(frame)} bytes: 25 are here, then the connection ends"
    )
