"""The server's checks of sealed messages and device keys, all of which it cannot read."""

from __future__ import annotations

import pytest

from netchat.chat.commands import PostSealed
from netchat.chat.outcomes import Reason, Rejected
from netchat.chat.sealing_handlers import _sent
from netchat.wire import (
    CreateSealed,
    Device,
    DeviceList,
    Devices,
    Error,
    ErrorCode,
    EventKind,
    Join,
    Sealed,
    SealedEvent,
    SealedSend,
    Send,
    Wrap,
)
from tests.chat.test_client_sealing import problems, sealed_room
from tests.chat.world import World, refusal


def sealed(**fields: object) -> Sealed:
    """Return a sealed message of valid sizes."""
    default = {
        "kind": EventKind.SEALED,
        "algorithms": 1,
        "epoch": 1,
        "run": 0,
        "seen": 0,
        "view": b"",
        "previous": b"",
        "key": bytes(64),
        "check": b"",
        "wraps": (),
        "ciphertext": b"c",
        "signature": bytes(64),
    }
    return Sealed(**{**default, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": 1},
        {"key": b""},
        {"signature": b""},
        {"view": b"x"},
        {"previous": b"x"},
        {"check": bytes(16)},
        {"ciphertext": bytes(20_000)},
        {"kind": EventKind.REKEY, "check": bytes(16)},
        {"wraps": (Wrap(1, bytes(32), bytes(32), bytes(32)),)},
        {
            "kind": EventKind.REKEY,
            "check": bytes(16),
            "wraps": (Wrap(1, b"", bytes(32), bytes(32)),),
        },
    ],
)
def test_the_server_checks_sizes(fields):
    world = World()
    room, _ = sealed_room(world, "Ann")
    link, _ = world.greet("Bob")
    world.say(link, Device("", 0, bytes(128), b""))
    world.say(link, Join(1, 0, 0, room))
    answer = world.say(link, SealedSend(1, room, (sealed(**fields),)))
    assert refusal(answer) == (ErrorCode.BAD_SEAL, SealedSend.TYPE, 1)


def test_the_server_refuses_what_has_no_place():
    world = World()
    room, (ann,) = sealed_room(world, "Ann")
    link, _ = world.greet("Bob")
    world.say(link, Device("", 0, bytes(128), b""), Device("", 0, bytes(128), b""))
    assert refusal(world.say(link, SealedSend(1, room, (sealed(),))))[0] == ErrorCode.NOT_A_MEMBER
    assert refusal(world.say(link, DeviceList(1, room, "")))[0] == ErrorCode.NOT_A_MEMBER
    world.say(link, Join(1, 0, 0, "lobby"), Join(2, 0, 0, room))
    assert refusal(world.say(link, Send(1, room, "x")))[0] == ErrorCode.NOT_SEALED
    for message, code in (
        (SealedSend(2, "lobby", (sealed(),)), ErrorCode.CANNOT_SEAL),
        (SealedSend(2, room, (sealed(epoch=2),)), ErrorCode.OLD_EPOCH),
        (SealedSend(2, room, ()), ErrorCode.BAD_SEAL),
        (SealedSend(2**63, room, (sealed(),)), ErrorCode.OUT_OF_ORDER),
        (Device(room, 1, b"", b""), ErrorCode.BAD_SEAL),
        (CreateSealed(1, b""), ErrorCode.BAD_SEAL),
    ):
        assert refusal(world.say(link, message))[0] == code, message
    (event,) = world.say(link, SealedSend(3, room, (sealed(),)))
    assert isinstance(event, SealedEvent)
    ack = world.say(link, SealedSend(3, room, (sealed(),)))
    assert ack[0].NAME == "ACK"
    (answer,) = world.say(link, DeviceList(2, "lobby", ""))
    assert answer == Devices(2, 0, 0, b"", "lobby", ())
    # Zeros are a key of small order, whose signatures are sometimes valid; the secret is still missing.
    assert problems(ann)[0] in (
        "its signature is invalid",
        "it was changed, or sealed with another secret",
    )


def test_a_damaged_history_refuses_messages(monkeypatch):
    from netchat.errors import HistoryError

    world = World()
    room, (ann,) = sealed_room(world, "Ann")

    def fail(*_: object) -> int:
        raise HistoryError("damaged")

    monkeypatch.setattr(world.history, "last_counter", fail)
    ann.core.say(room, "hello")
    world.settle()
    assert ann.core.unsent == 0
    assert not [e for e in ann.events(room) if e.kind == EventKind.CHAT]


def test_a_private_room_takes_no_sealed_message_if_a_member_has_no_keys_or_has_left():
    world = World()
    (ann, _), (bob, _) = world.greet("Ann"), world.greet("Bob")
    world.say(ann, Device("", 0, bytes(128), b""))
    from netchat.wire import Joined, Leave, Private

    (joined,) = world.say(ann, Private(1, "Bob"))
    assert isinstance(joined, Joined)
    room = joined.membership[0].room
    message = SealedSend(1, room, (sealed(),))
    assert refusal(world.say(ann, message))[0] == ErrorCode.CANNOT_SEAL
    (answer,) = world.say(ann, DeviceList(1, room, ""))
    assert isinstance(answer, Devices)
    assert [device.name for device in answer.devices] == ["Ann"]
    world.say(bob, Leave(1, room))
    assert refusal(world.say(ann, message))[0] == ErrorCode.NO_SUCH_USER


def test_in_a_cluster_a_message_may_be_refused_late():
    world = World()
    room, (ann,) = sealed_room(world, "Ann")
    assert ann.link is not None
    session = world.hub.state.shared.by_name.get("Ann")
    assert session is not None
    message = SealedSend(5, room, (sealed(),))
    command = PostSealed(session.id, session.attachment, 5, 0, 0, room, message.sealed)
    for reason in (Reason.NOT_A_MEMBER, Reason.REPEATED):
        _sent(world.hub.state, ann.link, message, command, Rejected(reason))
    world.settle()
    errors = [m for m in ann.link.wire if isinstance(m, Error)]
    assert [error.code for error in errors] == [ErrorCode.NOT_A_MEMBER, ErrorCode.OUT_OF_ORDER]


def test_a_full_room_refuses(monkeypatch):
    monkeypatch.setattr("netchat.chat.apply.MAX_SEALED", 1)
    world = World()
    room, _ = sealed_room(world, "Ann")
    link, _ = world.greet("Bob")
    world.say(link, Device("", 0, bytes(128), b""))
    answer = world.say(link, Join(1, 0, 0, room))
    assert refusal(answer)[0] == ErrorCode.SEALED_ROOM_FULL


def test_counters_outlive_their_rotation():
    world = World()
    room, (ann,) = sealed_room(world, "Ann")
    shared = world.hub.state.shared.rooms[room]
    shared.older_counters, shared.counters = {ann.core.device: 5}, {}
    ann.core.say(room, "hello")
    world.settle()
    assert ann.core.unsent == 0
