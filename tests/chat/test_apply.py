"""The state machine: commands in any order, on several replicas, valid or not."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netchat.chat import commands as c
from netchat.chat.apply import MAX_MEMBERSHIPS, apply
from netchat.chat.commands import ChatCommand, decode_command, encode_command
from netchat.chat.credentials import short_id
from netchat.chat.outcomes import (
    ConversationOpened,
    Outcome,
    Reason,
    Rejected,
    RoomEmptied,
    SessionAway,
    SessionClosed,
    SessionMoved,
)
from netchat.chat.persistence import DeviceDeleted, DeviceRow, EpochRow, EventRow, RoomDeleted
from netchat.chat.shared_state import SharedState
from netchat.wire import EventKind, FrameReader, Sealed, SealedEvent, Wrap, decode

NAMES = ["Nova", "nova", "Nov\u0251", "Vega", "Maya"]
ROOMS = ["lobby", "R1", "R2", "@1", "@2"]

KEYS = b"k" * 128


def sealed(kind: int = EventKind.SEALED, epoch: int = 1) -> Sealed:
    """Return a sealed message; the state machine knows nothing of its contents."""
    wraps = (Wrap(short_id(KEYS), b"", b"", b"new"),) if kind == EventKind.REKEY else ()
    return Sealed(kind, 1, epoch, 0, 0, b"", b"", b"", b"c2", wraps, b"cipher", b"")


small = st.integers(0, 6)
values = {
    "session": small,
    "other": small,
    "attachment": st.integers(0, 2),
    "server": st.integers(0, 3),
    "time": st.integers(0, 9),
    "kind": st.integers(7, 12),
    "seq": st.integers(0, 4),
    "is_own": st.integers(0, 1),
    "sha256": st.sampled_from([b"", b"h"]),
    "device": st.integers(1, 4),
    "replaces": st.sampled_from((0, 0, 0, 2, 3)),
    "token": st.sampled_from([b"", b"a", b"b", b"c", b"d", b"e"]),
    "used": st.sampled_from([b"", b"a", b"b", b"c"]),
    "name": st.sampled_from(NAMES),
    "reason": st.sampled_from(["", "bye"]),
    "room": st.sampled_from(ROOMS),
    "text": st.text(max_size=3),
    "log": small,
    "request": small,
    "counter": st.integers(0, 5),
    "known": st.integers(0, 2),
    "head": st.integers(0, 4),
    "above": st.integers(0, 1),
    "account": small,
    "version": st.integers(0, 1),
    "password": st.sampled_from(["$1", "$2"]),
    "invitation": st.sampled_from([b"", b"", b"i", b"j"]),
    "secret": st.sampled_from([b"i", b"j"]),
    "expires": st.integers(0, 9),
    "everywhere": st.integers(0, 1),
    "role": st.integers(0, 3),
    "user": small,
    "action": st.integers(1, 15),
    "scope": st.sampled_from([0, 0, 1, 2, 3, 4, 7]),
    "seconds": st.sampled_from([0, 0, 1]),
    "target": st.sampled_from([*NAMES, "", "#9"]),
    "address": st.sampled_from(["", "10.0.0.1"]),
    "epoch": st.integers(0, 3),
    "check": st.sampled_from([b"1", b"2"]),
    "keys": st.sampled_from([b"", KEYS, b"other"]),
    "proof": st.sampled_from([b"", b"p"]),
    "sealed": st.builds(
        lambda kind, epoch: (sealed(kind, epoch),),
        st.sampled_from([EventKind.SEALED, EventKind.REKEY]),
        st.integers(0, 3),
    ),
}


def command(kind: type[ChatCommand]) -> st.SearchStrategy[ChatCommand]:
    names = [field.name for field in c.fields_of(kind)]
    return st.builds(kind, *(values[name] for name in names))


commands = st.one_of([command(kind) for kind in c.COMMANDS.values()])

#: A chat in which most commands can be valid.
BEGUN = [
    c.StartServer(1, "one"),
    c.StartServer(2, "two"),
    c.CreateLobby(7),
    c.OpenSession(1, 1, 1, 0, b"a", "Nova"),
    c.OpenSession(2, 2, 2, 0, b"b", "Vega"),
    c.JoinRoom(2, 1, 3, "lobby"),
    c.JoinRoom(3, 1, 3, "lobby"),
    c.CreateRoom(2, 1, 4, 8, "R1"),
    c.OpenConversation(2, 1, 3, 9, "@1"),
]

#: The same, with a sealed room.
SEALED = [
    *BEGUN,
    c.PublishDevice(2, 1, 0, "", KEYS, b""),
    c.CreateSealedRoom(2, 1, 4, 6, "R2", b"c1"),
]


def begun(log: Sequence[ChatCommand] = BEGUN) -> SharedState:
    """Return the state after a log: Nova is session 2, Vega is session 3."""
    state = SharedState()
    for one in log:
        assert not isinstance(apply(state, one), Rejected), one
    return state


def event(outcome: Outcome) -> tuple[EventKind, str, str]:
    """Return the only event of an outcome."""
    assert isinstance(outcome, list)
    (row,) = (change for change in outcome if isinstance(change, EventRow))
    (frame,) = FrameReader().feed(row.frame)
    message = decode(frame)
    return EventKind(message.kind), message.sender, message.text


#: The same, and Nova is registered.
REGISTERED = [
    *BEGUN,
    c.AddInvitation(1, 0, b"i"),
    c.RegisterAccount(1, 2, 1, b"i", b"e", "Nova", "$1"),
]


@settings(max_examples=150)
@given(st.sampled_from([BEGUN, REGISTERED, SEALED]), st.lists(commands, max_size=40), st.data())
def test_replicas_agree_after_every_prefix(begun, log, data):
    """Each replica receives the encoded log in batches of its own, and one starts in the middle."""
    log = begun + log
    encoded = [encode_command(one) for one in log]
    digests, outcomes, state = [SharedState().digest()], [], SharedState()
    for one in log:
        before = state.digest()
        outcomes.append(apply(state, one))
        if isinstance(outcomes[-1], Rejected):
            assert state.digest() == before, "a rejected command has changed the state"
        digests.append(state.digest())
    for _ in range(2):
        replica, at = SharedState(), 0
        while at < len(log):
            size = data.draw(st.integers(1, len(log) - at))
            batch = [decode_command(one) for one in encoded[at : at + size]]
            assert [apply(replica, one) for one in batch] == outcomes[at : at + size]
            at += size
            assert replica.digest() == digests[at]
    start = data.draw(st.integers(0, len(log)))
    late = SharedState()
    for one in log[:start]:
        apply(late, one)
    late = SharedState.load(late.dump())
    assert late.digest() == digests[start]
    for at in range(start, len(log)):
        assert apply(late, log[at]) == outcomes[at]
        assert late.digest() == digests[at + 1]


@settings(max_examples=100)
@given(st.sampled_from([BEGUN, REGISTERED, SEALED]), st.lists(commands, max_size=40))
def test_the_state_stays_consistent(begun, log):
    state = SharedState()
    for one in begun + log:
        apply(state, one)
        for account in state.accounts.values():
            session = account.session
            assert session is None or session.account is account
            assert session is None or session.device not in account.logins
            rival = state.by_name.find_conflict(account.name, owner=session)
            assert rival is None, "a guest has the name of an account"
        for token, (account, device) in state.logins.items():
            assert state.accounts[account.id] is account
            assert token in account.logins[device]
            assert token not in state.by_token, "a token both resumes and logs in"
        assert len(state.by_device) == len(state.sessions) == len(state.by_name)
        folded = [session.name.casefold() for session in state.sessions.values()]
        assert len(set(folded)) == len(folded), "two sessions have the same name"
        for session in state.sessions.values():
            assert not session.server or session.server in state.servers
            for code, room in session.rooms.items():
                assert state.rooms[code] is room
                assert session in room.members
        for room in state.rooms.values():
            assert all(state.sessions[member.id] is member for member in room.members)
        for pair, room in state.privates.items():
            assert pair == {member.id for member in room.members}
        assert all(token in (s.token, s.previous) for token, s in state.by_token.items())


@settings(max_examples=60)
@given(st.permutations([c.OpenSession(n, 9, 10 + n, 0, bytes([n]), "Maya") for n in (1, 2)]))
def test_the_first_session_in_the_log_gets_the_name(log):
    state = begun()
    first, second = (apply(state, one) for one in log)
    assert isinstance(first, list)
    assert second == Rejected(Reason.NAME_TAKEN, state.by_device[log[0].device].id)


@pytest.mark.parametrize(
    ("rejected", "reason"),
    [
        (c.OpenSession(9, 1, 5, 0, b"x", "Maya"), Reason.UNKNOWN_SERVER),
        (c.OpenSession(1, 1, 5, 0, b"a", "Maya"), Reason.EXISTS),
        (c.OpenSession(1, 1, 1, 0, b"x", "Maya"), Reason.STALE),
        (c.ResumeSession(1, 2, 1, b"x", b"y"), Reason.STALE),
        (c.ResumeSession(1, 2, 0, b"a", b"y"), Reason.STALE),
        (c.ResumeSession(9, 2, 1, b"a", b"y"), Reason.UNKNOWN_SERVER),
        (c.ResumeSession(1, 2, 1, b"a", b"b"), Reason.EXISTS),
        (c.ConfirmToken(2, 1), Reason.STALE),
        (c.Disconnect(2, 2), Reason.STALE),
        (c.EndSession(2, 2, 0, ""), Reason.STALE),
        (c.RenameSession(2, 1, 0, "vega"), Reason.NAME_TAKEN),
        (c.CreateRoom(2, 1, 0, 0, "lobby"), Reason.EXISTS),
        (c.JoinRoom(2, 1, 0, "R2"), Reason.NO_SUCH_ROOM),
        (c.JoinRoom(2, 1, 0, "@1"), Reason.NO_SUCH_ROOM),
        (c.JoinRoom(2, 1, 0, "lobby"), Reason.EXISTS),
        (c.LeaveRoom(3, 1, 0, 0, "R1"), Reason.NOT_A_MEMBER),
        (c.OpenConversation(2, 1, 2, 0, "@2"), Reason.NO_SUCH_USER),
        (c.OpenConversation(3, 1, 2, 0, "@2"), Reason.EXISTS),
        (c.Post(3, 1, 1, 0, 0, "R1", "x"), Reason.NOT_A_MEMBER),
        (c.Post(2, 1, 1, 1, 0, "lobby", "x"), Reason.REPEATED),
        (c.DeleteRoom(1, "R1"), Reason.STALE),
        (c.DeleteRoom(2, "lobby"), Reason.NO_SUCH_ROOM),
        (c.RotateCounters(0, "lobby"), Reason.STALE),
        (c.StartServer(2, "again"), Reason.STALE),
        (c.ExpireServer(9), Reason.STALE),
    ],
)
def test_a_command_that_is_not_valid_changes_nothing(rejected, reason):
    state = begun()
    before = state.digest()
    outcome = apply(state, rejected)
    assert isinstance(outcome, Rejected)
    assert outcome.reason is reason
    assert state.digest() == before


def test_a_registered_name_is_refused_to_a_session_that_is_ordered_later():
    state = begun([*REGISTERED, c.EndSession(2, 1, 5, "bye")])
    (account,) = state.accounts
    rejected = apply(state, c.OpenSession(1, 6, 9, 0, b"x", "Nov\u0251"))
    assert rejected == Rejected(Reason.REGISTERED, account=account)


def test_an_empty_token_resumes_nothing():
    """No server proposes one, but the state machine accepts any log."""
    state = begun()
    assert isinstance(apply(state, c.OpenSession(1, 6, 9, 0, b"", "Maya")), list)
    assert isinstance(apply(state, c.ResumeSession(1, 2, 1, b"a", b"")), list)
    assert b"" not in state.by_token
    assert apply(state, c.ResumeSession(1, 2, 2, b"", b"y")) == Rejected(Reason.STALE)


def test_a_message_counts_once():
    state, message = begun(), c.Post(2, 1, 5, 4, 6, "lobby", "hi")
    assert event(apply(state, message)) == (EventKind.CHAT, "Nova", "hi")
    assert apply(state, message) == Rejected(Reason.REPEATED)
    apply(state, c.RotateCounters(0, "lobby"))
    assert apply(state, message) == Rejected(Reason.REPEATED)


def test_a_counter_is_forgotten_after_two_rotations_without_a_message():
    state = begun()
    apply(state, c.Post(2, 1, 5, 0, 6, "lobby", "hi"))
    lobby = state.rooms["lobby"]
    apply(state, c.RotateCounters(0, "lobby"))
    assert apply(state, c.RotateCounters(0, "lobby")) == Rejected(Reason.STALE)
    assert lobby.last_counter(1) == 5
    apply(state, c.Post(3, 1, 5, 0, 6, "lobby", "hi"))
    apply(state, c.RotateCounters(0, "lobby"))
    assert (lobby.last_counter(1), lobby.last_counter(2)) == (None, 5)


def test_a_session_of_the_same_device_replaces_the_earlier_one():
    state = begun()
    outcome = apply(state, c.OpenSession(2, 9, 1, 2, b"x", "nova"))
    assert isinstance(outcome, list)
    assert outcome[0] == SessionMoved(2, (1, 4, 5))
    assert SessionClosed(2, "Nova", "reconnected without its session", 1) in outcome
    assert state.by_device[1].server == 2


def test_a_resumed_session_outlives_what_was_said_about_its_last_connection():
    state = begun()
    outcome = apply(state, c.ResumeSession(2, 2, 1, b"a", b"x"))
    assert isinstance(outcome, list)
    assert outcome[0] == SessionMoved(2, (1, 4, 5))
    assert apply(state, c.Disconnect(2, 1)) == Rejected(Reason.STALE)
    assert apply(state, c.EndSession(2, 1, 0, "connection lost")) == Rejected(Reason.STALE)
    assert apply(state, c.Disconnect(2, 2)) == [SessionAway(2)]


def test_the_sessions_of_an_expired_server_are_away_and_can_be_resumed_elsewhere():
    state = begun()
    assert apply(state, c.ExpireServer(1)) == [SessionAway(2)]
    assert state.sessions[2].is_away
    assert apply(state, c.StartServer(1, "back")) == Rejected(Reason.STALE)
    assert isinstance(apply(state, c.ResumeSession(2, 2, 1, b"a", b"x")), list)
    assert not state.sessions[2].is_away


def test_an_unused_room_is_deleted_and_one_that_was_used_meanwhile_stays():
    state = begun()
    outcome = apply(state, c.LeaveRoom(2, 1, 0, 0, "R1"))
    assert isinstance(outcome, list)
    assert RoomEmptied(4) in outcome
    apply(state, c.JoinRoom(3, 1, 0, "R1"))
    apply(state, c.LeaveRoom(3, 1, 0, 0, "R1"))
    assert apply(state, c.DeleteRoom(2, "R1")) == Rejected(Reason.STALE)
    assert apply(state, c.DeleteRoom(4, "R1")) == [RoomDeleted(4)]


def test_a_private_room_ends_with_its_last_member():
    state = begun()
    apply(state, c.LeaveRoom(2, 1, 0, 0, "@1"))
    assert apply(state, c.Post(3, 1, 1, 0, 0, "@1", "x")) == Rejected(Reason.NO_SUCH_USER)
    outcome = apply(state, c.OpenConversation(3, 1, 2, 1, "@2"))
    assert isinstance(outcome, list)
    assert ConversationOpened(2, 6) in outcome
    outcome = apply(state, c.LeaveRoom(3, 1, 0, 0, "@1"))
    assert isinstance(outcome, list)
    assert RoomDeleted(5) in outcome


@pytest.mark.parametrize("full", [2, 3])
def test_no_user_can_be_in_more_rooms_than_the_limit(full):
    state = begun()
    apply(state, c.LeaveRoom(2, 1, 0, 0, "@1"))
    apply(state, c.LeaveRoom(3, 1, 0, 0, "@1"))
    number = 0
    while len(state.sessions[full].rooms) < MAX_MEMBERSHIPS:
        number += 1
        apply(state, c.CreateRoom(full, 1, 0, 0, f"N{number}"))
    rejected = Rejected(Reason.TOO_MANY_ROOMS, full)
    assert apply(state, c.OpenConversation(2, 1, 3, 0, "@2")) == rejected
    assert apply(state, c.CreateRoom(full, 1, 0, 0, "R2")) == rejected
    apply(state, c.CreateRoom(5 - full, 1, 0, 0, "R2"))
    assert apply(state, c.JoinRoom(full, 1, 0, "R2")) == rejected


def test_a_rename_to_another_case_is_seen_in_each_room():
    state = begun()
    outcome = apply(state, c.RenameSession(2, 1, 0, "NOVA"))
    assert isinstance(outcome, list)
    assert sum(isinstance(change, EventRow) for change in outcome) == 3
    assert state.by_name.get("nova") is state.sessions[2]


@pytest.mark.parametrize(
    "late",
    [
        c.CreateRoom(2, 1, 0, 0, "R2"),
        c.JoinRoom(3, 1, 0, "R1"),
        c.LeaveRoom(2, 1, 0, 0, "R1"),
        c.OpenConversation(2, 1, 3, 0, "@2"),
        c.Post(2, 1, 9, 0, 0, "lobby", "x"),
        c.RenameSession(2, 1, 0, "Lyra"),
    ],
    ids=lambda late: type(late).__name__,
)
def test_a_request_of_an_earlier_connection_does_not_count(late):
    state = begun()
    for number, token in ((2, b"a"), (3, b"b")):
        resumed = c.ResumeSession(1, number, 1, token, token * 2)
        assert not isinstance(apply(state, resumed), Rejected)
    before = state.digest()
    assert apply(state, late) == Rejected(Reason.STALE)
    assert state.digest() == before


# -- sealed rooms ---------------------------------------------------------------------------------


def test_only_sessions_with_keys_enter_a_sealed_room():
    state = begun(SEALED)
    join = c.JoinRoom(3, 1, 5, "R2")
    assert apply(state, join) == Rejected(Reason.NO_KEYS)
    assert apply(state, c.CreateSealedRoom(3, 1, 5, 1, "R3", b"")) == Rejected(Reason.NO_KEYS)
    apply(state, c.PublishDevice(3, 1, 0, "", b"other", b""))
    assert event(apply(state, join)) == (EventKind.JOIN, "Vega", "")


def test_a_sealed_room_takes_only_sealed_messages_of_its_epoch():
    state = begun(SEALED)
    assert apply(state, c.Post(2, 1, 1, 0, 5, "R2", "plain")) == Rejected(Reason.NOT_SEALED)
    for room in ("R1", "lobby"):
        post = c.PostSealed(2, 1, 1, 0, 5, room, (sealed(),))
        assert apply(state, post) == Rejected(Reason.NOT_SEALED)
    post = c.PostSealed(2, 1, 1, 0, 5, "@1", (sealed(),))
    assert apply(state, post) == Rejected(Reason.NO_KEYS)
    for epoch in (0, 2):
        post = c.PostSealed(2, 1, 1, 0, 5, "R2", (sealed(epoch=epoch),))
        assert apply(state, post) == Rejected(Reason.OLD_EPOCH)
    outcome = apply(state, c.PostSealed(2, 1, 1, 0, 5, "R2", (sealed(),)))
    assert isinstance(outcome, list)
    (row,) = outcome
    assert isinstance(row, EventRow)
    (frame,) = FrameReader().feed(row.frame)
    assert decode(frame) == SealedEvent(2, 5, 1, 1, "R2", "Nova", (sealed(),))
    post = c.PostSealed(2, 1, 1, 0, 5, "R2", (sealed(),))
    assert apply(state, post) == Rejected(Reason.REPEATED)


def test_a_rekey_keeps_the_devices_that_it_gives_the_secret_to():
    state = begun(SEALED)
    apply(state, c.PublishDevice(3, 1, 0, "", b"other", b""))
    apply(state, c.JoinRoom(3, 1, 5, "R2"))
    assert apply(state, c.PublishDevice(2, 1, 2, "R2", KEYS, b"p")) == Rejected(Reason.OLD_EPOCH)
    assert apply(state, c.PublishDevice(2, 1, 1, "R1", KEYS, b"p")) == Rejected(Reason.NOT_A_MEMBER)
    for session, keys in ((2, KEYS), (3, b"other")):
        assert isinstance(apply(state, c.PublishDevice(session, 1, 1, "R2", keys, b"p")), list)
    rekey = c.PostSealed(2, 1, 1, 0, 5, "R2", (sealed(EventKind.REKEY, 2),))
    outcome = apply(state, rekey)
    assert isinstance(outcome, list)
    room = state.rooms["R2"]
    assert outcome[1:] == [
        EpochRow(room.id, 2, b"c2"),
        DeviceRow(2, room.id, 2, KEYS, b"new"),
        DeviceDeleted(3, room.id),
    ]
    assert (room.epoch, room.check, len(room.devices or {})) == (2, b"c2", 1)
    assert SharedState.load(state.dump()).digest() == state.digest()
    other = c.PostSealed(2, 1, 2, 0, 5, "R2", (sealed(EventKind.REKEY, 2),))
    assert apply(state, other) == Rejected(Reason.OLD_EPOCH), "another member was first"
    apply(state, c.LeaveRoom(2, 1, 0, 6, "R2"))
    assert not room.devices


def test_a_recovered_room_takes_the_epoch_of_its_first_message():
    state = begun(SEALED)
    state.rooms["R2"].epoch = 0
    assert isinstance(apply(state, c.PostSealed(2, 1, 1, 0, 5, "R2", (sealed(epoch=7),))), list)
    assert state.rooms["R2"].epoch == 7


def test_a_full_sealed_room_takes_no_more_members(monkeypatch):
    monkeypatch.setattr("netchat.chat.apply.MAX_SEALED", 1)
    state = begun(SEALED)
    apply(state, c.PublishDevice(3, 1, 0, "", b"other", b""))
    assert apply(state, c.JoinRoom(3, 1, 5, "R2")) == Rejected(Reason.ROOM_FULL)


def test_a_registered_name_starts_no_session_of_another_device():
    state = begun(REGISTERED)
    (account,) = state.accounts.values()
    apply(state, c.EndSession(2, 1, 0, ""))
    opened = apply(state, c.OpenSession(1, 9, 9, 0, b"z", "nova"))
    assert opened == Rejected(Reason.REGISTERED, account=account.id)


def test_a_session_without_a_token_cannot_be_resumed():
    state = begun()
    apply(state, c.OpenSession(1, 9, 9, 0, b"", "Maya"))
    assert state.by_device[9].token == b""
    assert b"" not in state.by_token
    apply(state, c.ResumeSession(1, 2, 1, b"a", b""))
    assert state.sessions[2].token == b""
    assert b"" not in state.by_token
