"""Moderators' actions: rights, effects, and the events that members see."""

from __future__ import annotations

import pytest

from netchat.chat.apply import apply
from netchat.chat.client_events import (
    ActionCompleted,
    BansReceived,
    EventsMissed,
    HistoryReceived,
    RequestRefused,
    RoomDescribed,
    RoomEntered,
    RoomLeft,
    SessionEnded,
    Undelivered,
)
from netchat.chat.commands import JoinRoom, ModerateRoom
from netchat.chat.model import Account, Role
from netchat.chat.moderation_rules import find_mute
from netchat.chat.ordering import OperatorRequest, apply_next, propose
from netchat.chat.outcomes import Outcome, Reason, Rejected
from netchat.chat.room_moderation import MAX_ENTRIES, BanScope, MuteRecord, RoomRules
from netchat.net.history.sqlite_history import SqliteHistory
from netchat.wire import (
    Error,
    ErrorCode,
    Event,
    EventKind,
    Join,
    Left,
    Moderate,
    Moderated,
    ModeratorAction,
    RoomState,
    Send,
    Who,
    encode,
)
from netchat.wire.moderation_text import describe, parse_notice
from tests.chat.test_apply import begun
from tests.chat.world import User, World, hello

A = ModeratorAction


def operate(
    world: World,
    action: ModeratorAction,
    target: str = "",
    text: str = "",
    room: str = "lobby",
    *,
    seconds: int = 0,
    scope: int = 0,
    address: str = "",
) -> Outcome:
    """Carry out an action as the operator of the server."""
    state = world.hub.state
    user = state.shared.by_name.get(target)
    answers: list[Outcome] = []
    command = ModerateRoom(
        0,
        0,
        state.time,
        user.id if user else 0,
        action,
        scope,
        seconds,
        room,
        target,
        address,
        text,
    )
    propose(state, command, None, OperatorRequest(answers.append))
    world.settle()
    (outcome,) = answers
    return outcome


def act(
    world: World, user: User, action: ModeratorAction, target: str = "", text: str = "", **more
):
    """Carry out an action as a user; return the ERROR, or None."""
    room = more.pop("room", "lobby")
    before = len(user.happened)
    user.core.moderate(room, action, target, text, **more)
    world.settle()
    refused = [h for h in user.happened[before:] if isinstance(h, RequestRefused)]
    done = [h for h in user.happened[before:] if isinstance(h, ActionCompleted)]
    assert len(refused) + len(done) <= 1
    return refused[0].error if refused else None


def thaw(world: World) -> None:
    """Let the disk work again."""
    world.frozen = False
    world.settle()
    world.settle()


def make_owner(world: World, user: User) -> None:
    """Give a user an account with the role of an owner."""
    session = world.hub.state.shared.by_name.get(user.core.name)
    assert session is not None
    session.account = Account(10_000, session.name, "", Role.OWNER, 0)


def notices(user: User, room: str = "lobby") -> list[str]:
    """Return the sentences about moderation that a user has seen."""
    return [
        describe(parse_notice(event))
        for event in user.events(room)
        if event.kind > EventKind.RENAME
    ]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def school(world: World) -> tuple[World, User, User, User]:
    """Return Ada, an owner, with Nova and Vega in the lobby."""
    ada, nova, vega = (world.user(name, "lobby") for name in ("Ada", "Nova", "Vega"))
    make_owner(world, ada)
    return world, ada, nova, vega


class TestRemoval:
    def test_a_kick_from_the_lobby_ends_the_session_and_the_others_see_why(self, school):
        world, ada, nova, vega = school
        assert act(world, ada, A.KICK, "nova", "spam") is None
        assert notices(vega) == ["Nova was removed by Ada: spam"]
        assert vega.events()[-1].sender == "Nova"
        (ended,) = nova.all(SessionEnded)
        assert ended == SessionEnded("You were removed by Ada: spam", wanted=False)
        assert nova.link is None
        assert world.hub.state.shared.by_name.get("Nova") is None

    def test_a_removed_user_may_return(self, school):
        world, ada, _, vega = school
        act(world, ada, A.KICK, "Nova")
        again = world.user("Nova", "lobby")
        assert again.all(RoomEntered)
        assert notices(vega) == ["Nova was removed by Ada"]

    def test_a_kick_from_a_room_leaves_the_session(self, world):
        ada, nova = world.user("Ada"), world.user("Nova", "lobby")
        ada.core.create()
        world.settle()
        (code,) = ada.core.memory.rooms
        nova.core.join(code)
        world.settle()
        assert act(world, ada, A.KICK, "Nova", "be nice", room=code) is None
        assert notices(ada, code) == notices(nova, code) == ["Nova was removed by Ada: be nice"]
        assert nova.all(RoomLeft) == [RoomLeft(code, "Nova was removed by Ada: be nice")]
        assert nova.core.online
        nova.core.join(code)
        world.settle()
        assert code in nova.core.memory.rooms

    def test_a_kick_of_a_user_who_is_not_in_the_lobby_is_seen_there(self, school):
        world, ada, _, vega = school
        world.user("Maya")
        assert act(world, ada, A.KICK, "Maya", "bye") is None
        assert notices(vega) == ["Maya was removed by Ada: bye"]

    def test_an_absent_user_can_be_removed(self, school):
        world, ada, nova, vega = school
        world.drop(nova)
        assert act(world, ada, A.KICK, "Nova") is None
        assert notices(vega) == ["Nova was removed by Ada"]
        world.connect(nova)
        world.settle()
        assert not nova.core.memory.token or nova.core.online

    def test_what_a_removed_user_still_sends_is_ignored(self, school):
        world, ada, nova, _ = school
        world.frozen = True
        ada.core.moderate("lobby", A.KICK, "Nova")
        world.settle()
        nova.core.say("lobby", "too late")
        world.settle()
        thaw(world)
        assert "too late" not in ada.texts()
        assert nova.all(SessionEnded)

    def test_a_user_who_leaves_before_the_kick_is_durable_causes_no_error(self, school):
        world, ada, nova, _ = school
        world.frozen = True
        ada.core.moderate("lobby", A.KICK, "Nova")
        world.settle()
        world.drop(nova)
        thaw(world)
        assert notices(ada) == ["Nova was removed by Ada"]


class TestBans:
    def test_a_banned_device_does_not_return_under_another_name(self, school):
        world, ada, nova, vega = school
        assert act(world, ada, A.BAN, "Nova", "spam", seconds=3600) is None
        assert notices(vega) == ["Nova was banned by Ada for 1 hour: spam"]
        link = world.link()
        (error,) = world.say(link, hello("Luna", nova.core.memory.device_key))
        assert isinstance(error, Error)
        assert error.text == "Ada has banned you from this server for another 1 hour: spam"
        assert link.closed or link not in world.links
        (error,) = world.say(world.link(), hello("Nova"))
        assert "has banned you" in error.text
        world.tick(3601)
        assert world.user("Nova", "lobby").core.online

    def test_the_name_is_not_free_for_others_either(self, school):
        world, ada, _, vega = school
        act(world, ada, A.BAN, "Nova")
        vega.core.rename("NOVA")
        world.settle()
        (refused,) = vega.all(RequestRefused)
        assert refused.error.code == ErrorCode.NAME_NOT_ALLOWED
        assert refused.error.text == "The name NOVA is banned; choose another one."

    def test_a_ban_of_the_address_refuses_new_connections_from_there(self, school):
        world, ada, _, _ = school
        nasty = world.link("192.0.2.7")
        world.say(nasty, hello("Mallory"), Join(1, 0, 0, "lobby"))
        assert act(world, ada, A.BAN, "Mallory", "no", scope=BanScope.ADDRESS) is None
        for name in ("Other", "Mallory"):
            (error,) = world.say(world.link("192.0.2.7"), hello(name))
            assert error.text == "Ada has banned you from this server: no"
        assert world.user("Mallory").core.online

    def test_an_address_can_be_named(self, school):
        world, ada, _nova, vega = school
        assert act(world, ada, A.BAN, "192.0.2.9", scope=BanScope.ADDRESS) is None
        assert notices(vega) == ["an address was banned by Ada"]
        (error,) = world.say(world.link("192.0.2.9"), hello("Luna"))
        assert "banned" in error.text
        assert act(world, ada, A.UNBAN, "192.0.2.9") is None
        assert len(world.say(world.link("192.0.2.9"), hello("Luna"))) == 1

    def test_a_moderator_at_a_banned_address_stays(self, school):
        world, ada, _, _ = school
        assert act(world, ada, A.BAN, "10.0.0.1", scope=BanScope.ADDRESS) is None
        world.drop(ada)
        world.connect(ada)
        world.settle()
        assert ada.core.online
        (error,) = world.say(world.link(), hello("Pupil"))
        assert "banned" in error.text

    def test_only_an_owner_bans_addresses(self, school):
        world, ada, nova, _ = school
        act(world, ada, A.APPOINT, "Nova")
        error = act(world, nova, A.BAN, "Vega", scope=BanScope.ADDRESS)
        assert error.code == ErrorCode.NOT_ALLOWED
        assert "owner" in error.text

    def test_a_room_refuses_whom_its_moderator_has_banned(self, world):
        ada, nova = world.user("Ada"), world.user("Nova")
        ada.core.create()
        world.settle()
        (code,) = ada.core.memory.rooms
        assert act(world, ada, A.BAN, "Nova", "spam", room=code, seconds=60) is None
        assert notices(ada, code) == ["Nova was banned by Ada for 1 minute: spam"]
        nova.core.join(code)
        world.settle()
        (refused,) = nova.all(RequestRefused)
        assert refused.error.code == ErrorCode.BANNED
        assert refused.error.text == "Ada has banned you from this room for another 1 minute: spam"
        assert act(world, ada, A.UNBAN, "Nova", room=code) is None
        nova.core.join(code)
        world.settle()
        assert code in nova.core.memory.rooms

    def test_bans_are_listed_in_pages_and_lifted_by_number(self, school):
        world, ada, nova, _ = school
        for number in range(60):
            operate(world, A.BAN, f"Pest{number}")
        ada.core.bans("lobby")
        world.settle()
        (first,) = ada.all(BansReceived)
        assert first.more
        ada.core.bans("lobby", first.bans[-1].number)
        world.settle()
        _, second = ada.all(BansReceived)
        assert not second.more
        assert [ban.name for ban in (*first.bans, *second.bans)] == [f"Pest{n}" for n in range(60)]
        assert act(world, ada, A.UNBAN, f"#{first.bans[3].number}") is None
        assert notices(nova)[-1] == "Pest3 was unbanned by Ada"
        assert act(world, ada, A.UNBAN, "Pest3").code == ErrorCode.NO_SUCH_USER

    def test_only_moderators_list_bans_and_only_owners_see_addresses(self, school):
        world, ada, nova, vega = school
        act(world, ada, A.BAN, "192.0.2.9", scope=BanScope.ADDRESS)
        act(world, ada, A.APPOINT, "Nova")
        for user in (ada, nova, vega):
            user.core.bans("lobby")
        world.settle()
        assert ada.all(BansReceived)[0].bans[0].address == "192.0.2.9"
        assert nova.all(BansReceived)[0].bans[0].address == ""
        assert vega.all(RequestRefused)[0].error.code == ErrorCode.NOT_ALLOWED
        vega.core.bans("elsewhere")
        world.settle()
        assert vega.all(RequestRefused)[1].error.code == ErrorCode.NOT_A_MEMBER

    def test_a_list_without_bans_is_empty(self, school):
        world, ada, *_ = school
        ada.core.bans("lobby")
        world.settle()
        assert ada.all(BansReceived) == [BansReceived("lobby", (), more=False)]

    def test_the_number_of_bans_is_limited_and_expired_ones_do_not_count(self, school):
        world, ada, *_ = school
        for number in range(MAX_ENTRIES):
            assert not isinstance(operate(world, A.BAN, f"Pest{number}", seconds=10), Rejected)
        assert act(world, ada, A.BAN, "Nova").code == ErrorCode.TOO_MANY
        world.tick(11)
        assert act(world, ada, A.BAN, "Nova") is None
        assert len(world.hub.state.shared.rooms["lobby"].rules.bans) == 1

    @pytest.mark.parametrize(
        ("target", "scope"),
        [("Absent", BanScope.DEVICE), ("Absent", BanScope.ADDRESS), ("", BanScope.NAME)],
    )
    def test_a_ban_needs_what_it_refers_to(self, school, target, scope):
        world, ada, *_ = school
        error = act(world, ada, A.BAN, target, scope=scope)
        assert error.code == ErrorCode.NO_SUCH_USER


class TestMutes:
    def test_a_muted_user_cannot_write_until_the_time_is_over(self, school):
        world, ada, nova, vega = school
        assert act(world, ada, A.MUTE, "Nova", "quiet", seconds=600) is None
        assert notices(nova) == notices(vega) == ["Nova was muted by Ada for 10 minutes: quiet"]
        nova.core.say("lobby", "but")
        world.settle()
        (undelivered,) = nova.all(Undelivered)
        assert undelivered.why == "Ada has muted you for another 10 minutes: quiet"
        world.tick(599)
        nova.core.say("lobby", "but")
        world.settle()
        assert nova.all(Undelivered)[1].why == "Ada has muted you for another 1 second: quiet"
        world.tick(2)
        nova.core.say("lobby", "sorry")
        world.settle()
        assert vega.texts() == ["sorry"]

    def test_a_mute_follows_the_device_through_a_rename_and_a_return(self, school):
        world, ada, nova, vega = school
        act(world, ada, A.MUTE, "Nova")
        nova.core.rename("Luna")
        world.settle()
        nova.core.leave("lobby")
        world.settle()
        nova.core.join("lobby")
        world.settle()
        nova.core.say("lobby", "still here")
        world.settle()
        assert vega.texts() == []
        assert act(world, ada, A.UNMUTE, "Luna") is None
        assert notices(vega)[-1] == "Luna was unmuted by Ada"
        assert act(world, ada, A.UNMUTE, "Luna").code == ErrorCode.NOTHING_TO_CHANGE

    def test_a_mute_follows_the_account_to_another_device(self, school):
        world, ada, nova, vega = school
        session = world.hub.state.shared.by_name.get("Nova")
        session.account = Account(10_001, "Nova", "", Role.MEMBER, 0)
        act(world, ada, A.MUTE, "Nova")
        session.device += 1  # where the account has logged in since
        nova.core.say("lobby", "still here")
        world.settle()
        assert vega.texts() == []

    def test_an_unmute_finds_the_name_of_one_who_has_left(self, school):
        world, ada, nova, _ = school
        assert act(world, ada, A.UNMUTE, "Nova").code == ErrorCode.NOTHING_TO_CHANGE
        act(world, ada, A.MUTE, "Nova")
        nova.core.bye()
        world.settle()
        assert act(world, ada, A.UNMUTE, "nova") is None

    def test_only_a_member_can_be_muted(self, school):
        world, ada, *_ = school
        shared = world.hub.state.shared
        assert find_mute(shared.by_name.get("Nova"), shared.rooms["lobby"], 0) is None
        world.user("Maya")
        error = act(world, ada, A.MUTE, "Maya")
        assert error.code == ErrorCode.NO_SUCH_USER
        assert error.text == "Maya is not in this room."
        assert "no user named Absent" in act(world, ada, A.MUTE, "Absent").text

    def test_the_number_of_mutes_is_limited(self, school):
        world, ada, _nova, _ = school
        act(world, ada, A.MUTE, "Nova")
        rules = world.hub.state.shared.rooms["lobby"].rules
        (mute,) = rules.mutes.values()
        rules.mutes |= {-n: mute for n in range(MAX_ENTRIES)}
        assert act(world, ada, A.MUTE, "Vega").code == ErrorCode.TOO_MANY


class TestRanks:
    def test_members_and_non_members_are_refused(self, school):
        world, _ada, nova, _vega = school
        error = act(world, nova, A.KICK, "Vega")
        assert error.code == ErrorCode.NOT_ALLOWED
        assert act(world, nova, A.LOCK).code == ErrorCode.NOT_ALLOWED
        assert act(world, nova, A.KICK, "Vega", room="7K3F92MQ0T").code == ErrorCode.NOT_A_MEMBER
        assert world.hub.state.shared.by_name.get("Vega")

    def test_an_owner_appoints_moderators_who_cannot_act_on_each_other(self, school):
        world, ada, nova, _vega = school
        for name in ("Nova", "Vega"):
            assert act(world, ada, A.APPOINT, name) is None
        assert nova.all(RoomDescribed)[1:] == [RoomDescribed("lobby", "", 1, False, False)]
        for target in ("Vega", "Ada", "Nova"):
            assert act(world, nova, A.KICK, target).code == ErrorCode.NOT_ALLOWED
        assert act(world, nova, A.APPOINT, "Vega").code == ErrorCode.NOT_ALLOWED
        world.user("Maya", "lobby")
        assert act(world, nova, A.KICK, "Maya") is None
        assert act(world, ada, A.APPOINT, "Nova").code == ErrorCode.NOTHING_TO_CHANGE
        assert act(world, ada, A.DISMISS, "Nova") is None
        assert nova.all(RoomDescribed)[-1].role == 0
        assert act(world, nova, A.KICK, "Vega").code == ErrorCode.NOT_ALLOWED
        assert act(world, ada, A.DISMISS, "Nova").code == ErrorCode.NOTHING_TO_CHANGE
        for action in (A.APPOINT, A.DISMISS):
            assert act(world, ada, action, "Absent").code == ErrorCode.NO_SUCH_USER

    def test_a_moderator_of_the_lobby_moderates_all_rooms(self, school):
        world, ada, nova, vega = school
        vega.core.create()
        world.settle()
        (code,) = set(vega.core.memory.rooms) - {"lobby"}
        nova.core.join(code)
        ada.core.join(code)
        world.settle()
        act(world, ada, A.APPOINT, "Nova")
        assert {d.room for d in nova.all(RoomDescribed) if d.role} == {"lobby", code}
        assert act(world, nova, A.TITLE, text="Physics", room=code) is None
        # The room's creator has the same rank there, and none in the lobby.
        assert act(world, nova, A.KICK, "Vega", room=code).code == ErrorCode.NOT_ALLOWED
        assert act(world, vega, A.TITLE, text="Chemistry", room=code) is None
        assert act(world, vega, A.TITLE, text="Chemistry").code == ErrorCode.NOT_ALLOWED

    def test_an_account_keeps_what_its_session_was_given(self, school):
        world, ada, _nova, _ = school
        session = world.hub.state.shared.by_name.get("Nova")
        session.account = Account(777, "Nova", "", Role.MEMBER, 0)
        act(world, ada, A.APPOINT, "Nova")
        assert 777 in world.hub.state.shared.rooms["lobby"].rules.moderators

    def test_the_operator_outranks_all(self, school):
        world, _ada, nova, _ = school
        assert not isinstance(operate(world, A.KICK, "Ada", "coup"), Rejected)
        assert notices(nova) == ["Ada was removed by the host: coup"]
        assert operate(world, A.LOCK, room="nowhere") == Rejected(Reason.NO_SUCH_ROOM)

    def test_the_number_of_moderators_is_limited(self, school):
        world, ada, *_ = school
        act(world, ada, A.LOCK)
        rules = world.hub.state.shared.rooms["lobby"].rules
        rules.moderators |= dict.fromkeys(range(20000, 20000 + MAX_ENTRIES))
        assert act(world, ada, A.APPOINT, "Nova").code == ErrorCode.TOO_MANY


class TestRooms:
    def test_a_title_is_seen_by_all_and_by_those_who_come_later(self, school):
        world, ada, nova, _ = school
        assert act(world, ada, A.TITLE, text="Physics 9b") is None
        assert nova.all(RoomDescribed)[1:] == [
            RoomDescribed("lobby", "Physics 9b", 0, False, False)
        ]
        assert notices(nova) == ["Ada named this room “Physics 9b”"]
        late = world.user("Late", "lobby")
        assert (
            late.all(RoomDescribed)[0].title
            == late.core.memory.rooms["lobby"].title
            == "Physics 9b"
        )
        assert act(world, ada, A.TITLE, text="Physics 9b").code == ErrorCode.NOTHING_TO_CHANGE
        assert act(world, ada, A.TITLE) is None
        assert late.core.memory.rooms["lobby"].title == ""
        assert notices(late)[-1] == "Ada removed this room's title"

    def test_a_change_while_a_user_was_away_is_described_once(self, school):
        world, ada, nova, _ = school
        act(world, ada, A.TITLE, text="One")
        world.drop(nova)
        act(world, ada, A.TITLE, text="Two")
        act(world, ada, A.LOCK)
        world.connect(nova)
        world.settle()
        assert notices(nova)[-2:] == [
            "Ada named this room “Two”",
            "Ada locked this room: no one else can join",
        ]
        assert nova.all(RoomDescribed)[-1] == RoomDescribed("lobby", "Two", 0, True, False)
        assert len(nova.all(RoomDescribed)) == 3  # on entering, for One, and on the return

    def test_a_locked_room_lets_no_one_in_but_moderators(self, world):
        ada, nova = world.user("Ada"), world.user("Nova")
        ada.core.create()
        world.settle()
        (code,) = ada.core.memory.rooms
        assert act(world, ada, A.LOCK, room=code) is None
        assert act(world, ada, A.LOCK, room=code).code == ErrorCode.NOTHING_TO_CHANGE
        nova.core.join(code)
        world.settle()
        (refused,) = nova.all(RequestRefused)
        assert refused.error.code == ErrorCode.LOCKED
        ada.core.leave(code)
        world.settle()
        ada.core.join(code)  # its creator still moderates it
        world.settle()
        assert code in ada.core.memory.rooms
        assert act(world, ada, A.UNLOCK, room=code) is None
        nova.core.join(code)
        world.settle()
        assert code in nova.core.memory.rooms

    def test_those_turned_away_read_why_a_room_is_locked(self, world):
        ada, nova = world.user("Ada"), world.user("Nova")
        ada.core.create()
        world.settle()
        (code,) = ada.core.memory.rooms
        texts = []
        for action, reason in ((A.LOCK, "exam until noon"), (A.UNLOCK, "it is noon"), (A.LOCK, "")):
            assert act(world, ada, action, room=code, text=reason) is None
            if action is A.LOCK:
                nova.core.join(code)
                world.settle()
                texts.append(nova.all(RequestRefused)[-1].error.text)
        first = "This room is locked: no new members can join."
        assert texts == [f"{first} Reason: exam until noon", first]

    def test_in_a_read_only_room_only_moderators_write(self, school):
        world, ada, nova, vega = school
        assert act(world, ada, A.READ_ONLY) is None
        assert vega.core.memory.rooms["lobby"].flags == 2
        for user in (ada, nova):
            user.core.say("lobby", user.core.name)
        world.settle()
        assert vega.texts() == ["Ada"]
        (undelivered,) = nova.all(Undelivered)
        assert "read-only" in undelivered.why
        assert act(world, ada, A.WRITABLE) is None
        nova.core.say("lobby", "again")
        world.settle()
        assert vega.texts() == ["Ada", "again"]

    def test_a_cleared_history_is_gone_and_the_numbers_go_on(self, school):
        world, ada, nova, vega = school
        for text in ("secret one", "secret two"):
            nova.core.say("lobby", text)
        world.settle()
        world.drop(vega)
        nova.core.say("lobby", "secret three")
        world.settle()
        assert act(world, ada, A.CLEAR) is None
        nova.core.say("lobby", "after")
        world.settle()
        late = world.user("Late", "lobby")
        late.core.history("lobby", 100)
        world.connect(vega)
        world.settle()
        (past,) = late.all(HistoryReceived)
        assert [e.kind for e in past.events][:2] == [EventKind.ROOM_CHANGED, EventKind.CHAT]
        assert past.oldest == past.events[0].seq
        assert vega.texts() == ["secret one", "secret two", "after"]
        (missed,) = vega.all(EventsMissed)
        assert missed.last == past.oldest - 1
        for user in (ada, nova):
            numbers = [event.seq for event in user.events()]
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
            assert not user.all(EventsMissed)

    def test_a_lagging_member_does_not_get_what_was_cleared_before_it_is_deleted(self, school):
        world, ada, nova, vega = school
        assert vega.link is not None
        world.stall(vega.link)
        nova.core.say("lobby", "hushed")
        world.settle()
        world.history.clear_room = lambda *_: False  # the deletion is late
        assert act(world, ada, A.CLEAR) is None
        world.drain(vega.link)
        world.settle()
        assert vega.texts() == []
        assert notices(vega) == ["Ada cleared this room's history"]

    def test_a_closed_room_is_gone(self, world):
        ada, nova, late = (world.user(name, "lobby") for name in ("Ada", "Nova", "Late"))
        ada.core.create()
        world.settle()
        (code,) = set(ada.core.memory.rooms) - {"lobby"}
        for user in (nova, late):
            user.core.join(code)
        world.settle()
        world.drop(late)
        assert act(world, ada, A.CLOSE, text="lesson over", room=code) is None
        for user in (ada, nova):
            assert notices(user, code) == ["Ada closed this room: lesson over"]
            assert user.all(RoomLeft) == [RoomLeft(code, "Ada closed this room: lesson over")]
            assert list(user.core.memory.rooms) == ["lobby"]
        assert code not in world.hub.state.shared.rooms
        world.connect(late)
        world.settle()
        assert list(late.core.memory.rooms) == ["lobby"]
        nova.core.join(code)
        world.settle()
        assert nova.all(RequestRefused)[0].error.code == ErrorCode.NO_SUCH_ROOM

    def test_a_connection_lost_before_the_close_is_durable_gets_nothing(self, world):
        ada, nova = world.user("Ada"), world.user("Nova")
        ada.core.create()
        world.settle()
        (code,) = ada.core.memory.rooms
        nova.core.join(code)
        world.settle()
        world.frozen = True
        ada.core.moderate(code, A.CLOSE)
        world.settle()
        world.drop(nova)
        world.drop(ada)
        thaw(world)
        assert not world.hub.state.leaving

    def test_a_member_who_lags_gets_the_last_events_of_a_closed_room(self, world):
        ada, nova = world.user("Ada"), world.user("Nova")
        ada.core.create()
        world.settle()
        (code,) = ada.core.memory.rooms
        nova.core.join(code)
        world.settle()
        assert nova.link is not None
        world.stall(nova.link)
        ada.core.say(code, "hi")
        world.settle()
        nova.link.stalled_since = 0.0
        assert act(world, ada, A.CLOSE, room=code) is None
        world.drain(nova.link)
        world.settle()
        assert nova.texts(code) == ["hi"]
        assert notices(nova, code) == ["Ada closed this room"]
        assert not world.hub.state.leaving
        assert not world.hub.state.closing

    def test_the_lobby_cannot_be_closed_and_private_rooms_have_no_moderators(self, school):
        world, ada, _nova, _ = school
        error = act(world, ada, A.CLOSE)
        assert (error.code, error.text) == (ErrorCode.NOT_POSSIBLE, "The lobby cannot be closed.")
        ada.core.send_private("Nova", "psst")
        world.settle()
        (private,) = set(ada.core.memory.rooms) - {"lobby"}
        for action in (A.CLEAR, A.LOCK, A.KICK):
            error = act(world, ada, action, "Nova", room=private)
            assert error.code == ErrorCode.NOT_POSSIBLE
        assert operate(world, A.CLEAR, room=private) == Rejected(Reason.NOT_POSSIBLE)


class TestRequests:
    @pytest.mark.parametrize(
        ("action", "scope", "text"),
        [
            (99, 0, ""),
            (0, 0, ""),
            (A.KICK, 1, ""),
            (A.BAN, 8, ""),
            (A.KICK, 0, "x" * 201),
            (A.TITLE, 0, "x" * 61),
            (A.TITLE, 0, "two\nlines"),
            (A.KICK, 0, "\x1b[2J"),
        ],
    )
    def test_invalid_requests_are_refused(self, school, action, scope, text):
        world, ada, _nova, _ = school
        error = act(world, ada, action, "Nova", text, scope=scope)
        assert error.code == ErrorCode.NOT_POSSIBLE
        assert world.hub.state.shared.by_name.get("Nova")

    def test_a_stale_request_changes_nothing(self, school):
        world, *_ = school
        session = world.hub.state.shared.by_name.get("Ada")
        command = ModerateRoom(session.id, 99, 0, 0, A.LOCK, 0, 0, "lobby", "", "", "")
        answers = []
        propose(world.hub.state, command, None, OperatorRequest(answers.append))
        assert answers == [Rejected(Reason.STALE)]

    def test_each_action_is_in_the_audit_log(self, school):
        world, ada, *_ = school
        act(world, ada, A.MUTE, "Nova", "quiet", seconds=60)
        operate(world, A.LOCK)
        act(world, ada, A.LOCK)  # refused
        lock, mute = world.history.audit(10)
        assert (mute.actor, mute.action, mute.target, mute.seconds) == ("Ada", A.MUTE, "Nova", 60)
        assert (mute.room, mute.text) == ("lobby", "quiet")
        assert (lock.actor, lock.action, lock.target) == ("", A.LOCK, "")
        assert [note.fields["action"] for note in world.notes if note.event == "moderated"] == [
            "mute",
            "lock",
        ]


class TestOldClients:
    """Clients without bit 2 of `features`."""

    def test_a_removal_is_a_leave_and_all_else_a_message_of_the_server(self, school):
        world, ada, *_ = school
        link, _ = world.greet("Old")
        world.say(link, Join(1, 0, 0, "lobby"))
        act(world, ada, A.TITLE, text="Physics")
        act(world, ada, A.KICK, "Nova", "spam")
        act(world, ada, A.BAN, "Vega", seconds=60)
        title, kick, ban = link.events()[-3:]
        assert (title.kind, title.sender, title.device) == (EventKind.CHAT, "server", 0)
        assert title.text == "Ada named this room “Physics”"
        assert (kick.kind, kick.sender, kick.text) == (
            EventKind.LEAVE, "Nova", "removed by Ada: spam",
        )  # fmt: skip
        assert ban.text == "banned by Ada"
        assert [m for m in link.wire if isinstance(m, RoomState)] == []
        numbers = [event.seq for event in link.events()]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))

    def test_history_and_catching_up_have_the_same_form(self, school):
        from netchat.wire import History, HistoryEnd

        world, ada, nova, _ = school
        link, _ = world.greet("Old")
        world.say(link, Join(1, 0, 0, "lobby"))
        world.stall(link)
        act(world, ada, A.LOCK)
        nova.core.say("lobby", "hi")
        world.settle()
        world.drain(link)
        world.settle()
        assert [e.kind for e in link.events()[-2:]] == [EventKind.CHAT, EventKind.CHAT]
        *events, end = world.say(link, History(1, 1, 100, "lobby"))
        assert isinstance(end, HistoryEnd)
        assert {e.kind for e in events} == {EventKind.JOIN, EventKind.CHAT}

    def test_it_is_dismissed_with_a_code_that_keeps_it_away(self, school):
        world, ada, *_ = school
        link, _ = world.greet("Old")
        world.say(link, Join(1, 0, 0, "lobby"))
        act(world, ada, A.KICK, "Old")
        assert link.wire[-1] == Error(ErrorCode.SESSION_MOVED, 0, 0, "You were removed by Ada.", "")

    def test_all_members_share_one_frame_unless_an_old_client_needs_another(self, school):
        from netchat.chat.effects import Fanout

        world, ada, *_ = school

        def fanouts() -> list[int]:
            counts = []
            original = world._carry_out

            def spy() -> None:
                effects = world.hub.state.effects
                counts.extend(len(e.to) for e in effects if isinstance(e, Fanout))
                original()

            world._carry_out = spy
            act(world, ada, A.TITLE, text=f"T{len(world.links)}")
            world._carry_out = original
            return counts

        assert fanouts() == [3]
        link, _ = world.greet("Old")
        world.say(link, Join(1, 0, 0, "lobby"))
        assert fanouts() == [3, 1]


class TestStorage:
    def test_everything_survives_a_restart(self, tmp_path):
        history = SqliteHistory(tmp_path / "h.db")
        world = World(history)
        ada, nova = world.user("Ada", "lobby"), world.user("Nova", "lobby")
        ada.core.create()
        world.settle()
        (code,) = set(ada.core.memory.rooms) - {"lobby"}
        nova.core.join(code)
        world.settle()
        act(world, ada, A.TITLE, text="Physics", room=code)
        act(world, ada, A.READ_ONLY, room=code)
        act(world, ada, A.MUTE, "Nova", room=code)
        operate(world, A.BAN, "Pest", "no", seconds=10**6)
        operate(world, A.CLEAR)
        digest = world.hub.state.shared.rooms[code].rules.dump()
        next_id = world.hub.state.shared.next_id
        world.crash()
        again = world.hub.state.shared
        assert again.rooms[code].rules.dump() == digest
        assert again.next_id == next_id
        assert world.feed("lobby").oldest == again.rooms["lobby"].rules.floor
        world.connect(ada)
        world.settle()
        assert ada.core.memory.rooms[code].title == "Physics"
        assert act(world, ada, A.WRITABLE, room=code) is None
        (error,) = world.say(world.link(), hello("Pest"))
        assert "banned" in error.text
        history.close()

    def test_a_clear_that_a_crash_has_interrupted_is_finished_at_the_next_start(self, tmp_path):
        history = SqliteHistory(tmp_path / "h.db")
        world = World(history)
        nova = world.user("Nova", "lobby")
        nova.core.say("lobby", "hushed")
        world.settle()
        history.clear_room, original = (lambda *_: False), history.clear_room
        operate(world, A.CLEAR)
        del history.clear_room
        world.crash()
        world.tick()
        late = world.user("Late", "lobby")
        late.core.history("lobby", 100)
        world.settle()
        assert b"hushed" not in (tmp_path / "h.db").read_bytes()
        assert b"hushed" not in (tmp_path / "h.db-wal").read_bytes()
        assert original
        history.close()

    def test_a_cleared_text_is_in_no_byte_of_the_files(self, tmp_path):
        history = SqliteHistory(tmp_path / "h.db")
        world = World(history)
        users = [world.user(f"U{n}", "lobby") for n in range(3)]
        rooms = []
        for user in users:
            user.core.create()
            world.settle()
            rooms.append(next(code for code in user.core.memory.rooms if code != "lobby"))
        for round_ in range(200):
            for number, (user, code) in enumerate(zip(users, rooms, strict=True)):
                what = "SECRET" if number == 1 else "public"
                user.core.say(code, f"{what} {round_} " * (1 + round_ % 40))
                world.settle()
        operate(world, A.CLEAR, room=rooms[1])
        for name in ("h.db", "h.db-wal"):
            data = (tmp_path / name).read_bytes()
            assert data.count(b"SECRET") == 0
        assert b"public" in (tmp_path / "h.db").read_bytes()
        history.close()


def test_frames_of_the_protocol():
    """A MODERATE is answered after its event, and the removed user gets LEFT after it."""
    world = World()
    ada, _ = world.greet("Ada")
    from netchat.wire import Create, Joined

    (joined, *_) = [m for m in world.say(ada, Create(1)) if isinstance(m, Joined)]
    code = joined.membership[0].room
    nova, _ = world.greet("Nova")
    world.say(nova, Join(1, 0, 0, code))
    event, answer = world.say(ada, Moderate(7, A.KICK, 0, 0, code, "Nova", "why"))
    assert isinstance(event, Event)
    assert answer == Moderated(7, A.KICK, code)
    assert nova.wire[-1] == Left(0, code)
    (error,) = world.say(nova, Send(1, code, "x"))
    assert error.code == ErrorCode.NOT_A_MEMBER
    assert world.say(nova, Who(1, code, ""))[0].code == ErrorCode.NOT_A_MEMBER


class TestRaces:
    """Actions that meet other changes in the log, or between the log and the disk."""

    def test_a_ban_or_lock_before_a_join_in_the_log_counts(self):
        state = begun()
        for action, target, reason in ((A.BAN, "Vega", Reason.BANNED), (A.LOCK, "", Reason.LOCKED)):
            command = ModerateRoom(2, 1, 9, 0, action, 0, 0, "R1", target, "", "")
            assert isinstance(apply(state, command), list)
            assert apply(state, JoinRoom(3, 1, 9, "R1")) == Rejected(reason)
            if action is A.BAN:
                command = ModerateRoom(2, 1, 9, 0, A.UNBAN, 0, 0, "R1", target, "", "")
                assert isinstance(apply(state, command), list)

    def test_a_moderator_who_has_left_before_is_not_one(self):
        state = begun()
        command = ModerateRoom(3, 1, 9, 2, A.KICK, 0, 0, "R1", "Nova", "", "")
        assert apply(state, command) == Rejected(Reason.NOT_A_MEMBER)

    def test_a_join_that_the_log_rejects_gets_the_reason(self, world):
        ada, nova = world.user("Ada"), world.user("Nova")
        ada.core.create()
        world.settle()
        (code,) = ada.core.memory.rooms
        act(world, ada, A.LOCK, room=code)
        session = world.hub.state.shared.by_name.get("Nova")
        assert nova.link is not None
        command = JoinRoom(session.id, session.attachment, 0, code)
        apply_next(world.hub.state, command, nova.link, Join(1, 0, 0, code))
        world._carry_out()
        world.settle()
        (error,) = [m for m in nova.link.wire if isinstance(m, Error)]
        assert error.code == ErrorCode.LOCKED

    def test_a_moderator_is_appointed_while_away_and_learns_it_on_the_return(self, school):
        world, ada, nova, _ = school
        world.drop(nova)
        assert act(world, ada, A.APPOINT, "Nova") is None
        world.connect(nova)
        world.settle()
        assert nova.all(RoomDescribed)[-1].role == 1

    def test_a_new_moderator_who_leaves_at_once_gets_no_state_of_the_room(self, school):
        world, ada, nova, _ = school
        world.frozen = True
        ada.core.moderate("lobby", A.APPOINT, "Nova")
        world.settle()
        nova.core.leave("lobby")
        world.settle()
        thaw(world)
        assert "lobby" not in nova.core.memory.rooms
        assert [d.role for d in nova.all(RoomDescribed)] == [0]

    def test_a_client_ignores_the_state_of_a_room_that_it_is_not_in(self, world):
        nova = world.user("Nova")
        nova.core.feed(encode(RoomState(1, 0, "7K3F92MQ0T", "Physics")))
        assert nova.core.take_events() == []


def test_a_mute_is_found_by_device_or_account():
    state = begun()
    session, lobby = state.sessions[2], state.rooms["lobby"]
    assert find_mute(session, lobby, 1) is None  # no moderator has changed anything
    lobby.rules = RoomRules()
    mute = MuteRecord(77, 0, "Nova", "Ada", "spam")
    lobby.rules.mutes[77] = mute
    assert find_mute(session, lobby, 1) is None
    session.account = Account(77, "Nova", "hash", Role.MEMBER, 0)
    assert find_mute(session, lobby, 1) == mute
    lobby.rules.mutes = {session.device: mute}
    assert find_mute(session, lobby, 1) == mute
