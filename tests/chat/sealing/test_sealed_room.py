"""Attacks on a sealed room by its server and by former members, and what a member notices."""

from __future__ import annotations

import json

import pytest

from netchat.chat.sealing.device_key import DeviceKey
from netchat.chat.sealing.pins import Pins
from netchat.chat.sealing.sealed_room import SealedRoom
from netchat.errors import SealingError
from netchat.wire import DeviceKeys, EventKind, Sealed, SealedEvent
from tests.chat.sealing.members import LOG, SECRET, Member, Relay, event

NEW = "it is sealed with an old secret, which former members know"
ORDER = "it is repeated or out of order: the server sent a later one first"
MISSING = "an earlier message from this sender is missing"
FORK = (
    "the sender has seen different events: the server shows members different versions of this room"
)


def change(message: SealedEvent, **fields: object) -> SealedEvent:
    """Return an event with other fields, of the event or of its sealed message."""
    names = SealedEvent.__slots__
    own = {name: getattr(message, name) for name in names}
    (sealed,) = message.sealed
    inner = {name: getattr(sealed, name) for name in Sealed.__slots__}
    inner |= {name: value for name, value in fields.items() if name in inner}
    own |= {name: value for name, value in fields.items() if name in own}
    return SealedEvent(**{**own, "sealed": (Sealed(**inner),)})


def begun() -> tuple[Relay, Member, Member]:
    ann, bob = Member("Ann"), Member("Bob")
    relay = Relay(ann, bob)
    for member in (ann, bob):
        relay.notice(EventKind.JOIN, member.name)
    relay.say(ann, "one")
    relay.say(bob, "two")
    assert ann.problems == bob.problems == []
    return relay, ann, bob


def texts(member: Member) -> list[str]:
    return [opened.text for opened in member.opened]


def test_members_read_what_members_write():
    relay, ann, bob = begun()
    relay.say(ann, "three")
    assert texts(ann) == texts(bob) == ["one", "two", "three"]
    assert bob.opened[-1].name == "Ann"
    assert bob.opened[-1].keys == ann.device.keys
    assert ann.problems == bob.problems == []


# -- a dishonest server ---------------------------------------------------------------------------


def test_a_replayed_message_is_noticed():
    relay, _, bob = begun()
    old = relay.log[2]
    assert isinstance(old, SealedEvent)
    relay.send(change(old, seq=relay.next), bob)
    assert bob.problems == [ORDER]


def test_swapped_messages_are_noticed():
    relay, ann, bob = begun()
    first, second = (relay.sealed(ann, text) for text in ("first", "second"))
    relay.send(change(second, seq=relay.next), bob)
    relay.send(change(first, seq=relay.next + 1), bob)
    assert bob.problems == [MISSING, ORDER]


def test_a_dropped_message_is_noticed_with_the_next_one():
    relay, ann, bob = begun()
    relay.sealed(ann, "dropped")
    relay.send(relay.sealed(ann, "delivered"), bob)
    assert bob.problems == [MISSING]


def test_a_message_under_another_name_is_noticed():
    relay, ann, bob = begun()
    relay.send(relay.sealed(ann, "give me your password", name="Bob"), bob)
    assert bob.problems == ["the server says that Bob sent it, but it is signed by Ann"]
    assert bob.opened[-1].name == "Ann"


def test_a_sender_whose_rename_is_under_way_is_trusted():
    relay, ann, bob = begun()
    late = relay.sealed(ann, "sent before the rename")
    relay.notice(EventKind.RENAME, "Ann", "Anna")
    relay.send(change(late, seq=relay.next, sender="Anna"), bob)
    assert (bob.problems, bob.opened[-1].name) == ([], "Anna")
    relay.send(relay.sealed(ann, "after it", name="Anna"), bob)
    assert "signed by Ann" in bob.problems[0], "the device has seen the rename, and denies it"


def test_a_forked_room_is_noticed_with_the_next_message():
    relay, ann, bob = begun()
    seq = relay.next
    relay.send(event(seq, EventKind.JOIN, "Eve"), ann)
    relay.send(event(seq, EventKind.JOIN, "Mallory"), bob)
    message = change(relay.sealed(ann, "hello"), seq=seq + 1)
    relay.send(message, ann, bob)
    assert (ann.problems, bob.problems) == ([], [FORK])
    relay.send(change(relay.sealed(ann, "again"), seq=seq + 2), ann, bob)
    assert bob.problems == [FORK], "it is said once per sender"
    relay.send(change(relay.sealed(bob, "I see"), seq=seq + 3), ann, bob)
    assert ann.problems == [FORK]


def test_a_changed_time_of_an_earlier_event_is_noticed():
    relay, ann, bob = begun()
    message = relay.sealed(ann, "noon")
    relay.send(message, ann)
    relay.send(change(message, time=99), bob)
    relay.send(change(relay.sealed(ann, "next"), seq=relay.next + 1), bob)
    assert bob.problems == [FORK]


def test_a_member_that_has_seen_more_than_there_is_shows_a_fork():
    relay, ann, bob = begun()
    relay.send(event(relay.next, EventKind.JOIN, "Eve"), ann)
    relay.send(change(relay.sealed(ann, "hello"), seq=relay.next), bob)
    assert bob.problems == ["the sender has seen more events than this device"]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"ciphertext": b"x" * 40}, "its signature is invalid"),
        ({"counter": 9}, "its signature is invalid"),
        ({"epoch": 2}, "its signature is invalid"),
        ({"seen": 1}, "its signature is invalid"),
        ({"run": 9}, "its signature is invalid"),
        ({"key": DeviceKey().keys}, "its signature is invalid"),
        ({"key": b""}, "its keys or its signature have the wrong size"),
        ({"algorithms": 2}, "it uses algorithms 2, which this version does not support"),
    ],
)
def test_a_changed_message_is_not_shown(fields, problem):
    relay, ann, bob = begun()
    relay.send(change(relay.sealed(ann, "hello"), **fields), bob)
    assert bob.problems == [problem]
    assert bob.opened[-1][1:4] == ("", b"", False)


def test_a_message_of_another_room_is_not_shown():
    relay, ann, bob = begun()
    ann.room.log = LOG + 1
    relay.send(relay.sealed(ann, "hello"), bob)
    assert bob.problems == ["its signature is invalid"]


def test_a_message_of_someone_without_the_secret_is_not_shown():
    relay, _, bob = begun()
    relay.send(relay.sealed(Member("Eve", secret=bytes(16)), "hello"), bob)
    assert bob.problems == ["it was changed, or sealed with another secret"]


def test_a_text_that_is_not_sealed_is_noticed():
    relay, _, bob = begun()
    relay.notice(EventKind.CHAT, "Ann", "trust me")
    assert "not sealed" in bob.problems[0]


def test_other_keys_of_a_known_name_are_noticed():
    relay, _, bob = begun()
    relay.send(relay.sealed(Member("Ann"), "it is me"), bob)
    assert bob.problems[0].startswith("the keys of Ann have changed")


# -- joining later --------------------------------------------------------------------------------


def test_a_later_member_takes_over_the_hash_of_another_one():
    relay, ann, bob = begun()
    cyd = Member("Cyd", seq=len(relay.log))
    relay.members.append(cyd)
    relay.notice(EventKind.JOIN, "Cyd")
    relay.say(cyd, "I know nothing")
    assert cyd.room.transcript.value == b""
    relay.say(ann, "hello")
    assert cyd.room.transcript.value == ann.room.transcript.value != b""
    relay.say(cyd, "now I do")
    assert ann.problems == bob.problems == cyd.problems == []
    relay.send(event(relay.next, EventKind.JOIN, "Eve"), cyd)
    relay.send(change(relay.sealed(ann, "x"), seq=relay.next + 1), cyd)
    relay.send(change(relay.sealed(ann, "y"), seq=relay.next + 2), cyd)
    assert cyd.problems == []
    message = change(relay.sealed(cyd, "z"), seq=relay.next)
    relay.send(message, ann)
    assert ann.problems == ["the sender has seen more events than this device"]


# -- members that leave ---------------------------------------------------------------------------


def three() -> tuple[Relay, Member, Member, Member]:
    relay, ann, bob = begun()
    cyd = Member("Cyd", seq=len(relay.log))
    relay.members.append(cyd)
    relay.notice(EventKind.JOIN, "Cyd")
    relay.say(cyd, "hello")
    return relay, ann, bob, cyd


def test_a_removed_member_that_keeps_reading_gets_nothing_new():
    relay, ann, bob, cyd = three()
    relay.notice(EventKind.LEAVE, "Cyd")
    assert ann.room.must_rekey
    relay.rekey(ann, bob)
    relay.say(ann, "without Cyd")
    relay.say(bob, "indeed")
    assert ann.problems == bob.problems == []
    assert texts(bob)[-3:] == ["a member left the room", "without Cyd", "indeed"]
    assert texts(cyd)[-2:] == ["", ""], "the server still sends it everything"
    assert "this device was not given the new secret; ask for the new link" in cyd.problems
    assert not ann.room.must_rekey
    assert not bob.room.must_rekey


def test_a_removed_member_that_keeps_writing_is_noticed():
    relay, ann, bob, cyd = three()
    relay.notice(EventKind.LEAVE, "Cyd")
    relay.send(relay.sealed(cyd, "still here"), bob)
    assert bob.problems == ["its sender has left the room"]
    cyd.counter += 1
    own = cyd.room.rekey(cyd.counter, "Cyd", [], "")
    relay.send(SealedEvent(relay.next + 1, 0, 5, cyd.counter, "R", "Cyd", (own,)), bob)
    assert bob.problems[-1] == "the room's secret is not changed by this message"
    assert (bob.room.epoch, ann.room.epoch) == (1, 1)
    relay.rekey(ann, bob)
    cyd.room.epoch = 1
    relay.send(relay.sealed(cyd, "with the old secret"), bob)
    assert NEW in bob.problems


def test_a_rekey_before_the_leave_does_not_count():
    relay, ann, bob, cyd = three()
    ann.counter += 1
    early = ann.room.rekey(ann.counter, "Ann", [bob.device.keys, cyd.device.keys], "")
    relay.notice(EventKind.LEAVE, "Cyd")
    relay.send(SealedEvent(relay.next, 0, 5, ann.counter, "R", "Ann", (early,)))
    assert ann.room.epoch == bob.room.epoch == 2
    assert ann.room.must_rekey, "it gave the new secret to Cyd"


def test_of_two_rekeys_the_first_in_the_log_counts():
    relay, ann, bob = begun()
    bob.counter += 1
    late = bob.room.rekey(bob.counter, "Bob", [ann.device.keys], "")
    relay.rekey(ann, bob)
    relay.send(SealedEvent(relay.next, 0, 5, bob.counter, "R", "Bob", (late,)), ann)
    assert ann.problems == ["the room's secret is not changed by this message"]


def test_a_secret_that_differs_between_members_is_noticed():
    relay, ann, bob = begun()
    ann.counter += 1
    sealed = ann.room.rekey(ann.counter, "Ann", [bob.device.keys], "")
    other = ann.room.rekey(ann.counter, "Ann", [bob.device.keys], "")
    fields = {name: getattr(sealed, name) for name in Sealed.__slots__} | {"wraps": other.wraps}
    fields["signature"] = b""
    bare = Sealed(**fields)
    signature = ann.device.sign(
        b"netchat sealed 1\0"
        + LOG.to_bytes(8, "big")
        + ann.counter.to_bytes(8, "big")
        + bare.encode()
    )
    forged = Sealed(**{**fields, "signature": signature})
    relay.send(SealedEvent(relay.next, 0, 5, ann.counter, "R", "Ann", (forged,)), bob)
    # The reason of the REKEY is sealed together with its wraps, so that not even the sender can.
    assert "the room's secret is not changed by this message" in bob.problems


def test_only_members_that_know_the_secret_count_as_members():
    _, ann, bob = begun()
    ghost = DeviceKey()
    entries = [
        bob.entry,
        DeviceKeys("Ghost", 1, ghost.bundle, bytes(32)),
        DeviceKeys("Old", 0, bob.device.bundle, bob.room.proof()),
        DeviceKeys("Bad", 1, bob.device.bundle[:-1] + b"x", bob.room.proof()),
        DeviceKeys("Short", 1, b"", b""),
    ]
    assert ann.room.members(entries) == {"Bob": bob.device.keys}


def test_a_member_without_the_secret_can_neither_seal_nor_rekey():
    ann = Member("Ann")
    ann.room.epoch = 5
    assert ann.room.keys is None
    with pytest.raises(SealingError, match="ask for its new link"):
        ann.seal("x")
    with pytest.raises(SealingError, match="ask for its new link"):
        ann.room.rekey(1, "Ann", [], "")


def test_a_member_with_an_old_link_follows_the_room_without_reading():
    relay, ann, bob = begun()
    relay.rekey(ann, bob)
    late = Member("Late", seq=len(relay.log))
    late.room = SealedRoom(late.device, Pins(), LOG, 1, len(relay.log))
    relay.send(relay.sealed(ann, "hello"), late)
    assert late.problems == ["this device does not have the secret it is sealed with"]
    late.room.set_secret(bytes(16), 1)
    late.room.epoch = 1
    relay.send(change(relay.sealed(ann, "more"), seq=relay.next + 1), late)
    assert NEW in late.problems


def test_a_server_cannot_give_a_member_without_the_secret_one_of_its_own():
    server, late = Member("Ann"), Member("Late")
    late.room = SealedRoom(late.device, Pins(), LOG, 1)
    server.room.epoch = 0
    server.room.is_private = True  # so that it makes a first secret
    server.room._epochs.clear()
    relay = Relay(server, late)
    relay.rekey(server, late)
    assert late.problems == ["this device does not have the secret it is sealed with"]
    assert late.room.keys is None
    late.room.set_secret(SECRET, 1)
    assert late.room.keys is not None
    assert late.room.keys.secret == SECRET


# -- private rooms --------------------------------------------------------------------------------


def test_a_private_room_gets_its_first_secret_by_hpke():
    ann, bob = (Member(name, is_private=True) for name in ("Ann", "Bob"))
    relay = Relay(ann, bob)
    with pytest.raises(SealingError):
        ann.seal("too early")
    relay.notice(EventKind.CHAT, "Bob", "not sealed yet")
    ann.counter += 1
    members = ann.room.members([DeviceKeys("Bob", 0, bob.device.bundle, b"")])
    relay.rekey(ann, bob)
    assert members == {"Bob": bob.device.keys}
    relay.say(ann, "psst")
    relay.say(bob, "yes?")
    assert texts(ann)[1:] == texts(bob)[1:] == ["psst", "yes?"]
    assert ann.problems == bob.problems == []
    relay.notice(EventKind.CHAT, "Bob", "in the clear")
    assert "although earlier ones were" in ann.problems[0]
    relay.notice(EventKind.LEAVE, "Bob")
    assert not ann.room.must_rekey


def test_a_private_room_of_other_keys_is_noticed():
    ann, bob = (Member(name, is_private=True) for name in ("Ann", "Bob"))
    bob.room._pins.check("Ann", DeviceKey().keys)
    Relay(bob).rekey(ann, bob)
    assert bob.problems[0].startswith("the keys of Ann have changed")


# -- history and store ----------------------------------------------------------------------------


def test_the_history_is_opened_with_few_signatures_and_all_are_checked():
    relay, ann, bob = begun()
    relay.rekey(ann, bob)
    for number in range(5):
        relay.say(ann, f"text {number}")
    past = bob.room.open_past(relay.log)
    assert [one and one.text for one in past][-5:] == [f"text {number}" for number in range(5)]
    assert past[:2] == [None, None]
    assert not any(one.problems for one in past if one)
    broken = list(relay.log)
    message = broken[-3]
    assert isinstance(message, SealedEvent)
    broken[-3] = change(message, ciphertext=b"x" * 40)
    problems = [one.problems for one in bob.room.open_past(broken) if one]
    assert problems[-3] == ("its signature is invalid",)
    assert sum(map(bool, problems)) == 1, "the others have their own signatures"
    stranger = relay.sealed(Member("Eve", secret=bytes(16)), "x")
    (shown,) = bob.room.open_past([stranger])
    assert shown is not None
    assert shown.problems == ("it was changed, or sealed with another secret",)
    bob.room._epochs.clear()
    (shown,) = bob.room.open_past([stranger])
    assert shown is not None
    assert shown.problems == ("this device does not have the secret it is sealed with",)


def test_keys_that_have_changed_since_are_noticed_in_the_history():
    relay, _, bob = begun()
    bob.room._pins.check("Ann", DeviceKey().keys)
    shown = bob.room.open_past([relay.log[2]])[0]
    assert shown is not None
    assert shown.problems == ("Ann had different keys then",)


def test_the_first_secret_of_a_private_room_is_no_text():
    ann, bob = (Member(name, is_private=True) for name in ("Ann", "Bob"))
    relay = Relay(ann, bob)
    relay.rekey(ann, bob)
    (shown,) = bob.room.open_past(relay.log)
    assert shown is not None
    assert (shown.text, shown.problems) == ("", ())


def test_a_restarted_member_continues():
    relay, ann, bob, _ = three()
    relay.notice(EventKind.LEAVE, "Cyd")
    saved = json.loads(json.dumps(bob.room.dump()))
    bob.room = SealedRoom.load(bob.device, bob.room._pins, 2, saved)
    assert bob.room.must_rekey
    relay.rekey(bob, ann)
    relay.say(bob, "back")
    relay.say(ann, "welcome")
    assert ann.problems == bob.problems == []
    assert bob.room.can_seal


def test_senders_are_forgotten_rather_than_filling_the_memory(monkeypatch):
    monkeypatch.setattr("netchat.chat.sealing.sealed_room.MAX_SENDERS", 1)
    _, ann, bob = begun()
    assert len(ann.room._senders) == len(bob.room._senders) == 1


def test_the_secret_of_the_link_is_that_of_the_room():
    ann = Member("Ann")
    assert ann.room.keys is not None
    assert ann.room.keys.secret == SECRET
    ann.room._link = b"x" * 32
    ann.room.forget_unsent()
    assert ann.room._link == b""


def test_a_private_secret_that_differs_between_the_two_is_noticed():
    ann, bob = (Member(name, is_private=True) for name in ("Ann", "Bob"))
    ann.counter += 1
    sealed = ann.room.rekey(ann.counter, "Ann", [bob.device.keys], "")
    other = ann.room.rekey(ann.counter, "Ann", [bob.device.keys], "")
    fields = {name: getattr(sealed, name) for name in Sealed.__slots__}
    fields |= {"wraps": other.wraps, "signature": b""}
    head = b"".join(number.to_bytes(8, "big") for number in (LOG, ann.counter))
    signature = ann.device.sign(b"netchat sealed 1\0" + head + Sealed(**fields).encode())
    forged = Sealed(**{**fields, "signature": signature})
    Relay(bob).send(SealedEvent(1, 0, 5, ann.counter, "R", "Ann", (forged,)))
    assert bob.problems == ["this device was given a different secret from the other members"]


def test_a_client_continues_after_its_own_message_of_an_earlier_run():
    relay, ann, bob = begun()
    again = SealedRoom(ann.device, Pins(), LOG, 2, 2)
    again.set_secret(SECRET, 1)
    again.open(relay.log[2])  # type: ignore[arg-type]
    again.open(relay.log[3])  # type: ignore[arg-type]
    ann.room = again
    relay.send(relay.sealed(ann, "restored"), bob)
    assert bob.problems == []


@pytest.mark.parametrize("plain", [b"", b"\0\1x", b"\0\1\xff\0\0", b"\0\1x\0\1y!"])
def test_a_malformed_plaintext_is_not_shown(plain):
    """A member with a program of its own can seal anything."""
    relay, ann, bob = begun()
    message = relay.sealed(ann, "hello")
    keys = ann.room.keys
    assert keys is not None
    (sealed,) = message.sealed
    fields = {name: getattr(sealed, name) for name in Sealed.__slots__}
    fields |= {"ciphertext": b"", "signature": b""}
    head = b"netchat sealed 1\0" + b"".join(n.to_bytes(8, "big") for n in (LOG, message.counter))
    nonce = sealed.run.to_bytes(4, "big") + message.counter.to_bytes(8, "big")
    cipher = keys.cipher(ann.device.keys)
    fields["ciphertext"] = cipher.encrypt(nonce, plain, head + Sealed(**fields).encode())
    fields["signature"] = ann.device.sign(head + Sealed(**fields).encode())
    forged = Sealed(**fields)
    relay.send(change(message, ciphertext=forged.ciphertext, signature=forged.signature), bob)
    assert bob.problems == ["its plaintext is malformed"]
