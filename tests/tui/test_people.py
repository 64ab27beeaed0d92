"""A leave or rename arrives once per shared room but is shown only once."""

import pytest

from netchat.chat.client_events import RoomEvent
from netchat.tui.people import People
from netchat.wire import Event, EventKind, RoomKind

KINDS = {"lobby": RoomKind.LOBBY, "7K3F92MQ0T": RoomKind.ROOM, "@7K3F92MQ0": RoomKind.PRIVATE}
PRIVATE = "@7K3F92MQ0"


def room_event(kind: EventKind, sender: str, room: str = "lobby", text: str = "") -> RoomEvent:
    event = Event(1, 0, 0, 0, kind, room, sender, text)
    return RoomEvent(event, KINDS[room], sender if room == PRIVATE else "", False, False)


@pytest.mark.parametrize("order", [["lobby", PRIVATE], [PRIVATE, "lobby"]])
def test_a_leave_is_shown_once_in_either_order(order):
    people = People()
    people.fill("lobby", ["Nova", "Sourav"])
    shown = {room: people.update(room_event(EventKind.LEAVE, "Nova", room)) for room in order}
    assert shown == {"lobby": True, PRIVATE: False}
    assert "Nova" not in people.seen
    assert list(people.rooms["lobby"]) == ["Sourav"]


def test_a_leave_of_a_private_contact_is_shown():
    people = People()
    people.fill("7K3F92MQ0T", ["Sourav"])
    assert people.update(room_event(EventKind.CHAT, "Nova", PRIVATE))
    assert people.update(room_event(EventKind.LEAVE, "Nova", PRIVATE))


def test_a_leave_of_one_of_two_rooms_is_shown_in_that_room():
    people = People()
    people.fill("lobby", ["Nova"])
    people.fill("7K3F92MQ0T", ["Nova"])
    assert people.update(room_event(EventKind.LEAVE, "Nova", "7K3F92MQ0T"))
    assert "Nova" in people.seen
    assert people.update(room_event(EventKind.LEAVE, "Nova", "lobby"))
    assert "Nova" not in people.seen


@pytest.mark.parametrize("order", [["lobby", PRIVATE], [PRIVATE, "lobby"]])
def test_a_rename_is_shown_once(order):
    people = People()
    people.fill("lobby", ["Nova", "Sourav"])
    shown = [people.update(room_event(EventKind.RENAME, "Nova", room, "Lisa")) for room in order]
    assert shown == [True, False]
    assert set(people.rooms["lobby"]) == set(people.seen) == {"Lisa", "Sourav"}
    assert people.update(room_event(EventKind.RENAME, "Lisa", "lobby", "Nova"))


def test_joins_and_messages_add_users():
    people = People()
    assert people.update(room_event(EventKind.JOIN, "Nova"))
    assert people.update(room_event(EventKind.CHAT, "Lisa"))
    assert list(people.rooms["lobby"]) == ["Nova", "Lisa"]
    people.forget("lobby")
    assert not people.rooms
