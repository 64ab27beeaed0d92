"""The rules of a room: bans and mutes in force, and their binary form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.chat.room_moderation import (
    MAX_ENTRIES,
    BanRecord,
    BanScope,
    MuteRecord,
    RoomFlags,
    RoomRules,
)
from netchat.errors import CommandError

BAN = BanRecord(3, 100, 7, BanScope.NAME | BanScope.DEVICE, "Nova", "", "Ada", "spam")
ADDRESS = BanRecord(4, 0, 0, BanScope.ADDRESS, "", "192.0.2.7", "", "")


def rules() -> RoomRules:
    made = RoomRules()
    made.title, made.flags, made.floor = "Physics", RoomFlags.LOCKED, 9
    made.moderators = {5: None, 6: None}
    made.mutes = {7: MuteRecord(7, 50, "Nova", "Ada", "quiet")}
    made.bans = {3: BAN, 4: ADDRESS}
    return made


def test_the_binary_form_is_read_back():
    data = rules().dump()
    again = RoomRules.load(data)
    assert again.dump() == data
    assert (again.title, again.flags, again.floor) == ("Physics", 1, 9)
    assert (list(again.moderators), again.bans[3]) == ([5, 6], BAN)
    assert again.is_locked()
    assert not again.is_read_only()
    assert again.lock_reason == ""
    again.lock_reason = "exam until noon"
    longer = again.dump()
    assert longer.startswith(data)  # as it was before there were reasons
    assert RoomRules.load(longer).lock_reason == "exam until noon"
    assert RoomRules.load(longer).dump() == longer


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "damaged"),
        (rules().dump()[:-1], "damaged"),
        (rules().dump() + b"!", "damaged"),
        (rules().dump() + b"\0\1x!", "but end at"),
        (RoomRules().dump()[:-2] + b"\xff\xff", "damaged"),
    ],
)
def test_damage_is_reported(data, problem):
    with pytest.raises(CommandError, match=problem):
        RoomRules.load(data)


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_reported(data):
    try:
        RoomRules.load(data)
    except CommandError:
        return


@pytest.mark.parametrize(
    ("time", "name", "device", "address", "ban"),
    [
        (99, "nova", 1, "", BAN),
        (99, "Luna", 7, "", BAN),
        (100, "Nova", 7, "", None),
        (100, "Nova", 7, "192.0.2.7", ADDRESS),
        (99, "Luna", 1, "192.0.2.8", None),
    ],
)
def test_a_ban_matches_what_it_names_until_its_end(time, name, device, address, ban):
    assert rules().ban_of(time, name, device, address) == ban


def test_a_mute_ends():
    assert rules().mute_of(7, 49)
    assert rules().mute_of(7, 50) is None
    assert rules().mute_of(8, 0) is None


@pytest.mark.parametrize(
    ("target", "ban"),
    [
        ("#3", BAN),
        ("#4", ADDRESS),
        ("#9", None),
        ("#", None),
        ("#٣", None),
        ("NOVA", BAN),
        ("192.0.2.7", ADDRESS),
        ("Luna", None),
        ("", None),
    ],
)
def test_a_ban_is_found_by_number_name_or_address(target, ban):
    assert rules().find_ban(target) == ban


def test_a_mute_is_found_by_name():
    assert rules().find_mute("nova") == rules().mutes[7]
    assert rules().find_mute("Luna") is None


def test_what_has_ended_is_forgotten():
    expired = rules()
    expired.expire(60)
    assert (list(expired.mutes), list(expired.bans)) == ([], [3, 4])
    expired.expire(100)
    assert list(expired.bans) == [4]


def test_a_page_of_bans_begins_after_a_number():
    assert [ban.number for ban in rules().list_bans(0, 99, 9)] == [3, 4]
    assert [ban.number for ban in rules().list_bans(3, 99, 9)] == [4]
    assert [ban.number for ban in rules().list_bans(0, 100, 9)] == [4]
    assert [ban.number for ban in rules().list_bans(0, 99, 1)] == [3]


def test_full_rules_can_be_stored():
    full = RoomRules()
    text = "\U0001f600" * 200
    full.bans = {
        n: BanRecord(n, 0, n, 3, "\U0001f600" * 24, text, text, text) for n in range(MAX_ENTRIES)
    }
    full.mutes = {n: MuteRecord(n, 0, text, text, text) for n in range(MAX_ENTRIES)}
    full.moderators = dict.fromkeys(range(MAX_ENTRIES))
    assert RoomRules.load(full.dump()).dump() == full.dump()
