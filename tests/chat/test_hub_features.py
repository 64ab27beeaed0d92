"""Features that meet: sealed rooms, moderators, accounts and clients of earlier versions."""

from __future__ import annotations

import secrets

import pytest

from netchat.chat.client_events import (
    HistoryReceived,
    RoomEvent,
    RoomLeft,
    SessionEnded,
    Undelivered,
)
from netchat.chat.client_session import Credentials
from netchat.chat.commands import OpenAccountSession, SetRole
from netchat.chat.handshake import _PendingHello
from netchat.chat.ordering import propose
from netchat.chat.outcomes import Reason, Rejected
from netchat.chat.room_moderation import MAX_ENTRIES, BanScope, MuteRecord, RoomRules
from netchat.wire import (
    Device,
    Error,
    ErrorCode,
    Event,
    EventKind,
    Feature,
    Hello,
    HistoryEnd,
    Join,
    Login,
    ModeratorAction,
    Role,
    RoomKind,
    RoomState,
    SealedEvent,
    Welcome,
    encode,
)
from tests.chat.test_account_handlers import GOOD, entering, registered
from tests.chat.test_client_sealing import invitation, problems, say, sealed_room, texts
from tests.chat.test_moderation_rules import operate
from tests.chat.world import Link, User, World, refusal

A = ModeratorAction


@pytest.mark.parametrize("place", ["the sealed room", "the lobby"])
@pytest.mark.parametrize("action", [A.KICK, A.BAN])
def test_a_removed_member_cannot_read_what_follows(action, place):
    world = World()
    room, (ann, bob, cyd) = sealed_room(world, "Ann", "Bob", "Cyd")
    for user in (ann, bob, cyd):
        user.core.join("lobby")
        say(world, user, room, f"hello from {user.core.name}")
    old = invitation(cyd, room)
    operate(world, action, "Cyd", room=room if place == "the sealed room" else "lobby")
    assert cyd.all(RoomLeft) or cyd.all(SessionEnded)
    say(world, bob, room, "without Cyd")
    assert texts(ann, room)[-1] == texts(bob, room)[-1] == "without Cyd"
    (rekey,) = (e for e in ann.events(room) if e.kind == EventKind.REKEY)
    assert (rekey.sender, rekey.text) == ("Bob", "a member left the room")
    assert invitation(ann, room) == invitation(bob, room) != old
    assert problems(ann) == problems(bob) == []


def test_a_removed_member_who_returns_with_the_old_link_reads_nothing():
    world = World()
    room, (ann, bob, cyd) = sealed_room(world, "Ann", "Bob", "Cyd")
    old = invitation(cyd, room)
    operate(world, A.KICK, "Cyd", room=room)
    say(world, ann, room, "while Cyd is away")
    cyd.core.join(old)
    world.settle()
    say(world, bob, room, "now he is back")
    assert not {"while Cyd is away", "now he is back"} & set(texts(cyd, room))
    assert any("a member has changed it" in problem for problem in problems(cyd))
    cyd.core.join(invitation(ann, room))
    world.settle()
    say(world, cyd, room, "with the new link")
    assert texts(ann, room)[-1] == "with the new link"


@pytest.mark.parametrize("action", [A.MUTE, A.READ_ONLY])
@pytest.mark.parametrize("needs_secret", [False, True])
def test_a_stopped_member_of_a_sealed_room_learns_why(action, needs_secret):
    world = World()
    room, (ann, bob, cyd) = sealed_room(world, "Ann", "Bob", "Cyd")
    if needs_secret:
        cyd.core.leave(room)
        world.settle()
    about = "Bob" if action == A.MUTE else ""
    operate(world, action, about, room=room, text="enough")
    say(world, bob, room, "one", "two")
    undelivered = bob.all(Undelivered)
    assert [u.text for u in undelivered] == ["one", "two"]
    word = "muted you: enough" if action == A.MUTE else "read-only"
    assert all(word in u.why for u in undelivered)
    assert bob.core.unsent == 0
    operate(world, A.UNMUTE if action == A.MUTE else A.WRITABLE, about, room=room)
    say(world, bob, room, "three")
    assert texts(ann, room) == texts(bob, room) == ["three"]
    assert problems(ann) == []


def test_a_sealed_room_is_cleared_titled_locked_and_closed():
    world = World()
    room, (ann, bob) = sealed_room(world, "Ann", "Bob")
    say(world, ann, room, "secret")
    operate(world, A.TITLE, room=room, text="Plans")
    operate(world, A.LOCK, room=room)
    operate(world, A.CLEAR, room=room)
    say(world, bob, room, "after")
    assert texts(ann, room) == ["secret", "after"]
    world.drop(bob)
    say(world, ann, room, "while Bob is away")
    operate(world, A.CLEAR, room=room)
    say(world, ann, room, "after the second clearing")
    world.connect(bob)
    world.settle()
    assert texts(bob, room)[-1] == "after the second clearing"
    say(world, bob, room, "seen")
    assert texts(ann, room)[-1] == "seen"
    assert problems(ann) == []
    cyd = world.user("Cyd", can_seal=True)
    cyd.core.join(invitation(ann, room))
    world.settle()
    assert room not in cyd.core.memory.rooms
    operate(world, A.CLOSE, room=room)
    assert ann.all(RoomLeft)[-1].room == bob.all(RoomLeft)[-1].room == room
    assert ann.core.sealing is not None
    assert ann.core.sealing.secret(room) == ""


def event(room: str, kind: int, seq: int) -> Event:
    return Event(seq, 0, 0, 0, kind, room, "Bob", "I owe you nothing")


@pytest.mark.parametrize("kind", [EventKind.CHAT, EventKind.SEALED, EventKind.REKEY, 99])
def test_a_server_cannot_insert_a_text_into_a_sealed_room(kind):
    world = World()
    room, (ann, _) = sealed_room(world, "Ann", "Bob")
    last = ann.core.memory.rooms[room].last
    ann.core.feed(encode(event(room, kind, last + 1)))
    (reported,) = [e for e in ann.core.take_events() if isinstance(e, RoomEvent)]
    assert "the server has inserted it" in reported.problems[0]
    number = ann.core.history(room, 1)
    ann.core.feed(encode(event(room, kind, last + 1)))
    ann.core.feed(encode(HistoryEnd(number, last + 1, last + 1, 1, room)))
    (past,) = [e for e in ann.core.take_events() if isinstance(e, HistoryReceived)]
    assert "the server has inserted it" in past.unsealed[last + 1][0]
    assert past.sealed == {}


def test_a_server_cannot_insert_a_text_between_sealed_private_messages():
    world = World()
    ann, bob = (world.user(name, can_seal=True) for name in ("Ann", "Bob"))
    ann.core.send_private("Bob", "hello")
    world.settle()
    (room,) = ann.core.memory.rooms
    assert texts(bob, room) == ["hello"]
    last = ann.core.memory.rooms[room].last
    ann.core.feed(encode(event(room, EventKind.CHAT, last + 1)))
    (reported,) = [e for e in ann.core.take_events() if isinstance(e, RoomEvent)]
    assert reported.problems == ("this text is not sealed, although earlier ones were",)
    number = ann.core.history(room, 100)
    assert ann.link is not None
    for sealed in [m for m in ann.link.wire if isinstance(m, SealedEvent)]:
        ann.core.feed(encode(sealed))
    ann.core.feed(encode(event(room, EventKind.CHAT, last + 1)))
    ann.core.feed(encode(HistoryEnd(number, 1, last + 1, 1, room)))
    (past,) = [e for e in ann.core.take_events() if isinstance(e, HistoryReceived)]
    assert past.unsealed.keys() == {last + 1}


# -- accounts -------------------------------------------------------------------------------------


@pytest.fixture
def world() -> World:
    return World(accounts="optional")


def features_of(link: Link) -> int:
    (welcome,) = (m for m in link.wire if isinstance(m, Welcome))
    return welcome.features


def test_a_client_that_logs_in_has_all_features(world):
    registered(world)
    link = world.link()
    key = secrets.token_bytes(16)
    world.say(link, Login(1, key, "Nova", GOOD))
    world.say(link, Hello(15, key, b"", "Nova", "test", ()), Join(1, 0, 0, "lobby"))
    assert features_of(link) == Feature.ACCOUNTS | Feature.MODERATION | Feature.SEALED
    assert any(isinstance(m, RoomState) for m in link.wire)
    operate(world, A.TITLE, text="Networks")
    (changed,) = (m for m in link.take() if isinstance(m, Event))
    assert changed.kind == EventKind.ROOM_CHANGED


@pytest.mark.parametrize("scope", [BanScope.NAME, BanScope.DEVICE, BanScope.NAME | BanScope.DEVICE])
@pytest.mark.parametrize("way", ["password", "token"])
def test_the_ban_of_a_registered_user_keeps_the_account_out(world, scope, way):
    registered(world, "Owner")
    user = registered(world)
    key, token = user.core.memory.device_key, user.core.memory.token
    operate(world, A.BAN, "Nova", "spam", scope=scope)
    assert user.all(SessionEnded)
    link = world.link()
    if way == "password":
        world.say(link, Login(1, key, "Nova", GOOD))
        token = b""
    answer = world.say(link, Hello(15, key, token, "Nova", "test", ()))
    assert refusal(answer)[0] == ErrorCode.REMOVED
    assert "spam" in answer[0].text
    operate(world, A.UNBAN, "Nova")
    again = entering(world, "Nova")
    assert again.core.online


def test_the_ban_of_an_address_applies_to_accounts(world):
    registered(world, "Owner")
    registered(world)
    operate(world, A.BAN, "10.0.0.9", scope=BanScope.ADDRESS, address="10.0.0.9")
    for name, is_banned in (("Nova", True), ("Owner", False)):
        link, key = world.link("10.0.0.9"), secrets.token_bytes(16)
        world.say(link, Login(1, key, name, GOOD))
        answer = world.say(link, Hello(15, key, b"", name, "test", ()))
        assert isinstance(answer[0], Error) is is_banned


def test_an_account_that_is_banned_while_it_logs_in_stays_out(world):
    registered(world, "Owner")
    user = registered(world)
    account = world.hub.state.shared.account_names.get("nova")
    assert account is not None
    link = world.link()
    world.say(link, Login(1, user.core.memory.device_key, "Nova", GOOD))
    operate(world, A.BAN, "Nova")
    command = OpenAccountSession(1, world.hub.state.time, 5, 0, account.id, 0, b"", b"t" * 32)
    greeting = _PendingHello(Hello(15, b"", b"", "Nova", "test", ()), b"t" * 32)
    link.take()
    link.features = 15
    propose(world.hub.state, command, link, greeting)
    world.wait()
    assert refusal(link.take())[0] == ErrorCode.REMOVED


def test_a_promoted_account_is_not_banned_any_more(world):
    registered(world, "Owner")
    registered(world)
    operate(world, A.BAN, "Nova")
    account = world.hub.state.shared.account_names.get("nova")
    assert account is not None
    propose(world.hub.state, SetRole(account.id, Role.MODERATOR))
    assert entering(world, "Nova").core.online


def test_a_moderator_of_the_lobby_is_not_banned(world):
    registered(world, "Owner")
    registered(world)
    operate(world, A.APPOINT, "Nova")
    operate(world, A.BAN, "Nova", scope=BanScope.NAME)
    assert entering(world, "Nova").core.online


def test_a_muted_account_is_muted_on_every_device(world):
    registered(world, "Owner")
    user = registered(world)
    operate(world, A.MUTE, "Nova")
    other = entering(world, "Nova")
    say(world, other, "lobby", "again")
    assert "muted" in other.all(Undelivered)[0].why
    third = entering(world, "Nova")
    operate(world, A.UNMUTE, "Nova")
    say(world, third, "lobby", "at last")
    assert third.texts() == ["at last"]
    assert world.hub.state.shared.rooms["lobby"].rules.mutes == {}
    assert user.all(SessionEnded)


def test_a_muted_user_is_not_unmuted_by_logging_in_or_out(world):
    registered(world, "Owner")
    guest = world.user("Nova", "lobby")
    operate(world, A.MUTE, "Nova")
    guest.core.register(GOOD)
    world.settle()
    say(world, guest, "lobby", "as a user")
    assert "muted" in guest.all(Undelivered)[0].why


def test_mutes_of_accounts_count_twice(world):
    registered(world, "Owner")
    registered(world)
    lobby = world.hub.state.shared.rooms["lobby"]
    lobby.rules = RoomRules()
    for n in range(MAX_ENTRIES - 1):
        lobby.rules.mutes[n + 2**40] = MuteRecord(n + 2**40, 0, f"P{n}", "", "")
    assert operate(world, A.MUTE, "Nova") == Rejected(Reason.TOO_MANY)
    guest = world.user("Guest", "lobby")
    assert not isinstance(operate(world, A.MUTE, "Guest"), Rejected)
    assert RoomRules.load(lobby.rules.dump()).mutes.keys() == lobby.rules.mutes.keys()
    assert guest.core.online


def test_a_guest_who_registers_stays_moderator_on_all_devices(world):
    registered(world, "Owner")
    guest = world.user("Nova", "lobby")
    operate(world, A.APPOINT, "Nova")
    guest.core.create()
    world.settle()
    (room,) = (view.code for view in guest.core.memory.rooms.values() if view.code != "lobby")
    guest.core.register(GOOD)
    world.settle()
    guest.core.log_out()
    world.settle()
    again = entering(world, "Nova")
    for code in ("lobby", room):
        again.core.join(code)
        world.settle()
        assert again.core.memory.rooms[code].role == Role.MODERATOR
    assert operate(world, A.DISMISS, "Nova", room=room) != Rejected(Reason.NOTHING_TO_CHANGE)


def test_another_device_of_an_account_leaves_its_sealed_rooms(world):
    room, (ann, bob) = sealed_room(world, "Ann", "Bob")
    bob.core.register(GOOD)
    bob.core.join("lobby")
    ann.core.send_private("Bob", "for the first device")
    say(world, bob, room, "from the first device")
    old = invitation(bob, room)
    phone = User("Bob", can_seal=True)
    phone.core.credentials = Credentials("Bob", GOOD)
    world.users.append(phone)
    world.connect(phone)
    world.settle()
    assert bob.all(SessionEnded)
    assert list(phone.core.memory.rooms) == ["lobby"]
    say(world, ann, room, "without Bob")
    assert invitation(ann, room) != old
    phone.core.join(invitation(ann, room))
    world.settle()
    say(world, phone, room, "from the phone")
    assert texts(ann, room)[-1] == "from the phone"
    assert any("the keys of Bob have changed" in problem for problem in problems(ann))
    ann.happened.clear()
    ann.core.send_private("Bob", "for the phone")
    world.settle()
    (private,) = (v.code for v in phone.core.memory.rooms.values() if v.kind == RoomKind.PRIVATE)
    assert texts(phone, private) == ["for the phone"]
    assert all(e.is_sealed for e in phone.all(RoomEvent) if e.event.text == "for the phone")


def test_a_device_that_cannot_seal_is_in_no_sealed_room(world):
    """Such as the page over http: it gets every event of its rooms, and no message that it cannot read."""
    room, (ann, bob) = sealed_room(world, "Ann", "Bob")
    bob.core.register(GOOD)
    bob.core.join("lobby")
    ann.core.join("lobby")
    ann.core.send_private("Bob", "hello")
    world.settle()
    page = entering(world, "Bob")
    say(world, ann, room, "sealed")
    say(world, ann, "lobby", "plain")
    assert page.link is not None
    assert not any(isinstance(m, SealedEvent) for m in page.link.wire)
    assert page.texts() == ["plain"]
    assert list(page.core.memory.rooms) == ["lobby"]
    same = world.link()
    key = bob.core.memory.device_key
    world.say(same, Login(1, key, "Bob", GOOD))
    world.say(same, Hello(15, key, b"", "Bob", "test", ()), Device("", 0, bytes(128), b""))
    plain = world.link()
    world.say(plain, Login(1, key, "Bob", GOOD))
    assert (
        refusal(world.say(plain, Hello(7, key, b"", "Bob", "test", ())))[0] == ErrorCode.UNEXPECTED
    )
