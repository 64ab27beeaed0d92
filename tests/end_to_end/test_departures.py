"""Clients that disconnect before the server has answered: no other client may be affected.

Each of these once made the server write to a closed connection, which raises an exception; the output
that followed was then never sent to any client.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from netchat.wire import Bye, Event, Join, Leave, Message, Rename, Send
from tests.end_to_end.processes import Server
from tests.end_to_end.raw import RawClient

LAST_WORDS: dict[str, tuple[Message, ...]] = {
    "bye": (Bye(""),),
    "leave": (Leave(2, "lobby"), Rename(3, "Renamed")),
    "words": (Send(1, "lobby", "and gone"),),
    "join again": (Leave(2, "lobby"), Join(3, 0, 0, "lobby")),
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server("--history", str(tmp_path / "history.db")) as running:
        yield running
        assert running.complaints == []


@pytest.mark.parametrize("what", LAST_WORDS)
def test_gone_before_the_commit(server: Server, what: str) -> None:
    with RawClient(server.port, "Bystander") as bystander:
        bystander.join()
        for number in range(60):
            client = RawClient(server.port, "Hasty", device=b"H" * 16)
            client.join()
            client.say(*LAST_WORDS[what])
            if number % 3 == 1:
                time.sleep(0.0005)
            client.reset() if number % 3 else client.socket.close()
            bystander.say(Send(number + 1, "lobby", f"{number}"))
        last = 0
        while True:
            event = bystander.expect(Event)
            assert last in (0, event.seq - 1), "an event was not sent"
            last = event.seq
            if event.text == "59":
                break


def test_gone_before_it_was_accepted(server: Server) -> None:
    for _ in range(200):
        RawClient(server.port).reset()
    with RawClient(server.port, "Bystander") as bystander:
        bystander.join()
