"""Times beside the lines of a terminal."""

from __future__ import annotations

import time

import pytest

from netchat.tui.lines import Line, LineKind, notice_line, past_line, render
from netchat.tui.time_column import TimeColumn
from tests.tui.test_message_actions import event

#: 14 November 2023, 22:13:20.
NOW = 1_700_000_000.0


@pytest.fixture(autouse=True)
def utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def shown(column, line, now):
    return [render(each, colour=False, one_line=False) for each in column.place(line, now)]


def test_the_time_is_shown_once_per_minute():
    column = TimeColumn(NOW)
    line = notice_line("x", "y")
    assert shown(column, line, NOW) == ["22:13 [x] y"]
    assert shown(column, line, NOW + 20) == ["      [x] y"]
    assert shown(column, line, NOW + 60) == ["22:14 [x] y"]


def test_a_new_day_has_a_line_of_its_own():
    column = TimeColumn(NOW)
    line = notice_line("x", "y")
    shown(column, line, NOW)
    assert shown(column, line, NOW + 86_400) == [
        "      ── Wednesday, 15 November 2023 ──",
        "22:13 [x] y",
    ]
    assert shown(column, line, NOW + 86_400) == ["      [x] y"]


def test_past_events_keep_their_time():
    column = TimeColumn(NOW + 18 * 86_400)
    past = past_line(event(1, "hi"))
    assert shown(column, past, NOW + 18 * 86_400) == [
        "      ── Tuesday, 14 November 2023 ──",
        "22:13 #1 Nova: hi",
    ]
    assert shown(column, Line(LineKind.NOTICE, (("", "now"),)), NOW + 18 * 86_400) == [
        "      ── Saturday, 2 December 2023 ──",
        "22:13 now",
    ]
