from netchat.chat.settings import Settings
from netchat.wire import (
    MAX_FRAME,
    MAX_NAME,
    MAX_ROSTER,
    MAX_TEXT,
    Event,
    EventKind,
    Member,
    Membership,
    Roster,
    Welcome,
    encode,
    limits,
)

TOP = 2**64 - 1
LONGEST_NAME = "\U00010000" * MAX_NAME
CODE = "@7K3F92MQ0T"


def test_limits_are_exported():
    assert limits.__all__ == sorted(limits.__all__)


def test_fullest_roster_fits_into_a_frame():
    member = Member(LONGEST_NAME, 1)
    assert len(encode(Roster(1, 1000, 1, CODE, (member,) * MAX_ROSTER))) <= MAX_FRAME


def test_longest_event_fits_into_a_frame():
    text = "x" * MAX_TEXT
    event = Event(TOP, TOP, TOP, TOP, EventKind.CHAT, CODE, LONGEST_NAME, text)
    assert len(encode(event)) <= MAX_FRAME


def test_fullest_welcome_of_a_server_with_default_settings_fits_into_a_frame():
    room = Membership(CODE, 3, LONGEST_NAME, TOP, TOP, TOP)
    rooms = (room,) * Settings().max_rooms
    welcome = Welcome(0, TOP, TOP, TOP, 1, 1, 1, 1, bytes(32), LONGEST_NAME, "x" * 100, rooms)
    assert len(encode(welcome)) <= MAX_FRAME
