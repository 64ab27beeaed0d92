"""The tap on a client's frames, fed in pieces and by a real client."""

from __future__ import annotations

from netchat.chat.client_events import Online
from netchat.net.frame_tap import FrameTap
from netchat.net.history.sqlite_history import SqliteHistory
from netchat.wire import MESSAGES, Ping, Send, encode
from tests.net.serving import serve, talker

ONE, TWO = encode(Send(1, "lobby", "hello")), encode(Ping(7))


def record():
    seen: list[tuple[bytes, bool]] = []
    return seen, FrameTap(lambda raw, is_sent: seen.append((raw, is_sent)))


def test_frames_arrive_whole_whatever_the_pieces():
    for size in (1, 5, 16, 17, 1000):
        seen, tap = record()
        stream = ONE + TWO + ONE
        for at in range(0, len(stream), size):
            tap.sent(stream[at : at + size])
        tap.received(TWO)
        assert seen == [(ONE, True), (TWO, True), (ONE, True), (TWO, False)]


def test_invalid_bytes_end_one_direction_until_the_next_connection():
    seen, tap = record()
    tap.received(ONE + b"HTTP/1.1 400 Bad Request" + ONE)
    tap.received(ONE)
    tap.sent(TWO)
    assert seen == [(ONE, False), (TWO, True)]
    tap.connected()
    tap.received(ONE[:20])
    tap.connected()  # the rest of the frame is lost with its connection
    tap.received(TWO)
    assert seen[2:] == [(TWO, False)]


async def test_a_client_shows_its_frames_across_connections(tmp_path):
    async with (
        serve(SqliteHistory(tmp_path / "history.db", fsync=False)) as server,
        talker(server.port, "Nova", "lobby") as nova,
    ):
        seen, nova.client.tap = record()
        nova.say("hello")
        await nova.until(lambda: nova.texts() == ["hello"])
        names = [(MESSAGES[raw[3]].NAME, is_sent) for raw, is_sent in seen]
        assert names == [("SEND", True), ("EVENT", False)]
        assert seen[0][0] == encode(Send(1, "lobby", "hello"))
        nova.client.drop()
        await nova.until(lambda: len(nova.all(Online)) == 2)
        names = [(MESSAGES[raw[3]].NAME, is_sent) for raw, is_sent in seen]
        assert names[2] == ("HELLO", True)
