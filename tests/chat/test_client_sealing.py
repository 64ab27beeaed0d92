"""Clients with sealed rooms and one server: races, lost connections, old programs, a stolen disk."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import replace

import pytest

from netchat.chat.client_events import (
    HistoryReceived,
    RequestRefused,
    RoomEntered,
    RoomEvent,
    SafetyReceived,
    SealingWarning,
    SecretKnown,
    SessionEnded,
    Undelivered,
)
from netchat.chat.credentials import short_id
from netchat.chat.model import MemberKeys
from netchat.chat.outbox import ClientState, SealingState
from netchat.chat.sealing.device_key import DeviceKey
from netchat.chat.sealing.room_secret import show_secret
from netchat.errors import SealingError
from netchat.net.history.sqlite_history import SqliteHistory
from netchat.wire import (
    Ack,
    CreateSealed,
    DeviceKeys,
    DeviceList,
    Devices,
    Error,
    ErrorCode,
    EventKind,
    FrameReader,
    RoomKind,
    SealedEvent,
    SealedSend,
    Send,
    decode,
    encode,
)
from tests.chat.world import User, World, hello, refusal


def problems(user: User) -> list[str]:
    found = [problem for h in user.all(RoomEvent) for problem in h.problems]
    return found + [warning.text for warning in user.all(SealingWarning)]


def invitation(user: User, room: str) -> str:
    assert user.core.sealing is not None
    return f"{room}#{user.core.sealing.secret(room)}"


def say(world: World, user: User, room: str, *texts: str) -> None:
    for text in texts:
        user.core.say(room, text)
    world.settle()


def sealed_room(world: World, *names: str) -> tuple[str, list[User]]:
    """Return the code of a sealed room and its members; the first one has created it."""
    users = [world.user(name, can_seal=True) for name in names]
    users[0].core.create(sealed=True)
    world.settle()
    (entered,) = users[0].all(RoomEntered)
    for user in users[1:]:
        user.core.join(invitation(users[0], entered.room))
        world.settle()
    return entered.room, users


def texts(user: User, room: str) -> list[str]:
    return [e.text for e in user.events(room) if e.kind == EventKind.CHAT]


def test_members_exchange_sealed_messages():
    world = World()
    room, (ann, bob) = sealed_room(world, "Ann", "Bob")
    say(world, ann, room, "one", "two")
    say(world, bob, room, "three")
    assert texts(ann, room) == texts(bob, room) == ["one", "two", "three"]
    assert all(h.is_sealed for h in bob.all(RoomEvent) if h.event.device)
    assert problems(ann) == problems(bob) == []
    assert ann.core.unsent == bob.core.unsent == 0
    assert ann.core.sealing is not None
    assert ann.core.sealing.can_send_sealed(room)
    assert not ann.core.sealing.can_send_sealed("lobby")
    assert ann.core.sealing.secret("lobby") == ""
    (known,) = bob.all(SecretKnown)
    assert f"{room}#{known.secret}" == invitation(ann, room)


def test_plaintexts_are_kept_by_their_sender_and_forgotten_with_the_room():
    world = World()
    room, (ann, bob) = sealed_room(world, "Ann", "Bob")
    say(world, ann, room, "one")
    say(world, bob, room, "two")
    events = {e.text: e for e in bob.events(room) if e.kind == EventKind.CHAT}
    for user, own, other in ((ann, "one", "two"), (bob, "two", "one")):
        assert user.core.sealing is not None
        known = user.core.sealing.plaintexts
        for text, name in (("one", "Ann"), ("two", "Bob")):
            event = events[text]
            assert known[room, event.device, event.counter] == (name, text)
        assert known[room, 0, events[own].counter] == (user.core.name, own)
        assert (user.core.name, other) not in known.values()
    assert bob.core.sealing is not None
    say(world, ann, room, *map(str, range(300)))
    assert len(bob.core.sealing.plaintexts) == 200
    bob.core.leave(room)
    world.settle()
    assert not bob.core.sealing.plaintexts


def test_a_reconnected_client_sends_what_was_lost_once():
    world = World()
    room, (ann, bob) = sealed_room(world, "Ann", "Bob")
    ann.core.say(room, "lost with the connection")
    world.drop(ann)
    ann.core.say(room, "written offline")
    say(world, bob, room, "meanwhile")
    world.connect(ann)
    world.settle()
    expected = ["meanwhile", "lost with the connection", "written offline"]
    assert texts(ann, room) == texts(bob, room) == expected
    ann.core.say(room, "arrives, but its echo does not")
    world.drop(ann, up=10_000)
    world.connect(ann)
    world.settle()
    assert texts(bob, room)[-1] == texts(ann, room)[-1] == "arrives, but its echo does not"
    assert len(texts(bob, room)) == 4
    assert problems(ann) == problems(bob) == []


def test_a_restarted_client_continues_with_its_keys():
    world = World()
    room, (ann, bob) = sealed_room(world, "Ann", "Bob")
    say(world, ann, room, "before")
    saved = ann.core.memory
    world.drop(ann)
    ann.core.say(room, "unsent")
    saved.sealing = SealingState(json.loads(json.dumps(saved.sealing.dump())))
    again = world.user("Ann", memory=saved, can_seal=True)
    say(world, again, room, "after")
    assert texts(bob, room) == ["before", "unsent", "after"]
    assert problems(again) == problems(bob) == []


def test_after_a_leave_the_next_message_changes_the_secret():
    world = World()
    room, (ann, bob, cyd) = sealed_room(world, "Ann", "Bob", "Cyd")
    say(world, cyd, room, "hello")
    old = invitation(ann, room)
    cyd.core.leave(room)
    world.settle()
    say(world, bob, room, "without Cyd")
    assert texts(ann, room) == ["hello", "without Cyd"]
    (rekey,) = (e for e in ann.events(room) if e.kind == EventKind.REKEY)
    assert (rekey.sender, rekey.text) == ("Bob", "a member left the room")
    assert invitation(ann, room) == invitation(bob, room) != old
    cyd.core.join(old)
    world.settle()
    say(world, ann, room, "for the two of us")
    assert "for the two of us" not in texts(cyd, room)
    assert any("a member has changed it" in problem for problem in problems(cyd))
    cyd.core.join(invitation(ann, room))
    world.settle()
    say(world, cyd, room, "with the new link")
    assert texts(ann, room)[-1] == "with the new link"
    assert problems(ann) == problems(bob) == []


def test_two_members_change_the_secret_at_once():
    world = World()
    room, (ann, bob, cyd) = sealed_room(world, "Ann", "Bob", "Cyd")
    cyd.core.leave(room)
    world.settle()
    for user in (ann, bob):
        for number in range(3):
            user.core.say(room, f"{user.core.name} {number}")
    world.settle()
    assert sorted(texts(ann, room)) == sorted(f"{n} {i}" for n in ("Ann", "Bob") for i in range(3))
    assert texts(ann, room) == texts(bob, room)
    assert sum(e.kind == EventKind.REKEY for e in ann.events(room)) == 1
    assert problems(ann) == problems(bob) == []
    assert ann.core.unsent == bob.core.unsent == 0


def test_messages_under_way_are_sealed_again_for_the_new_secret():
    world = World()
    room, (ann, bob) = sealed_room(world, "Ann", "Bob")
    assert bob.core.sealing is not None
    bob.core.sealing.rekey(room)
    world.settle(until=lambda: bool(bob.core.sealing and bob.core.sealing._rekeys))
    ann.core.say(room, "sealed with the old secret")
    world.settle()
    assert texts(bob, room) == ["sealed with the old secret"]
    assert not ann.all(Undelivered)
    assert problems(ann) == problems(bob) == []


def test_a_member_that_was_away_gets_the_new_secrets():
    world = World()
    room, (ann, bob, cyd) = sealed_room(world, "Ann", "Bob", "Cyd")
    world.drop(bob)
    cyd.core.leave(room)
    world.settle()
    say(world, ann, room, "first")
    dan = world.user("Dan", can_seal=True)
    dan.core.join(invitation(ann, room))
    world.settle()
    dan.core.leave(room)
    world.settle()
    say(world, ann, room, "second")
    bob.core.say(room, "written while away")
    world.connect(bob)
    world.settle()
    assert texts(bob, room) == ["first", "second", "written while away"]
    assert problems(ann) == problems(bob) == []


def test_a_member_changes_the_secret_without_a_message():
    world = World()
    room, (ann, bob) = sealed_room(world, "Ann", "Bob")
    old = invitation(ann, room)
    assert ann.core.sealing is not None
    ann.core.sealing.rekey(room)
    world.settle()
    assert invitation(bob, room) == invitation(ann, room) != old
    (rekey,) = (e for e in bob.events(room) if e.kind == EventKind.REKEY)
    assert rekey.text == ""
    say(world, bob, room, "still here")
    ann.core.say(room, "with a message waiting")
    ann.core.sealing.rekey(room)
    world.settle()
    assert texts(ann, room) == texts(bob, room) == ["still here", "with a message waiting"]
    with pytest.raises(SealingError, match="not sealed"):
        ann.core.sealing.rekey("lobby")


def test_the_history_is_opened():
    world = World()
    room, (ann, bob) = sealed_room(world, "Ann", "Bob")
    say(world, ann, room, "one")
    bob.core.history(room, 10)
    world.settle()
    (past,) = bob.all(HistoryReceived)
    assert [event.text for event in past.events if event.kind == EventKind.CHAT] == ["one"]
    assert list(past.sealed.values()) == [()]
    assert bob.core.sealing is not None
    assert bob.core.sealing.open_past("elsewhere", []) == ((), {}, {})


def test_safety_numbers_agree():
    world = World()
    room, (ann, bob) = sealed_room(world, "Ann", "Bob")
    say(world, ann, room, "hello")
    for user, other in ((ann, "Bob"), (bob, "Ann")):
        assert user.core.sealing is not None
        user.core.sealing.ask_safety(room)
        user.core.sealing.ask_safety(room, other)
        user.core.sealing.ask_safety(room, "Unknown")
        world.settle()
    (ours, pair), (theirs, same) = ann.all(SafetyReceived), bob.all(SafetyReceived)
    assert (ours.digits, ours.words) == (theirs.digits, theirs.words)
    assert ours.members == ("Ann", "Bob")
    assert pair.digits == same.digits != ours.digits
    assert problems(ann) == ["the keys of Unknown are not known yet"]
    assert ann.core.sealing is not None
    with pytest.raises(SealingError, match="not sealed"):
        ann.core.sealing.ask_safety("lobby")
    ann.core.sealing.rooms[room]._epochs.clear()
    ann.core.sealing.ask_safety(room)
    world.settle()
    assert "this device does not have the room's secret" in problems(ann)
    with pytest.raises(SealingError, match="ask for its new link"):
        ann.core.sealing.rekey(room)


def test_a_room_without_its_secret_shows_why():
    world = World()
    room, (ann, _) = sealed_room(world, "Ann", "Bob")
    eve = world.user("Eve", can_seal=True)
    eve.core.join(room)
    world.settle()
    say(world, ann, room, "hello")
    say(world, eve, room, "stays in the outbox")
    assert texts(eve, room) == [""]
    assert problems(eve) == [
        "this device does not have the secret it is sealed with",
        "this room is sealed, and its secret is missing: join it with its whole link, CODE#SECRET",
    ]
    assert eve.core.unsent == 1
    with pytest.raises(ValueError, match="secret"):
        eve.core.join(f"{room}#wrong")


# -- private rooms --------------------------------------------------------------------------------


def test_private_messages_are_sealed():
    world = World()
    ann, bob = (world.user(name, "lobby", can_seal=True) for name in ("Ann", "Bob"))
    ann.core.send_private("Bob", "psst")
    world.settle()
    (entered,) = (h for h in bob.all(RoomEntered) if h.kind is RoomKind.PRIVATE)
    say(world, bob, entered.room, "yes?")
    say(world, ann, entered.room, "nothing")
    assert texts(ann, entered.room) == texts(bob, entered.room) == ["psst", "yes?", "nothing"]
    assert problems(ann) == problems(bob) == []
    sealed = [m for m in ann.link.wire if isinstance(m, SealedEvent)] if ann.link else []
    assert len(sealed) == 4
    assert ann.core.sealing is not None
    with pytest.raises(SealingError, match="not sealed"):
        ann.core.sealing.rekey("lobby")


def test_a_user_with_an_old_program_gets_plain_private_messages():
    world = World()
    ann, old = world.user("Ann", "lobby", can_seal=True), world.user("Old", "lobby")
    ann.core.send_private("Old", "can you read this?")
    world.settle()
    (entered,) = (h for h in old.all(RoomEntered) if h.kind is RoomKind.PRIVATE)
    say(world, old, entered.room, "yes")
    assert texts(ann, entered.room) == texts(old, entered.room) == ["can you read this?", "yes"]
    assert not any(h.is_sealed for h in ann.all(RoomEvent))
    assert problems(ann) == []


def test_a_server_cannot_switch_sealing_off():
    world = World()
    ann, bob = (world.user(name, "lobby", can_seal=True) for name in ("Ann", "Bob"))
    ann.core.send_private("Bob", "sealed")
    world.settle()
    (entered,) = (h for h in bob.all(RoomEntered) if h.kind is RoomKind.PRIVATE)
    bob.core.leave(entered.room)
    world.settle()
    world.hub.state.shared.by_name.get("Bob").keys = b""  # the server denies Bob's keys
    ann.core.send_private("Bob", "in the clear?")
    world.settle()
    (lost,) = ann.all(Undelivered)
    assert "/safety Bob forget" in lost.why
    assert ann.core.sealing is not None
    ann.core.sealing.pins.forget("Bob")
    ann.core.send_private("Bob", "in the clear!")
    world.settle()
    assert "in the clear!" in [h.event.text for h in bob.all(RoomEvent)]


def test_a_server_that_offers_its_own_keys_is_noticed():
    world = World()
    ann, bob = (world.user(name, "lobby", can_seal=True) for name in ("Ann", "Bob"))
    ann.core.send_private("Bob", "first contact")
    world.settle()
    (entered,) = (h for h in bob.all(RoomEntered) if h.kind is RoomKind.PRIVATE)
    bob.core.leave(entered.room)
    world.settle()
    world.hub.state.shared.by_name.get("Bob").keys = DeviceKey().bundle
    ann.core.send_private("Bob", "again")
    world.settle()
    assert any(problem.startswith("the keys of Bob have changed") for problem in problems(ann))


def test_a_server_cannot_add_a_device_to_a_sealed_room():
    world = World()
    room, (ann, bob, cyd) = sealed_room(world, "Ann", "Bob", "Cyd")
    shared = world.hub.state.shared
    ghost = DeviceKey()
    devices = shared.rooms[room].devices
    assert devices is not None
    devices[shared.by_name.get("Cyd")] = MemberKeys(1, ghost.bundle, bytes(32))
    bob.core.leave(room)
    world.settle()
    say(world, ann, room, "for members")
    sealed = [
        m.sealed[0] for m in (ann.link.wire if ann.link else []) if isinstance(m, SealedEvent)
    ]
    (rekey,) = (one for one in sealed if one.kind == EventKind.REKEY)
    assert short_id(ghost.keys) not in [wrapped.device for wrapped in rekey.wraps]
    assert texts(cyd, room)[-1] == "", "Cyd's own keys were withheld: a denial, not a leak"


# -- old programs, and refusals -------------------------------------------------------------------


def test_an_old_program_is_refused_in_a_sealed_room():
    world = World()
    room, _ = sealed_room(world, "Ann")
    old = world.user("Old")
    old.core.join(room)
    world.settle()
    (refused,) = old.all(RequestRefused)
    assert refused.error.code == ErrorCode.NOT_SEALING
    assert "encrypted end to end" in refused.error.text
    with pytest.raises(SealingError, match="this client does not support"):
        old.core.create(sealed=True)
    link, _ = world.greet("Odd")
    assert refusal(world.say(link, CreateSealed(1, bytes(16))))[0] == ErrorCode.NOT_SEALING


def test_an_old_program_cannot_continue_a_session_with_keys():
    world = World()
    _, (ann,) = sealed_room(world, "Ann")
    world.drop(ann)
    memory = ann.core.memory
    again = world.user("Ann", memory=memory)
    (ended,) = again.all(SessionEnded)
    assert "sealed messages" in ended.why


def test_an_old_server_has_no_sealed_rooms():
    world = World()
    ann = world.user("Ann", can_seal=True)
    ann.core.sealing = None
    with pytest.raises(SealingError, match="the server does not support"):
        ann.core.create(sealed=True)
    old = world.user("Bob")
    assert old.core.sealing is None


def test_device_lists_come_in_pages(monkeypatch):
    monkeypatch.setattr("netchat.chat.large_replies.MAX_DEVICES", 2)
    world = World()
    room, users = sealed_room(world, *(f"User{n}" for n in range(5)))
    users[4].core.leave(room)
    world.settle()
    say(world, users[0], room, "to all")
    assert all(texts(user, room) == ["to all"] for user in users[:4])


def test_a_list_for_a_room_that_was_left_is_ignored():
    world = World()
    room, (ann,) = sealed_room(world, "Ann")
    assert ann.core.sealing is not None
    number = ann.core.ask(lambda n: DeviceList(n, room, ""))
    ann.core.sealing.rooms.clear()
    world.settle()
    assert number not in ann.core.requests
    stray = Devices(99, 0, 1, b"", room, (DeviceKeys("x", 1, b"", b""),))
    ann.core.feed(encode(stray))
    ann.core.sealing.transmit(room)
    assert problems(ann) == []


def test_a_refused_message_is_reported():
    world = World()
    room, (ann,) = sealed_room(world, "Ann")
    counter = ann.core.say(room, "hello")
    refuse = Error(ErrorCode.STORAGE, SealedSend.TYPE, counter, "damaged", "")
    ann.core.feed(encode(refuse))
    ann.happened += ann.core.take_events()
    (lost,) = ann.all(Undelivered)
    assert (lost.text, lost.why) == ("hello", "damaged")
    ann.core.feed(encode(refuse))
    assert ann.core.sealing is not None
    ann.core.sealing._rekeys[room] = 5
    ann.core.feed(encode(Error(ErrorCode.STORAGE, SealedSend.TYPE, 5, "damaged", "")))
    ann.happened += ann.core.take_events()
    assert problems(ann) == ["the room's secret could not be changed: damaged"]


def test_a_refused_rekey_concerns_its_room_and_what_waits_for_it():
    world = World()
    room, (ann,) = sealed_room(world, "Ann")
    assert ann.core.sealing is not None
    counter = ann.core.say(room, "in flight")
    ann.core.sealing._rekeys = {"elsewhere": counter + 1, room: counter + 2}
    ann.core.feed(encode(Error(ErrorCode.STORAGE, SealedSend.TYPE, counter + 2, "damaged", "")))
    assert ann.core.sealing._rekeys == {"elsewhere": counter + 1}
    world.settle()
    assert ann.all(Undelivered) == []
    assert texts(ann, room) == ["in flight"]


def test_a_program_without_keys_skips_what_is_sealed():
    world = World()
    room, (ann,) = sealed_room(world, "Ann")
    say(world, ann, room, "for members")
    assert ann.link is not None
    (sealed,) = [message for message in ann.link.wire if isinstance(message, SealedEvent)]
    old = world.user("Old")
    old.core.join("lobby")
    world.settle()
    view = old.core.memory.rooms["lobby"]
    seq = view.last + 1
    old.core.feed(encode(replace(sealed, room="lobby", seq=seq)))
    assert view.last == seq
    assert old.core.take_events() == []


def test_a_message_is_given_up_after_many_changes_of_the_secret():
    world = World()
    room, (ann, _) = sealed_room(world, "Ann", "Bob")
    assert ann.core.sealing is not None
    counter = ann.core.say(room, "hello")
    ann.core.sealing._sent.clear()
    ann.core.sealing.rooms[room].must_rekey = True
    ann.core.sealing._spent[counter] = 15
    ann.core.sealing._devices[room] = {}
    ann.core.sealing.transmit(room)
    ann.happened += ann.core.take_events()
    assert [lost.why for lost in ann.all(Undelivered)] == [
        "the room's secret was changed too often in the meantime"
    ]


def test_a_message_cannot_be_sealed_with_a_key_that_the_server_has_made_up():
    """A key of small order: the REKEY fails, and nothing is sent."""
    world = World()
    ann, bob = (world.user(name, "lobby", can_seal=True) for name in ("Ann", "Bob"))
    assert ann.core.sealing is not None
    ann.core.send_private("Bob", "psst")
    world.settle(until=lambda: bool(ann.core.sealing and ann.core.sealing.rooms))
    code = next(iter(ann.core.sealing.rooms))
    ann.core.sealing._devices[code] = {"Bob": bytes(64)}
    ann.core.sealing.rooms[code].epoch = 0
    ann.core.memory.rooms[code].is_caught_up = True
    ann.core.sealing.transmit(code)
    ann.happened += ann.core.take_events()
    assert problems(ann) == ["the device's public key is invalid"]
    assert bob.core.sealing is not None


# -- the server's disk ----------------------------------------------------------------------------


def test_a_stolen_history_holds_neither_texts_nor_secrets(tmp_path):
    file = tmp_path / "history.db"
    history = SqliteHistory(file)
    world = World(history)
    room, (ann, bob) = sealed_room(world, "Ann", "Bob")
    say(world, ann, room, "the treasure is under the oak")
    secret = invitation(bob, room).partition("#")[2]
    assert ann.core.sealing is not None
    keys = ann.core.sealing.rooms[room].keys
    assert keys is not None
    world.crash()  # the server restarts from the file
    for user in (ann, bob):
        world.connect(user)
    world.settle()
    say(world, bob, room, "and it is still sealed")
    assert texts(ann, room)[-1] == "and it is still sealed"
    assert problems(ann) == problems(bob) == []
    seed = ann.core.sealing.dump()["device"]
    history.close()
    stolen = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert room.encode() in stolen
    assert ann.core.sealing.keys in stolen
    for private in (
        b"treasure",
        b"still sealed",
        secret.encode(),
        keys.secret,
        bytes.fromhex(seed)[:32],
        bytes.fromhex(seed)[32:],
    ):
        assert private not in stolen


def test_a_server_that_lost_its_history_gets_the_same_secret(tmp_path):
    world = World()
    room, (ann, bob) = sealed_room(world, "Ann", "Bob")
    ann.core.join("lobby")
    world.settle()
    shared = world.hub.state.shared
    shared.rooms[room].log += 1  # as `netchat recover` does
    for user in (ann, bob):
        world.drop(user)
    for where in (room, "lobby"):  # messages that wait are sealed for the new log
        ann.core.say(where, "meanwhile")
    for user in (ann, bob):
        world.connect(user)
    world.settle()
    say(world, ann, room, "as before")
    assert texts(bob, room) == ["meanwhile", "as before"]
    assert problems(bob) == []


def test_a_session_with_keys_can_end_and_begin_anew():
    world = World()
    _, (ann,) = sealed_room(world, "Ann")
    ann.core.bye()
    world.settle()
    assert isinstance(ann.happened[-1], SessionEnded)
    assert not world.hub.state.shared.sessions
    state = ClientState()
    assert state.sealing.dump() == {}
    assert hello("x").features == 0


def test_a_wrong_secret_does_not_replace_the_right_one():
    world = World()
    room, (ann,) = sealed_room(world, "Ann")
    before = invitation(ann, room)
    assert ann.core.sealing is not None
    ann.core.sealing.invite(room, bytes(16))
    world.settle()
    assert invitation(ann, room) == before
    number = ann.core.ask(lambda n: DeviceList(n, room, ""))
    ann.core.sealing._invited[room] = bytes(16)
    ann.core.feed(encode(Devices(number, 0, 2, bytes(16), room, ())))
    assert invitation(ann, room) == before, "the REKEY is still to come"


def test_a_second_message_waits_for_the_first_ones_rekey():
    world = World()
    room, (ann, bob, cyd) = sealed_room(world, "Ann", "Bob", "Cyd")
    other, _ = "lobby", ann.core.join("lobby")
    cyd.core.leave(room)
    world.settle()
    ann.core.say(room, "first")
    world.settle(until=lambda: bool(ann.core.sealing and ann.core.sealing._rekeys))
    ann.core.say(room, "second")
    ann.core.say(other, "elsewhere")
    assert ann.core.sealing is not None
    assert ann.core.sealing.refused(1, is_old=True, why="") is True
    world.settle()
    assert texts(bob, room) == ["first", "second"]


def test_a_message_for_a_forgotten_room_is_dropped():
    world = World()
    _, (ann,) = sealed_room(world, "Ann")
    assert ann.core.sealing is not None
    ann.core.sealing.dropped(Send(1, "gone", "x"))


def test_members_are_warned_of_a_device_that_proves_the_old_secret_after_a_departure():
    """It may be the former member's, under a new name, if the server helps."""
    world = World()
    room, (ann, bob, cyd) = sealed_room(world, "Ann", "Bob", "Cyd")
    for user in (ann, bob, cyd):
        say(world, user, room, f"hello from {user.core.name}")
    old = invitation(cyd, room)
    cyd.core.leave(room)
    world.settle()
    eve = world.user("Eve", can_seal=True)
    eve.core.join(old)
    world.settle()
    say(world, ann, room, "without Cyd?")
    assert texts(eve, room) == ["without Cyd?"], "so Ann must learn of it"
    for user in (ann, bob):
        (warning,) = user.all(SealingWarning)
        assert warning.text.startswith("the device of Eve is new here since a member left")
        assert warning.text.endswith("/safety Eve")
    dan = world.user("Dan", can_seal=True)
    dan.core.join(invitation(bob, room))
    world.settle()
    say(world, bob, room, "with the new link")
    ann.core.sealing.ask_safety(room)
    world.settle()
    assert len(ann.all(SealingWarning)) == len(bob.all(SealingWarning)) == 1


def test_members_are_warned_of_another_device_under_a_members_name():
    world = World()
    room, (ann, _, cyd) = sealed_room(world, "Ann", "Bob", "Cyd")
    assert ann.core.sealing is not None
    ann.core.sealing.ask_safety(room)  # and so knows the device of Bob, who has written nothing
    world.settle()
    keys = cyd.core.sealing.rooms[room].keys
    cyd.core.leave(room)
    world.settle()
    shared, ghost = world.hub.state.shared, DeviceKey()
    bob = shared.by_name.get("Bob")
    shared.rooms[room].devices[bob] = MemberKeys(1, ghost.bundle, keys.proof(ghost.keys))
    say(world, ann, room, "for Bob")
    (warning,) = ann.all(SealingWarning)
    assert warning.text.startswith("the keys of Bob have changed")


def test_a_secret_can_be_changed_while_an_own_message_is_in_flight():
    world = World()
    room, (ann, bob) = sealed_room(world, "Ann", "Bob")
    old = invitation(ann, room)
    world.frozen = True
    ann.core.say(room, "one")
    world.settle()
    assert ann.core.sealing is not None
    ann.core.sealing.rekey(room)
    world.settle()
    world.frozen = False
    world.settle()
    assert invitation(bob, room) == invitation(ann, room) != old
    say(world, ann, room, "two")
    assert texts(bob, room) == texts(ann, room) == ["one", "two"]
    assert sum(event.kind == EventKind.REKEY for event in bob.events(room)) == 1
    assert problems(ann) == problems(bob) == []


def test_a_secret_that_was_to_change_offline_changes_after_the_reconnect():
    world = World()
    room, (ann, bob) = sealed_room(world, "Ann", "Bob")
    old = invitation(ann, room)
    world.drop(ann)
    assert ann.core.sealing is not None
    ann.core.sealing.rekey(room)
    world.connect(ann)
    world.settle()
    assert invitation(bob, room) == invitation(ann, room) != old
    for arrives in (False, True):
        old = invitation(ann, room)
        ann.core.sealing.rekey(room)
        world.settle(until=lambda: bool(ann.core.sealing and ann.core.sealing._rekeys.get(room)))
        world.drop(ann, up=10_000 * arrives)
        world.connect(ann)
        world.settle()
        assert invitation(bob, room) == invitation(ann, room) != old
    assert sum(event.kind == EventKind.REKEY for event in bob.events(room)) == 3
    assert problems(ann) == problems(bob) == []


def test_a_new_secret_waits_for_the_own_message_before_it():
    world = World()
    room, (ann, bob, cyd) = sealed_room(world, "Ann", "Bob", "Cyd")
    say(world, ann, room, "zero")
    world.frozen = True
    cyd.core.leave(room)
    world.settle()
    world.take_batch()
    ann.core.say(room, "one")
    world.settle()
    world.commit()  # the LEAVE, while "one" is not durable yet
    ann.core.say(room, "two")
    world.settle()
    assert ann.core.sealing is not None
    assert not ann.core.sealing._rekeys
    world.frozen = False
    world.settle()
    assert texts(bob, room) == ["zero", "one", "two"]
    assert problems(ann) == problems(bob) == []


def test_a_new_secret_follows_a_message_that_is_refused():
    world = World()
    room, (ann, bob) = sealed_room(world, "Ann", "Bob")
    old = invitation(ann, room)
    counter = ann.core.say(room, "refused")
    ann.core.data_to_send()
    assert ann.core.sealing is not None
    ann.core.sealing.rekey(room)
    error = Error(ErrorCode.MUTED, SealedSend.TYPE, counter, "Ada has muted you", "")
    ann.core.feed(encode(error))
    world.settle()
    assert invitation(bob, room) == invitation(ann, room) != old


def test_a_message_that_overtakes_the_list_of_devices_is_opened():
    """It may arrive between JOINED and DEVICES; the secret of the link opens it."""
    world = World()
    room, (ann,) = sealed_room(world, "Ann")
    say(world, ann, room, "before")
    link = invitation(ann, room)
    for number, secret in enumerate((link, f"{room}#{show_secret(bytes(16))}")):
        bob = world.user(f"Bob{number}", can_seal=True)
        bob.core.join(secret)
        world.settle(until=lambda bob=bob: bool(bob.all(RoomEntered)))
        assert bob.core.sealing is not None
        assert bob.core.sealing.rooms[room].keys is None
        bob.core.data_to_send()  # DEVICE_LIST arrives later
        say(world, ann, room, f"at once, {number}")
        (event,) = (h for h in bob.all(RoomEvent) if h.is_sealed)
        if secret == link:
            assert (event.event.text, event.problems) == ("at once, 0", ())
            assert invitation(bob, room) == link
        else:
            assert event.problems == ("this device does not have the secret it is sealed with",)


def test_a_secret_is_tried_only_in_a_possible_epoch():
    world = World()
    room, (ann,) = sealed_room(world, "Ann")
    say(world, ann, room, "x")
    assert ann.core.sealing is not None
    known = ann.core.sealing.rooms[room]
    (frame,) = world.hub.state.history.read(world.feed(room).room.id, 2, 2, 10_000)[0]
    (whole,) = FrameReader().feed(frame)
    event = decode(whole)
    assert isinstance(event, SealedEvent)
    assert known.try_secret(known.keys.secret, event)
    impossible = dataclasses.replace(event.sealed[0], epoch=0)
    assert not known.try_secret(known.keys.secret, dataclasses.replace(event, sealed=(impossible,)))


def test_a_message_that_waits_is_sealed_again_for_a_recovered_room():
    world = World()
    room, (ann, bob) = sealed_room(world, "Ann", "Bob")
    world.frozen = True
    ann.core.say(room, "not durable")
    world.settle()
    world.drop(ann)
    world.drop(bob)
    world.frozen = False
    world.settle()
    shared = world.hub.state.shared
    shared.rooms[room].log += 1  # as `netchat recover` does
    ann.core.say(room, "waits")
    for user in (ann, bob):
        world.connect(user)
    world.settle()
    assert texts(bob, room)[-1] == "waits"
    assert [h.problems for h in bob.all(RoomEvent) if h.event.text == "waits"] == [()]


def test_a_second_request_for_a_new_secret_joins_the_first():
    world = World()
    room, (ann, bob) = sealed_room(world, "Ann", "Bob")
    assert ann.core.sealing is not None
    ann.core.sealing.rekey(room)
    world.settle(until=lambda: bool(ann.core.sealing and ann.core.sealing._rekeys.get(room)))
    ann.core.sealing.rekey(room)
    world.settle()
    assert sum(event.kind == EventKind.REKEY for event in bob.events(room)) == 1
    assert invitation(ann, room) == invitation(bob, room)


def test_an_acknowledgement_without_its_event_lets_a_new_secret_follow():
    world = World()
    room, (ann, bob) = sealed_room(world, "Ann", "Bob")
    old = invitation(ann, room)
    counter = ann.core.say(room, "acknowledged")
    ann.core.data_to_send()
    assert ann.core.sealing is not None
    ann.core.sealing.rekey(room)
    ann.core.feed(encode(Ack(counter, 1, room)))
    world.settle()
    assert invitation(bob, room) == invitation(ann, room) != old


def test_a_refused_secret_gives_up_only_the_messages_of_its_room():
    world = World()
    room, (ann, _) = sealed_room(world, "Ann", "Bob")
    ann.core.join("lobby")
    world.settle()
    world.drop(ann)
    ann.core.say("lobby", "for the lobby")
    ann.core.say(room, "sealed")
    assert ann.core.sealing is not None
    ann.core.sealing._rekeys[room] = 5
    assert ann.core.sealing.refused(5, is_old=False, why="Ada has muted you")
    ann.happened += ann.core.take_events()
    assert [lost.text for lost in ann.all(Undelivered)] == ["sealed"]
