"""The shared state: restored from a history, and written as a snapshot."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netchat.chat import commands as c
from netchat.chat.apply import apply
from netchat.chat.persistence import (
    DeviceRow,
    EpochRow,
    MembershipRow,
    RoomRow,
    SessionRow,
    Snapshot,
)
from netchat.chat.shared_state import SharedState
from netchat.chat.state_records import (
    ChatRecord,
    SealedDeviceRecord,
    pack_logins,
    pack_state,
    unpack_logins,
)
from netchat.errors import CommandError
from netchat.wire import RoomKind

KEYS = SealedDeviceRecord(1, "", 0, b"keys", b"").encode()

STORED = Snapshot(
    rooms=[
        (RoomRow(1, "lobby", RoomKind.LOBBY, 7), 3, 1),
        (RoomRow(4, "@1", RoomKind.PRIVATE, 8), 0, 1),
        (RoomRow(5, "@2", RoomKind.PRIVATE, 9), 2, 2),
    ],
    sessions=[SessionRow(2, b"a", b"z", 1, "Nova"), SessionRow(3, b"b", b"", 2, "Vega")],
    memberships=[
        MembershipRow(2, 4),
        MembershipRow(2, 1),
        MembershipRow(3, 4),
        MembershipRow(3, 5),
    ],
    next_id=6,
)


@pytest.fixture
def state():
    return SharedState(STORED)


def test_the_stored_sessions_are_away_and_can_be_resumed_with_either_token(state):
    assert [session.is_away for session in state.sessions.values()] == [True, True]
    assert not state.is_connected(2)
    assert state.by_token.keys() == {b"a", b"z", b"b"}
    assert set(state.by_name) == {"nova", "vega"}
    apply(state, c.StartServer(1, ""))
    assert isinstance(apply(state, c.ResumeSession(1, 2, 0, b"z", b"y")), list)
    assert state.is_connected(2)


def test_only_private_rooms_of_two_connect_them(state):
    assert state.privates == {frozenset((2, 3)): state.rooms["@1"]}
    assert [room.is_over for room in state.rooms.values()] == [False, False, True]


def test_rooms_continue_after_their_last_stored_event(state):
    assert {code: room.head for code, room in state.rooms.items()} == {"lobby": 3, "@1": 0, "@2": 2}
    assert state.new_id() == 6


def test_a_snapshot_starts_another_server(state):
    for one in (
        c.StartServer(4, "one"),
        c.ResumeSession(4, 2, 0, b"a", b"x"),
        c.Post(2, 1, 5, 0, 1, "lobby", "hi"),
    ):
        apply(state, one)
    apply(state, c.RotateCounters(0, "lobby"))
    apply(state, c.Post(2, 1, 6, 0, 1, "@1", "hi"))
    other = SharedState.load(state.dump())
    assert other.digest() == state.digest()
    assert list(other.sessions[2].rooms) == list(state.sessions[2].rooms) == ["@1", "lobby"]
    assert other.rooms["lobby"].older_counters == {1: 5}
    assert other.rooms["@1"].counters == {1: 6}
    assert other.servers == {4: "one"}


@pytest.mark.parametrize(
    "change",
    [
        lambda state: setattr(state, "next_id", 9),
        lambda state: setattr(state, "epoch", 9),
        lambda state: state.servers.update({1: "x"}),
        lambda state: setattr(state.rooms["lobby"], "head", 9),
        lambda state: state.rooms["lobby"].counters.update({1: 1}),
        lambda state: state.rooms["lobby"].older_counters.update({1: 1}),
        lambda state: setattr(state.sessions[2], "name", "Maya"),
        lambda state: setattr(state.sessions[2], "token", b"x"),
        lambda state: setattr(state.sessions[2], "previous", b"x"),
        lambda state: setattr(state.sessions[2], "server", 1),
        lambda state: setattr(state.sessions[2], "attachment", 1),
        lambda state: state.sessions[2].rooms.pop("lobby"),
        lambda state: state.rooms.pop("@2"),
    ],
)
def test_the_digest_covers_all_parts(state, change):
    before = state.digest()
    assert SharedState(STORED).digest() == before
    change(state)
    assert state.digest() != before


@given(st.data())
def test_damaged_snapshots_raise_an_error_or_load_as_they_are(data):
    whole = SharedState(STORED).dump()
    at = data.draw(st.integers(0, len(whole) - 1))
    for damaged in (whole[:at], whole[:at] + data.draw(st.binary(max_size=4)) + whole[at + 1 :]):
        try:
            SharedState.load(damaged).dump()
        except CommandError:
            continue
        assert len(damaged) >= len(whole) - 1


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "version none"),
        (b"\x09", "version 09"),
        (SharedState(STORED).dump() + b"!", "its records end at"),
        (SharedState(STORED).dump()[:-1], "damaged at byte"),
        (pack_state([ChatRecord(1, 1, b"").encode()], *[[]] * 7, [KEYS], []) + b"!", "end at"),
        (SharedState(STORED).dump()[:-50], "damaged at byte"),
        (b"\x02" + bytes(16), "inconsistent"),
        (b"\x03" + bytes(36), "inconsistent"),
        (b"\x04" + bytes(40), "inconsistent"),
        (pack_state([ChatRecord(1, 1, bytes(24)).encode()], *[[]] * 9), "whole pairs"),
    ],
)
def test_the_error_says_what_is_wrong(data, problem):
    with pytest.raises(CommandError, match=problem):
        SharedState.load(data)


def test_a_counter_costs_little_more_than_a_look_at_it():
    """The event loop dumps the state while clients wait, and a room may have thousands of counters."""
    state = SharedState(STORED)
    lobby = state.rooms["lobby"]
    lobby.counters = {device << 40: device for device in range(4096)}
    lobby.older_counters = dict(lobby.counters)

    def look() -> None:
        for counters in (lobby.counters, lobby.older_counters):
            for device, counter in counters.items():
                _ = device, counter

    def cost(function) -> float:
        begun = time.process_time()
        function()
        return time.process_time() - begun

    costs = [(cost(state.dump), cost(look)) for _ in range(10)]
    dump, loop = map(min, zip(*costs, strict=True))
    assert dump < 10 * loop


def test_incomplete_logins_of_an_account():
    whole = pack_logins({7: (b"a" * 32, b"")})
    assert unpack_logins(whole) == {7: (b"a" * 32, b"")}
    with pytest.raises(ValueError, match="incomplete"):
        unpack_logins(whole[:-1])


def test_keys_of_unknown_sessions_and_rooms_are_ignored():
    stored = Snapshot(
        STORED.rooms,
        STORED.sessions,
        STORED.memberships,
        STORED.next_id,
        epochs=[EpochRow(99, 2, b"c")],
        devices=[
            DeviceRow(99, 0, 0, b"k", b""),
            DeviceRow(STORED.sessions[0].id, 99, 1, b"k", b"p"),
            *(
                DeviceRow(session.id, room.id, 1, b"k", b"p")
                for session in STORED.sessions
                for room, _, _ in STORED.rooms
            ),
        ],
    )
    state = SharedState(stored)
    known = sum(len(room.devices or {}) for room in state.rooms.values())
    assert known == sum(len(room.members) for room in state.rooms.values())
