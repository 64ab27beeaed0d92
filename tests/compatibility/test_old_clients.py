"""Clients of version 0.1 on a server that moderates: decoded as that version did, without today's codec."""

from __future__ import annotations

import struct
import zlib

import pytest

from netchat.wire import Create, Join, ModeratorAction
from tests.chat.test_moderation_rules import act, make_owner, operate
from tests.chat.world import World, hello

#: Types of messages to clients in version 0.1, kinds of its events, and its errors that end a session.
TYPES = {0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x12, 0x14, 0x16, 0x18, 0x21, 0x22, 0x24}
CHAT, JOIN, LEAVE, RENAME = 1, 2, 3, 4
FATAL = {1, 2, 9}

A = ModeratorAction


def frames(data: bytes) -> list[tuple[int, bytes]]:
    """Split bytes into types and bodies, checking headers and CRCs."""
    found = []
    while data:
        magic, version, kind, flags, suite, reserved, length, crc = struct.unpack(
            ">2sBBHBBII", data[:16]
        )
        assert (magic, version, flags, suite, reserved) == (b"NC", 1, 0, 0, 0)
        assert zlib.crc32(data[:12] + bytes(4) + data[16 : 16 + length]) == crc
        found.append((kind, data[16 : 16 + length]))
        data = data[16 + length :]
    return found


def texts(body: bytes, at: int) -> list[str]:
    found = []
    while at < len(body):
        (size,) = struct.unpack_from(">H", body, at)
        found.append(body[at + 2 : at + 2 + size].decode())
        at += 2 + size
    return found


def event(body: bytes) -> tuple[int, int, str, str]:
    """Return sequence number, kind, sender and text of an EVENT."""
    seq, _, device, counter, kind = struct.unpack_from(">QQQQB", body)
    room, sender, text = texts(body, 33)
    assert room
    assert kind == CHAT or not (device or counter)
    return seq, kind, sender, text


class Recorder(bytearray):
    """The bytes that a connection has received."""


@pytest.fixture
def school():
    world = World()
    ada, nova = world.user("Ada", "lobby"), world.user("Nova", "lobby")
    make_owner(world, ada)
    link = world.link()
    received, put = Recorder(), link.put
    link.put = lambda data: (received.extend(data), put(data))[1]
    world.say(link, hello("Old"), Join(1, 0, 0, "lobby"))
    return world, ada, nova, link, received


def test_every_action_reaches_an_old_client_in_a_form_that_it_knows(school):
    world, ada, *_, received = school
    del received[:]
    for action, target, text in (
        (A.TITLE, "", "Physics"), (A.LOCK, "", ""), (A.UNLOCK, "", ""), (A.READ_ONLY, "", ""),
        (A.WRITABLE, "", ""), (A.MUTE, "Nova", "quiet"), (A.UNMUTE, "Nova", ""),
        (A.APPOINT, "Nova", ""), (A.DISMISS, "Nova", ""), (A.BAN, "Pest", "no"), (A.UNBAN, "Pest", ""),
        (A.CLEAR, "", ""), (A.KICK, "Nova", "spam"),
    ):  # fmt: skip
        assert act(world, ada, action, target, text) is None
    events = [event(body) for kind, body in frames(bytes(received))]
    assert {kind for kind, _ in frames(bytes(received))} == {0x21}
    assert [seq for seq, *_ in events] == list(range(events[0][0], events[0][0] + 13))
    assert [kind for _, kind, *_ in events] == [CHAT] * 12 + [LEAVE]
    assert {sender for _, _, sender, _ in events[:12]} == {"server"}
    assert events[0][3] == "Ada named this room “Physics”"
    assert events[5][3] == "Nova was muted by Ada: quiet"
    assert events[-1][2:] == ("Nova", "removed by Ada: spam")


def test_all_frames_have_types_that_it_knows_until_it_is_removed(school):
    world, ada, _, link, received = school
    (joined,) = [m for m in world.say(link, Create(2)) if m.NAME == "JOINED"]
    ada.core.join(joined.membership[0].room)
    world.settle()
    operate(world, A.CLOSE, room=joined.membership[0].room)
    act(world, ada, A.BAN, "Old", "enough")
    found = frames(bytes(received))
    assert {kind for kind, _ in found} <= TYPES
    kind, body = found[-1]
    assert kind == 0x05
    code, about, reference = struct.unpack_from(">HBQ", body)
    assert code in FATAL
    assert (about, reference) == (0, 0)
    assert texts(body, 11)[0] == "You were banned by Ada: enough"


def test_a_banned_old_client_is_told_so_and_does_not_reconnect(school):
    world, *_ = school
    operate(world, A.BAN, "Pest", "no")
    link = world.link()
    received, put = Recorder(), link.put
    link.put = lambda data: (received.extend(data), put(data))[1]
    world.say(link, hello("Pest"))
    ((kind, body),) = frames(bytes(received))
    (code,) = struct.unpack_from(">H", body)
    assert (kind, code in FATAL) == (0x05, True)
    assert texts(body, 11)[0] == "the host has banned you from this server: no"
