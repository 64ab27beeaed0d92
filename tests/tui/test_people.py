"""A leave or rename arrives once per shared room but is shown only once."""

import pytest

from netchat.chat.client_events import RoomEvent
from netchat.tui.people import People
from netchat.wire import Event, EventKind, RoomKind

KINDS = {"lobby": RoomKind.LOBBY, "7K3F92MQ0T": RoomKind.ROOM, "@7K3F92MQ0": RoomKind.PRIVATE}
PRIVATE = "@7K3F92MQ0"


def happened(kind: EventKind, sender: str, room: str = "lobby", text: str = "") -> RoomEvent:
    event = Event(1, 0, 0, 0, kind, room, sender, text)
    return RoomEvent(event, KINDS[room], sender if room == PRIVATE else "", False, False)


@pytest.mark.parametrize("order", [["lobby", PRIVATE], [PRIVATE, "lobby"]])
def test_a_leave_is_shown_once_in_either_order(order):
    crowd = People()
    crowd.fill("lobby", ["Nova", "Sourav"])
    told = {room: crowd.is_new(happened(EventKind.LEAVE, "Nova", room)) for room in order}
    assert told == {"lobby": True, PRIVATE: False}
    assert "Nova" not in crowd.seen
    assert list(crowd.rooms["lobby"]) == ["Sourav"]


def test_a_leave_of_a_private_contact_is_shown():
    crowd = People()
    crowd.fill("7K3F92MQ0T", ["Sourav"])
    assert crowd.is_new(happened(EventKind.CHAT, "Nova", PRIVATE))
    assert crowd.is_new(happened(EventKind.LEAVE, "Nova", PRIVATE))


def test_a_leave_of_one_of_two_rooms_is_shown_in_that_room():
    crowd = People()
    crowd.fill("lobby", ["Nova"])
    crowd.fill("7K3F92MQ0T", ["Nova"])
    assert crowd.is_new(happened(EventKind.LEAVE, "Nova", "7K3F92MQ0T"))
    assert "Nova" in crowd.seen
    assert crowd.is_new(happened(EventKind.LEAVE, "Nova", "lobby"))
    assert "Nova" not in crowd.seen


@pytest.mark.parametrize("order", [["lobby", PRIVATE], [PRIVATE, "lobby"]])
def test_a_rename_is_shown_once(order):
    crowd = People()
    crowd.fill("lobby", ["Nova", "Sourav"])
    told = [crowd.is_new(happened(EventKind.RENAME, "Nova", room, "Lisa")) for room in order]
    assert told == [True, False]
    assert set(crowd.rooms["lobby"]) == set(crowd.seen) == {"Lisa", "Sourav"}
    assert crowd.is_new(happened(EventKind.RENAME, "Lisa", "lobby", "Nova"))


def test_joins_and_messages_add_users():
    crowd = People()
    assert crowd.is_new(happened(EventKind.JOIN, "Nova"))
    assert crowd.is_new(happened(EventKind.CHAT, "Lisa"))
    assert list(crowd.rooms["lobby"]) == ["Nova", "Lisa"]
    crowd.forget("lobby")
    assert not crowd.rooms
