"""Read markers: kept for the other devices of an account, and told to no other user."""

from __future__ import annotations

import pytest

from netchat.chat import commands as c
from netchat.chat.apply import MAX_MARKERS, apply
from netchat.chat.client_events import RoomRead
from netchat.chat.outcomes import Reason, Rejected
from netchat.chat.persistence import ReadMarkerRow
from netchat.chat.shared_state import SharedState
from netchat.net.history.sqlite_history import SqliteHistory
from netchat.wire import Feature, Hello, Join, Read, encode
from tests.chat.test_account_handlers import entering, registered
from tests.chat.test_apply import REGISTERED, begun
from tests.chat.test_client_handlers import give, lobby, welcome
from tests.chat.world import World


@pytest.fixture
def world():
    return World(accounts="optional")


def say(world, user, *texts):
    for text in texts:
        user.core.say("lobby", text)
    world.settle()


def test_another_device_continues_where_the_first_one_stopped(world):
    first = registered(world)
    say(world, first, "a", "b", "c")
    seq = first.events()[-2].seq
    first.core.mark_read("lobby", seq)
    first.core.mark_read("lobby", seq - 1)  # it never goes back
    world.settle()
    second = entering(world, "Nova")
    assert second.all(RoomRead) == [RoomRead("lobby", seq)]
    assert second.core.memory.rooms["lobby"].read == seq
    second.core.leave("lobby")
    world.settle()
    second.core.join("lobby")
    world.settle()
    assert second.core.memory.rooms["lobby"].read == seq


def test_the_client_states_only_what_is_new_and_true(world):
    user = registered(world)
    say(world, user, "a")
    last = user.events()[-1].seq
    for room, seq in (("lobby", last + 1), ("nowhere", 1), ("lobby", 0)):
        user.core.mark_read(room, seq)
    assert user.core.data_to_send() == b""
    user.core.mark_read("lobby", last)
    user.core.mark_read("lobby", last)
    assert user.core.data_to_send() == encode(Read(last, "lobby"))


def test_guests_and_old_servers_get_none(world):
    guest = world.user("Vega", "lobby")
    say(world, guest, "a")
    guest.core.mark_read("lobby", 1)
    assert guest.core.data_to_send() == b""
    guest.core.account, guest.core.has_annotations = "Vega", False
    guest.core.mark_read("lobby", 1)
    assert guest.core.data_to_send() == b""
    assert guest.link is not None
    assert world.say(guest.link, Read(1, "lobby"), Read(2**64 - 1, "lobby"), Read(1, "none")) == []


def test_a_server_does_not_believe_a_number_that_is_too_large(world):
    user = registered(world)
    assert user.link is not None
    world.say(user.link, Read(2**64 - 1, "lobby"))
    (account,) = world.hub.state.shared.accounts.values()
    assert list(account.read.values()) == [world.feed("lobby").delivered]


def test_a_client_ignores_other_rooms_and_smaller_numbers():
    user = World().user("Nova", "lobby")
    user.core.lost()
    user.core.connected()
    give(user.core, welcome(lobby(10)), Read(7, "lobby"), Read(5, "lobby"), Read(1, "none"))
    assert [e for e in user.core.take_events() if isinstance(e, RoomRead)] == [RoomRead("lobby", 7)]


def test_only_clients_that_know_it_are_told(world):
    user = registered(world)
    say(world, user, "a")
    user.core.mark_read("lobby", 2)
    world.settle()
    key, token = user.core.memory.device_key, user.core.memory.token
    for features, expected in ((Feature.ACCOUNTS, 0), (Feature.ACCOUNTS | Feature.ANNOTATIONS, 1)):
        link = world.link()
        answers = world.say(link, Hello(features, key, token, "Nova", "t", ()))
        token = answers[0].token
        assert len([m for m in answers if isinstance(m, Read)]) == expected
        answers = world.say(link, Join(1, 0, 0, "lobby"))
        assert len([m for m in answers if isinstance(m, Read)]) == expected


def test_it_survives_a_restart_and_ends_with_the_account(tmp_path):
    history = SqliteHistory(tmp_path / "h.db", fsync=False)
    world = World(history, accounts="optional")
    user = registered(world)
    say(world, user, "a")
    user.core.mark_read("lobby", 2)
    world.settle()
    (marker,) = history.load().markers
    assert marker.seq == 2
    world.crash()
    (account,) = world.hub.state.shared.accounts.values()
    assert account.read == {marker.room: 2}
    outcome = apply(world.hub.state.shared, c.RemoveAccount(1, account.id))
    from netchat.chat.persistence import Batch

    history.write(
        [Batch(changes=[change for change in outcome if "Deleted" in type(change).__name__])]
    )
    assert history.load().markers == []
    history.close()


# -- the state machine ----------------------------------------------------------------------------


def mark(state, seq, room="lobby", session=2):
    return apply(state, c.MarkRead(session, state.sessions[session].attachment, seq, room))


def test_the_state_keeps_the_largest_number():
    state = begun(REGISTERED)
    account = state.sessions[2].account
    lobby_id = state.rooms["lobby"].id
    assert mark(state, 2) == [ReadMarkerRow(account.id, lobby_id, 2)]
    before = state.digest()
    for seq in (2, 1, 0, 99):
        assert mark(state, seq) == Rejected(Reason.NOTHING_TO_CHANGE)
    assert mark(state, 1, "none") == Rejected(Reason.NOT_A_MEMBER)
    assert mark(state, 1, session=3) == Rejected(Reason.NOT_A_MEMBER)  # a guest
    assert apply(state, c.MarkRead(2, 99, 1, "lobby")) == Rejected(Reason.STALE)
    assert state.digest() == before
    loaded = SharedState.load(state.dump())
    assert loaded.accounts[account.id].read == {lobby_id: 2}
    assert loaded.digest() == before


def test_memory_is_bounded():
    state = begun(REGISTERED)
    account = state.sessions[2].account
    account.read = dict.fromkeys(range(10_000, 10_000 + MAX_MARKERS), 1)
    mark(state, 2)
    assert account.read == {state.rooms["lobby"].id: 2}


def test_a_marker_of_an_unknown_account_is_dropped():
    from netchat.chat.persistence import Snapshot

    state = SharedState(Snapshot(markers=[ReadMarkerRow(1, 1, 1)]))
    assert not state.accounts
