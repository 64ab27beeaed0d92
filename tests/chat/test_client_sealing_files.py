"""Files in sealed rooms and sealed conversations, against a hostile server."""

from __future__ import annotations

import pytest

from netchat.chat.client_events import RoomEntered, Undelivered
from netchat.wire import ErrorCode, EventKind, RoomKind, SealedEvent
from tests.chat.file_world import FileUser, FileWorld, sha256
from tests.chat.test_client_sealing import invitation, problems

DATA = bytes(range(256)) * 1000


@pytest.fixture
def world():
    made = FileWorld()
    yield made
    made.close()


def sealed_room(world, *names):
    users = [world.file_user(name, can_seal=True) for name in names]
    users[0].core.create(sealed=True)
    world.settle()
    (entered,) = users[0].all(RoomEntered)
    for user in users[1:]:
        user.core.join(invitation(users[0], entered.room))
        world.settle()
    return entered.room, users


def test_members_exchange_a_sealed_file(world):
    room, (ann, bob) = sealed_room(world, "Ann", "Bob")
    assert ann.core.sealing.seals_files(room)
    transfer = ann.send_file(room, DATA, "secret.txt", sealed=True)
    world.settle()
    assert ann.ended(transfer).why == ""
    (offer,) = bob.offers(room)
    assert (offer.name, offer.size) == ("secret.txt", len(DATA))
    save = bob.save_file(room, offer)
    world.settle()
    opened = bob.wanted[save][1].open(bytes(bob.saved[save]))
    assert opened == DATA
    assert problems(bob) == []
    (event,) = [m for m in bob.link.wire if isinstance(m, SealedEvent)]
    assert event.sealed[0].kind == EventKind.FILE
    assert b"secret.txt" not in event.encode(), "the server does not learn the name"
    stored = [path.read_bytes() for path in world.folder.rglob("*") if path.is_file()]
    assert not any(DATA[:64] in content for content in stored), "nor the content"


def test_the_history_has_the_offer(world):
    room, (ann, bob) = sealed_room(world, "Ann", "Bob")
    ann.send_file(room, DATA, "old.txt", sealed=True)
    world.settle()
    bob.core.history(room, 10)
    world.settle()
    past = [e for h in bob.happened if type(h).__name__ == "HistoryReceived" for e in h.events]
    assert [e.kind for e in past][-1] == EventKind.FILE


@pytest.mark.parametrize(
    "damage",
    [
        lambda c: c[65_552:131_104] + c[:65_552] + c[131_104:],
        lambda c: c[:65_552] * 2 + c[131_104:],
        lambda c: c[:-1] + b"?",
        lambda c: bytes(len(c)),
    ],
    ids=["swapped", "repeated", "changed", "zeros"],
)
def test_a_server_that_sends_other_bytes(world, damage):
    room, (ann, bob) = sealed_room(world, "Ann", "Bob")
    ann.send_file(room, DATA, sealed=True)
    world.settle()
    offer = bob.offers(room)[0]
    (path,) = (p for p in world.folder.rglob("*") if p.name == offer.sha256.hex())
    path.write_bytes(damage(path.read_bytes()))
    save = bob.save_file(room, offer)
    world.settle()
    assert bob.ended(save).why == "wrong hash"


def test_a_server_that_cuts_a_file(world):
    room, (ann, bob) = sealed_room(world, "Ann", "Bob")
    ann.send_file(room, DATA, sealed=True)
    world.settle()
    offer = bob.offers(room)[0]
    (path,) = (p for p in world.folder.rglob("*") if p.name == offer.sha256.hex())
    path.write_bytes(path.read_bytes()[:-100])
    save = bob.save_file(room, offer)
    world.settle()
    assert bob.ended(save).code == ErrorCode.NO_SUCH_FILE


def test_an_unsealed_offer_in_a_sealed_room_is_not_sent(world):
    room, (ann, bob) = sealed_room(world, "Ann", "Bob")
    ann.send_file(room, DATA)
    world.settle()
    assert "became sealed" in ann.all(Undelivered)[-1].why
    assert bob.offers(room) == []


def private_room(world, first, second, name):
    first.core.send_private(name, "hello")
    world.settle()
    return next(v.code for v in first.core.memory.rooms.values() if v.kind is RoomKind.PRIVATE)


def test_conversations_of_sealing_clients_are_sealed(world):
    ann, bob = (world.file_user(name, can_seal=True) for name in ("Ann", "Bob"))
    room = private_room(world, ann, bob, "Bob")
    assert ann.core.sealing.seals_files(room) is True
    ann.send_file(room, DATA, sealed=True)
    world.settle()
    (offer,) = bob.offers(room)
    assert offer.key
    assert ann.core.sealing.seals_files("nowhere") is False


def test_it_is_known_whether_a_file_must_be_sealed_once_the_devices_are(world):
    ann, bob = (world.file_user(name, can_seal=True) for name in ("Ann", "Bob"))
    from netchat.wire import Private

    ann.core.ask(lambda n: Private(n, "Bob"))
    world.settle(until=lambda: bool(ann.core.memory.rooms))
    (room,) = ann.core.memory.rooms
    assert ann.core.sealing.seals_files(room) is None
    world.settle()
    assert ann.core.sealing.seals_files(room) is True
    transfer = ann.send_file(room, DATA, sealed=True)
    world.settle()
    assert ann.ended(transfer).why == ""
    assert len(bob.offers(room)) == 1


def test_conversations_with_older_programs_are_not_sealed(world):
    ann, old = world.file_user("Ann", can_seal=True), world.file_user("Old")
    room = private_room(world, ann, old, "Old")
    assert ann.core.sealing.seals_files(room) is False
    ann.send_file(room, DATA)
    ann.send_file(room, b"sealed", sealed=True)
    world.settle()
    (offer,) = old.offers(room)
    assert (offer.sha256, offer.key) == (sha256(DATA), b"")
    assert "cannot open sealed files" in ann.all(Undelivered)[-1].why
    assert problems(ann) == []


def test_a_refused_offer(world):
    room, (ann, _) = sealed_room(world, "Ann", "Bob")
    ann.send_file(room, DATA, "a.txt", sealed=True)
    world.settle(until=lambda: bool(ann.core.memory.outbox))
    (offer,) = ann.core.memory.outbox.values()
    ann.core.sealing.dropped(offer)
    assert isinstance(ann, FileUser)
