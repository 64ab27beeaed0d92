"""kill -9 of the server under traffic: no acknowledged message is lost or duplicated."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from netchat.net.client_driver import ClientDriver
from netchat.net.event_loop import run
from netchat.wire import Event, EventKind
from tests.end_to_end.crash import crash
from tests.end_to_end.crowd import Crowd, Member


@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.thorough)])
@pytest.mark.timeout(170)
def test_nothing_acknowledged_is_lost_by_kills(tmp_path: Path, kills: int) -> None:
    messages = 1000 * kills
    result = run(crash(tmp_path, kills=kills, clients=50, messages=messages))

    assert result.faults == []
    assert result.kills >= kills
    assert result.acknowledged >= messages
    assert result.deliveries > 20 * result.acknowledged
    assert max(result.all_back) < 15


def _said(seq: int, text: str) -> Event:
    return Event(seq, 0, 1, seq, EventKind.CHAT, "lobby", "member00", text)


def test_the_check_finds_what_it_looks_for() -> None:
    member = Member(ClientDriver("127.0.0.1", 1, "member00"))
    crowd = Crowd([member], random.Random(1))
    member.said = {1: ("lobby", "one"), 2: ("lobby", "two")}
    log = [_said(1, "one"), _said(2, "two")]
    member.logs["lobby"] = log

    assert crowd.faults({"lobby": list(log)}) == []
    assert any("0 times" in f for f in crowd.faults({"lobby": log[:1]}))
    assert any("2 times" in f for f in crowd.faults({"lobby": [*log, _said(3, "two")]}))
    assert any("hole" in f for f in crowd.faults({"lobby": log[1:]}))
    assert any("first difference" in f for f in crowd.faults({"lobby": log[::-1]}))
    assert any("no member sent it" in f for f in crowd.faults({"lobby": [*log, _said(3, "three")]}))
