"""Joins and leaves of a crowd in the terminal."""

from __future__ import annotations

from netchat.chat.client_events import NameChanged, RoomEvent
from netchat.tui.arrivals import Arrivals
from netchat.tui.lines import Line, event_line
from netchat.wire import Event, EventKind, RoomKind


def happen(
    arrivals: Arrivals, kind: EventKind, now: float, room: RoomKind = RoomKind.LOBBY
) -> list[str]:
    event = Event(1, 0, 0, 0, kind, "lobby", "Nova", "hi")
    shown = arrivals.take(RoomEvent(event, room, "", False, False), [event_line(event)], now)
    return [line.text for line in shown]


JOINED, LEFT = "[join] Nova joined the chat", "[leave] Nova left the chat"


def texts(lines: list[Line]) -> list[str]:
    return [line.text for line in lines]


def test_a_few_are_shown_one_by_one():
    arrivals = Arrivals()
    assert [happen(arrivals, EventKind.JOIN, 10 + n) for n in range(3)] == [[JOINED]] * 3
    assert not arrivals.is_pending


def test_a_burst_is_counted_until_another_line_comes():
    arrivals = Arrivals()
    shown = [happen(arrivals, EventKind.JOIN, 10.0) for _ in range(15)]
    shown += [happen(arrivals, EventKind.LEAVE, 10.5) for _ in range(3)]
    assert shown == [[JOINED]] * 3 + [[]] * 15
    assert happen(arrivals, EventKind.CHAT, 10.6) == [
        "[people] 12 more people joined, 3 left",
        "Nova: hi",
    ]
    assert happen(arrivals, EventKind.JOIN, 10.7) == [JOINED]  # a new burst


def test_a_burst_ends_when_no_more_follow():
    arrivals = Arrivals()
    for _ in range(4):
        happen(arrivals, EventKind.LEAVE, 10.0)
    assert arrivals.due(11.9) == []
    assert texts(arrivals.due(12.0)) == ["[people] 1 more person left"]
    assert arrivals.due(99.0) == []
    assert happen(arrivals, EventKind.JOIN, 99.0) == [JOINED]


def test_a_long_burst_has_a_line_from_time_to_time():
    arrivals = Arrivals()
    shown = [happen(arrivals, EventKind.JOIN, float(n)) for n in range(30)]
    assert [line for lines in shown for line in lines] == [
        JOINED, JOINED, JOINED, "[people] 10 more people joined", "[people] 10 more people joined",
    ]  # fmt: skip


def test_a_late_join_shows_what_is_due_first():
    arrivals = Arrivals()
    for _ in range(5):
        happen(arrivals, EventKind.JOIN, 10.0)
    assert happen(arrivals, EventKind.JOIN, 50.0) == ["[people] 2 more people joined", JOINED]


def test_private_rooms_and_events_without_lines_do_not_count():
    arrivals = Arrivals()
    assert all(happen(arrivals, EventKind.LEAVE, 1.0, RoomKind.PRIVATE) for _ in range(9))
    assert arrivals.take(NameChanged("Nova"), [], 1.0) == []
