"""Sealed rooms in the terminal: commands, locks, warnings and JSON."""

from __future__ import annotations

import json

import pytest

from netchat.chat.client import ChatClient
from netchat.chat.client_events import (
    HistoryReceived,
    RoomEvent,
    SafetyReceived,
    SealingWarning,
    SecretKnown,
)
from netchat.tui.json_output import event_json
from netchat.tui.session import ChatSession
from netchat.wire import Event, EventKind, Feature, RoomKind, Welcome, encode
from tests.tui.offline import ROOM, Idle, online, shown, typed

SECRET = "AAECAwQFBgcICQoLDA0ODw"


def sealed_session() -> ChatSession:
    """Return a session on a server that supports sealed messages."""
    core = ChatClient("Sourav", can_seal=True)
    core.connected()
    core.feed(
        encode(
            Welcome(Feature.SEALED, 1, 1, 0, 65536, 100, 30, 0, bytes(32), "Sourav", "netchat", ())
        )
    )
    core.take_events()
    return ChatSession(Idle(core), "lobby")  # type: ignore[arg-type]


def chat(text: str, kind: EventKind = EventKind.CHAT) -> Event:
    return Event(6, 1_700_000_000_000_000, 5, 16, kind, ROOM, "Nova", text)


def test_a_sealed_message_has_a_lock_and_its_warnings():
    session = online(ROOM)
    event = RoomEvent(chat("hi"), RoomKind.SEALED, "", own=False, late=False, is_sealed=True)
    assert shown(session, event) == ["\N{LOCK} Nova: hi"]
    doubtful = RoomEvent(
        chat("hi"), RoomKind.SEALED, "", False, False, is_sealed=True, problems=("it is odd",)
    )
    assert shown(session, doubtful) == ["[warning] Nova: it is odd", "\N{LOCK} Nova: hi"]
    private = RoomEvent(chat("psst"), RoomKind.PRIVATE, "Nova", False, False, is_sealed=True)
    assert shown(session, private) == ["\N{LOCK} Nova -> you: psst"]
    rekey = chat("a member left the room", EventKind.REKEY)
    first = RoomEvent(chat("", EventKind.REKEY), RoomKind.PRIVATE, "Nova", False, False, True)
    assert shown(session, first) == []
    assert shown(session, RoomEvent(rekey, RoomKind.SEALED, "", False, False, True)) == [
        "\N{LOCK} [secret] Nova changed the secret of the room (a member left the room)"
    ]
    (line,) = shown(session, HistoryReceived(ROOM, (chat("hi"),), 1, 1, {6: ("it is odd",)}))
    assert "\N{LOCK} Nova: hi [warning: it is odd]" in line


def test_secrets_warnings_and_safety_numbers_are_shown():
    session = online(ROOM)
    link, words = shown(session, SecretKnown(ROOM, 1, SECRET))
    assert link.endswith(f"is joined with /join 7K3F9-2MQ0T#{SECRET}")
    assert words.endswith("gather drum buyer")
    assert "older links" in shown(session, SecretKnown(ROOM, 2, SECRET))[0]
    assert shown(session, SealingWarning(ROOM, "odd")) == ["[warning] odd"]
    assert shown(session, SealingWarning("lobby", "odd")) == ["[warning] the lobby: odd"]
    digits = " ".join(f"{n:05}" for n in range(12))
    lines = shown(session, SafetyReceived(ROOM, "", digits, "one two", ("Nova", "Sourav"), False))
    assert lines[1:4] == [f"  {digits[:35]}", f"  {digits[36:]}", "  one two"]
    assert lines[4] == "  members: Nova, Sourav"
    assert sum("\u2588" in line for line in lines) > 10, "the QR code"
    pair = shown(session, SafetyReceived(ROOM, "Nova", digits, "one two", ("Nova",), True))
    assert pair[0].endswith("you and Nova; you have compared it before")


def test_json_says_what_is_sealed():
    def fields(event: object) -> dict[str, object]:
        return json.loads(event_json(event))  # type: ignore[arg-type]

    event = RoomEvent(chat("hi"), RoomKind.SEALED, "", False, False, True, ("it is odd",))
    found = fields(event)
    assert (found["type"], found["kind"], found["sealed"]) == ("chat", "sealed", True)
    assert found["problems"] == ["it is odd"]
    plain = fields(RoomEvent(chat("hi"), RoomKind.ROOM, "", False, False))
    assert "sealed" not in plain
    past = fields(HistoryReceived(ROOM, (chat("hi"),), 1, 1, {6: ()}))
    assert past["events"][0]["sealed"] is True  # type: ignore[index]
    known = fields(SecretKnown(ROOM, 2, SECRET))
    assert (known["invitation"], known["epoch"]) == (f"{ROOM}#{SECRET}", 2)
    safety = fields(SafetyReceived(ROOM, "Nova", "1", "one", ("Nova",), True))
    assert (safety["digits"], safety["verified"]) == ("1", True)
    assert fields(SealingWarning(ROOM, "odd")) == {
        "type": "sealing-warning",
        "room": ROOM,
        "text": "odd",
    }


def test_sealing_needs_a_server_that_supports_it():
    session = online(ROOM)
    for line in ("/create --sealed", f"/join 7K3F92MQ0V#{SECRET}", "/safety", "/rekey"):
        assert "does not support sealed messages" in typed(session, line)[0], line


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("/create now", "The only option of /create is --sealed, got 'now'"),
        ("/join 7K3F92MQ0V#short", "got 5 characters"),
        ("/safety Nova maybe", "actions of /safety are verified and forget, got 'maybe'"),
        ("/safety", "this room is not sealed"),
        ("/rekey", "this room is not sealed"),
    ],
)
def test_mistakes_are_named(line, problem):
    assert problem in typed(sealed_session(), line)[0]


def test_keys_are_marked_and_forgotten():
    session = sealed_session()
    assert session.core.sealing is not None
    session.core.sealing.pins.check("Nova", b"k")
    assert typed(session, "/safety Nova verified")
    assert session.core.sealing.pins.is_verified("Nova")
    assert typed(session, "/safety Nova forget")
    assert session.core.sealing.pins.get("Nova") is None


def test_a_room_is_created_and_joined_with_its_secret():
    session = sealed_session()
    assert typed(session, "/create --sealed") == []
    assert typed(session, f"/join 7K3F92MQ0V#{SECRET}") == []
    assert [type(request).__name__ for request in session.core.requests.values()] == [
        "CreateSealed",
        "Join",
    ]
    other = ChatSession(session.client, f"7K3F9-2MQ0V#{SECRET}")
    assert (other.initial_room, other.invitation) == ("7K3F92MQ0V", f"7K3F9-2MQ0V#{SECRET}")
