"""Requests of moderators that a server refuses, and the texts for users whom moderation stops."""

from __future__ import annotations

import pytest

from netchat.chat.commands import ModerateRoom
from netchat.chat.moderation_handlers import (
    address_ban,
    ban_text,
    entry_refusal,
    find_address,
    mute_text,
    operate,
    problem_of,
    refusal_of,
    server_ban_text,
)
from netchat.chat.outcomes import Reason
from netchat.chat.room_moderation import BanRecord, BanScope, MuteRecord
from netchat.wire import ErrorCode, Moderate, ModeratorAction
from tests.chat.test_moderation_rules import A
from tests.chat.test_moderation_rules import operate as operate_command
from tests.chat.world import World

DAY = 86_400_000_000


def command(
    action: ModeratorAction, *, user: int = 0, scope: int = 0, address: str = ""
) -> ModerateRoom:
    return ModerateRoom(1, 1, 0, user, action, scope, 0, "lobby", "Nova", address, "")


@pytest.mark.parametrize(
    ("reason", "request_", "code", "text"),
    [
        (Reason.NOT_A_MEMBER, command(A.LOCK), ErrorCode.NOT_A_MEMBER, "no longer in this room"),
        (Reason.NO_SUCH_ROOM, command(A.LOCK), ErrorCode.NO_SUCH_ROOM, "no room lobby"),
        (Reason.NO_SUCH_USER, command(A.UNBAN), ErrorCode.NO_SUCH_USER, "no ban of Nova"),
        (Reason.NO_SUCH_USER, command(A.BAN, scope=4), ErrorCode.NO_SUCH_USER, "address of Nova"),
        (Reason.NO_SUCH_USER, command(A.KICK, user=3), ErrorCode.NO_SUCH_USER, "not in this room"),
        (Reason.NO_SUCH_USER, command(A.KICK), ErrorCode.NO_SUCH_USER, "no user named Nova"),
        (Reason.NOT_ALLOWED, command(A.APPOINT), ErrorCode.NOT_ALLOWED, "Only an owner can appoint"),
        (Reason.NOT_ALLOWED, command(A.BAN, scope=4), ErrorCode.NOT_ALLOWED, "ban an address"),
        (Reason.NOT_ALLOWED, command(A.KICK), ErrorCode.NOT_ALLOWED, "also a moderator"),
        (Reason.TOO_MANY, command(A.BAN), ErrorCode.TOO_MANY, "remove one first"),
        (Reason.NOTHING_TO_CHANGE, command(A.UNMUTE), ErrorCode.NOTHING_TO_CHANGE, "not muted"),
        (Reason.NOTHING_TO_CHANGE, command(A.APPOINT), ErrorCode.NOTHING_TO_CHANGE, "already"),
        (Reason.NOTHING_TO_CHANGE, command(A.DISMISS), ErrorCode.NOTHING_TO_CHANGE, "not appointed"),
        (Reason.NOTHING_TO_CHANGE, command(A.TITLE), ErrorCode.NOTHING_TO_CHANGE, "this title"),
        (Reason.NOTHING_TO_CHANGE, command(A.LOCK), ErrorCode.NOTHING_TO_CHANGE, "this state"),
        (Reason.NOT_POSSIBLE, command(A.CLOSE), ErrorCode.NOT_POSSIBLE, "lobby cannot be closed"),
        (Reason.NOT_POSSIBLE, command(A.LOCK), ErrorCode.NOT_POSSIBLE, "not possible"),
    ],
)  # fmt: skip
def test_each_reason_has_a_code_and_a_text(reason, request_, code, text):
    found = refusal_of(request_, reason)
    assert found[0] == code
    assert text in found[1]


def test_a_member_is_told_that_it_takes_a_moderator():
    _, text = refusal_of(command(A.APPOINT), Reason.NOT_ALLOWED, is_moderator=False)
    assert text == "Only a moderator of this room can do this."


@pytest.mark.parametrize(
    ("until", "text"),
    [
        (0, "Ada has banned you from this server: spam"),
        (1, "Ada has banned you from this server for another 1 second: spam"),
        (90 * 1_000_000, "Ada has banned you from this server for another 90 seconds: spam"),
        (150 * 1_000_000, "Ada has banned you from this server for another 3 minutes: spam"),
        (3 * DAY - 1, "Ada has banned you from this server for another 3 days: spam"),
    ],
)
def test_the_rest_of_a_ban_is_rounded_up(until, text):
    ban = BanRecord(1, until and 5 + until, 7, BanScope.NAME, "Nova", "", "Ada", "spam")
    assert ban_text(ban, "this server", 5) == text


@pytest.mark.parametrize("title", ["\u202e", " ", "\u200b\u2060"])
def test_a_title_has_a_visible_character(title):
    assert problem_of(A.TITLE, 0, title) == "A title must have a visible character."
    assert problem_of(A.TITLE, 0, title + "9b") is None
    assert problem_of(A.TITLE, 0, "") is None


def test_the_host_needs_no_reason():
    ban = BanRecord(1, 0, 7, BanScope.NAME, "Nova", "", "", "")
    assert ban_text(ban, "this room", 5) == "the host has banned you from this room."
    assert mute_text(MuteRecord(7, 0, "Nova", "", ""), 5) == "the host has muted you."


def test_addresses_are_those_of_users_or_written_ones():
    world = World()
    nova = world.user("Nova", "lobby")
    state = world.hub.state
    session = state.shared.by_name.get("Nova")
    assert find_address(state, "Nova", session) == "10.0.0.1"
    world.drop(nova)
    assert find_address(state, "Nova", session) == "10.0.0.1"
    state.away.clear()
    assert find_address(state, "Nova", session) == ""
    assert find_address(state, "192.0.2.7", None) == "192.0.2.7"
    assert find_address(state, "2001:db8::7", None) == "2001:db8::/64"
    assert find_address(state, "Absent", None) == ""
    assert find_address(state, "1." * 99, None) == ""


def test_the_operator_is_told_what_is_wrong():
    world = World()
    world.user("Nova", "lobby")
    answers: list[str] = []

    def ask(action: int, target: str = "", text: str = "", scope: int = 0) -> str:
        request = Moderate(0, action, scope, 0, "lobby", target, text)
        operate(world.hub.state, request, answers.append)
        world.settle()
        return answers.pop()

    assert ask(99) == "The action 99 is unknown; actions are 1 to 14."
    assert ask(A.KICK, "Absent") == "There is no user named Absent; /who lists the members."
    assert ask(A.BAN, "192.0.2.1", scope=4) == ""
    assert ask(A.LOCK) == ""
    assert ask(A.LOCK) == "The room is in this state already."
    assert ask(A.KICK, "Nova", "x") == ""


def test_texts_for_users_whom_no_ban_stops():
    world = World()
    nova = world.user("Nova", "lobby")
    state = world.hub.state
    session = state.shared.by_name.get("Nova")
    room = state.shared.rooms["lobby"]
    assert nova.link is not None
    assert entry_refusal(state, nova.link, session, room) is None
    assert address_ban(state, nova.link, None) == ""
    assert server_ban_text(state, "Nova", 1) == "You are banned."
    operate_command(world, A.BAN, "Pest")
    assert entry_refusal(state, nova.link, session, room) is None
    assert address_ban(state, nova.link, None) == ""
    assert server_ban_text(state, "Pest", 1) == "the host has banned you from this server."
