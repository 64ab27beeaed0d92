"""A noisy line between one page and the server: with a link, without one, and what it refuses."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame as Piece
from websockets.frames import Opcode

from netchat.web.noisy_line import read_line
from netchat.wire import Event
from tests.net.serving import TIMEOUT
from tests.web.serving import browser, plain, serve_page

TEXT = "a message of some length, so that the channel meets it " * 4


async def event_of(page, counter):
    """Wait for the event of a message by this counter of the page's own."""
    while True:
        event = await page.next(Event)
        if event.counter == counter:
            return event


@pytest.mark.parametrize("channel", ["bsc:2e-3", "gilbert-elliott:1e-3,0.1,0,0.2"])
def test_a_link_delivers_everything_over_a_noisy_line(channel):
    """Both directions arrive, in order, and the reports count what the link has repaired."""

    async def run():
        async with (
            serve_page() as (_, port),
            browser(port, "Nova", f"?channel={channel}&link=rs:255,223") as noisy,
            browser(port, "Maya") as clean,
        ):
            for counter in range(1, 31):
                await noisy.say(counter, f"{counter} {TEXT}", "lobby")
                await clean.say(counter, f"{counter} back {TEXT}", "lobby")
            texts = [event.text for event in noisy.got if isinstance(event, Event)]
            for counter in range(1, 31):
                assert f"{counter} {TEXT}" in texts
                assert f"{counter} back {TEXT}" in texts or counter == 30
            await asyncio.sleep(0.6)
            await clean.say(31, "one more")
            while not any("one more" in e.text for e in noisy.got if isinstance(e, Event)):
                await noisy.read()
            return noisy.told, clean.told

    told, other = asyncio.run(asyncio.wait_for(run(), TIMEOUT * 2))
    lines = [each["line"] for each in told]
    last = lines[-1]
    assert (last["channel"], last["link"]) == (channel, "rs:255,223")
    for direction in ("up", "down"):
        figures = last[direction]
        assert figures["flipped"] > 0
        assert figures["code"] == "rs:255,223"
        assert figures["repaired"] > 0
        assert figures["delivered"] > 30 * len(TEXT)
    blocks = [block for line in lines for block in line["blocks"]]
    assert {block["direction"] for block in blocks} == {"up", "down"}
    assert sum(block["corrected"] for block in blocks) > 0
    assert all(block["coded"] > block["size"] > 0 for block in blocks)
    assert not other  # no other user hears of it


def test_without_a_link_damage_ends_the_connection():
    """The page is told why, and how many bits were flipped; it then reconnects."""

    async def talk(page):
        await page.enter("Nova")
        for counter in range(1, 200):
            await page.say(counter, TEXT)

    async def run():
        async with serve_page() as (_, port), browser(port, "", "?channel=bsc:5e-3") as page:
            with pytest.raises(ConnectionClosed):
                await talk(page)
            return page.told

    told = asyncio.run(asyncio.wait_for(run(), TIMEOUT))
    assert "lost" in told[-1]["line"], told
    assert "bits flipped" in told[-1]["line"]["lost"]


def test_a_quiet_line_is_a_connection_like_any_other():
    async def run():
        async with serve_page() as (serving, port):
            async with browser(port, "Nova", "?channel=bsc:0") as page:
                event = await page.say(1, "hello")
                users = len(serving.server.state.connections)
            await asyncio.sleep(0.2)
            return event, users, len(serving.server.state.connections)

    event, during, after = asyncio.run(asyncio.wait_for(run(), TIMEOUT))
    assert event.text == "hello"
    assert during == 1
    assert after == 0  # closing the page closes the connection within the server


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("?channel=bsc:0.3", "at most 10% of the bits"),
        ("?channel=awgn:3dB", "must be bsc:P or gilbert-elliott"),
        ("?channel=my_channel.py:Mine", "must be bsc:P or gilbert-elliott"),
        ("?channel=bsc:nan", "bsc"),
        ("?channel=" + "bsc:0.1" * 40, "at most 64 characters"),
        ("?channel=bsc:0.01&link=my_code.py:Mine", ""),
        ("?channel=bsc:0.01&link=" + "x" * 65, "at most 64 characters"),
        ("?channel=bsc:0.01&link=turbo:99999999", ""),
        ("?channel=%00%0a", "must be bsc:P"),
    ],
)
def test_a_refused_line_is_an_ordinary_connection(query, says):
    """The page learns why, and can chat."""

    async def run():
        async with serve_page() as (_, port), browser(port, "Nova", query) as page:
            await page.say(1, "hello")
            return page.told

    told = asyncio.run(asyncio.wait_for(run(), TIMEOUT))
    assert says in told[0]["line"]["refused"]


def test_lines_are_limited(monkeypatch):
    monkeypatch.setattr("netchat.web.noisy_lines.MOST_LINES", 1)

    async def run():
        async with (
            serve_page() as (_, port),
            browser(port, "Nova", "?channel=bsc:0"),
            browser(port, "Maya", "?channel=bsc:0") as second,
        ):
            await second.say(1, "hello")
            return second.told

    assert (
        "1 noisy lines are open"
        in asyncio.run(asyncio.wait_for(run(), TIMEOUT))[0]["line"]["refused"]
    )


def test_read_line_keeps_the_spec_and_the_policy():
    found = read_line({"channel": "bsc:1e-3", "link": " adaptive "})
    assert (found.channel, found.link) == ("bsc:1e-3", "adaptive")
    assert read_line({"channel": "bsc:1e-3"}).link is None


def test_a_line_that_has_ended_does_not_keep_its_connection(monkeypatch):
    """A client that does not answer CLOSE is disconnected."""
    monkeypatch.setattr("netchat.web.noisy_line.LINGER", 0.2)

    async def run():
        async with serve_page() as (_, port), plain(port) as (reader, writer):
            writer.write(
                f"GET /ws?channel=bsc:0 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
                "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                "Sec-WebSocket-Version: 13\r\n\r\n".encode()
            )
            await reader.readuntil(b"\r\n\r\n")
            writer.write(Piece(Opcode.BINARY, b"garbage").serialize(mask=True))
            with contextlib.suppress(ConnectionResetError):
                while await reader.read(65536):
                    pass

    asyncio.run(asyncio.wait_for(run(), TIMEOUT))


def test_many_pages_at_once_get_no_more_lines_than_there_are(monkeypatch):
    monkeypatch.setattr("netchat.web.noisy_lines.MOST_LINES", 3)

    async def run():
        async with serve_page() as (_, port), contextlib.AsyncExitStack() as stack:
            pages = await asyncio.gather(
                *(stack.enter_async_context(browser(port, "", "?channel=bsc:0")) for _ in range(8))
            )
            for number, page in enumerate(pages):
                await page.enter(f"Nova{number}")
            return [page.told[0]["line"] for page in pages]

    told = asyncio.run(asyncio.wait_for(run(), TIMEOUT))
    assert sum("refused" in line for line in told) == 5
