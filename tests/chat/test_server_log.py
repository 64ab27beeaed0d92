"""The server's log: which entries are warnings, and their text."""

from __future__ import annotations

import pytest

from netchat.chat.effects import Log
from netchat.chat.server_log import LogLevel, ServerLog, log_level, log_line


@pytest.mark.parametrize(
    ("event", "fields", "warnings"),
    [
        ("joined", {"name": "Nova"}, 0),
        ("refused", {"name": "Nova", "code": "NAME_TAKEN"}, 0),
        ("dismissed", {"name": "Nova", "code": "SESSION_MOVED"}, 0),
        ("dismissed", {"name": "Nova", "code": "STALLED"}, 1),
        ("dismissed", {"name": "", "code": "BAD_FRAME"}, 1),
        ("storage", {"text": "disk full"}, 1),
        ("too fast", {"name": "Nova"}, 1),
    ],
)
def test_only_problems_count_as_warnings(event, fields, warnings):
    heard: list[Log] = []
    notes = ServerLog(heard.append)
    notes(Log(event, fields))
    assert notes.warnings == warnings
    assert heard == [Log(event, fields)]


@pytest.mark.parametrize(
    ("event", "level"),
    [
        ("storage", LogLevel.WARNING),
        ("listening", LogLevel.NOTICE),
        ("joined", LogLevel.INFO),
        ("connected", LogLevel.DEBUG),
    ],
)
def test_entries_have_the_levels_of_syslog(event, level):
    assert log_level(Log(event, {})) is level


def test_a_room_is_named_as_people_write_it():
    assert log_line(Log("room joined", {"name": "Nova", "room": "7K3F92MQ0T", "members": 2})) == (
        "Nova  7K3F9-2MQ0T  members=2"
    )
    assert log_line(Log("room joined", {"name": "Nova", "room": "lobby"})) == "Nova  lobby"


def test_a_log_without_a_limit_has_no_summaries():
    heard: list[Log] = []
    notes = ServerLog(heard.append)
    notes(Log("joined", {"name": "Nova"}))
    notes.flush(at_once=True)
    assert (notes.count, len(heard)) == (1, 1)
