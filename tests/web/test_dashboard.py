"""The dashboard: who may look on, and that what it tells is true."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from netchat.chat.model.connection import Log
from netchat.wire import Event, Join, Send
from tests.net.serving import raw, talker
from tests.web.serving import TOKEN, browser, serve_page


class Viewer:
    """Who looks on."""

    def __init__(self, socket) -> None:
        self.socket = socket
        self.samples: list[dict] = []
        self.log: list[dict] = []
        self.last: dict = {}

    async def read(self) -> dict:
        """The next update."""
        self.last = json.loads(await self.socket.recv())
        self.samples += self.last.get("samples", [])
        self.log += self.last.get("log", [])
        return self.last

    async def until(self, condition) -> None:
        async with asyncio.timeout(20):
            while not condition():
                await self.read()


@contextlib.asynccontextmanager
async def viewer(port: int, first: object = None, **headers: str):
    """A viewer that has sent its first message."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with connect(
        f"ws://127.0.0.1:{port}/server/feed",
        additional_headers=named,
        origin=f"http://127.0.0.1:{port}",
    ) as link:
        await link.send(first if isinstance(first, (str, bytes)) else json.dumps(first))
        yield Viewer(link)


@pytest.fixture
def often(monkeypatch):
    """A second is short."""
    monkeypatch.setattr("netchat.web.dashboard.EVERY", 0.02)
    monkeypatch.setattr("netchat.web.dashboard.PENALTY", 0.0)


class TestDoor:
    async def test_this_machine_needs_no_token(self):
        async with serve_page() as (_, port), viewer(port, {"token": ""}) as looking:
            assert (await looking.read())["samples"]

    @pytest.mark.parametrize("header", ["X_Forwarded_For", "Forwarded", "Via", "X_Real_IP"])
    async def test_a_proxy_on_this_machine_is_not_this_machine(self, often, header):
        async with (
            serve_page() as (_, port),
            viewer(port, {"token": ""}, **{header: "x"}) as looking,
        ):
            assert await looking.read() == {"refused": "token"}

    async def test_behind_a_proxy_nobody_is_on_this_machine(self, often):
        """One that passes on neither the name it was asked for nor who asked, as nginx by itself."""
        site = {"origins": ["https://chat.example.org"]}
        async with serve_page(site=site) as (_, port), viewer(port, {"token": ""}) as looking:
            assert await looking.read() == {"refused": "token"}

    async def test_who_has_the_token_may_look_from_anywhere(self, often):
        elsewhere = {"X_Forwarded_For": "203.0.113.7"}
        async with (
            serve_page() as (_, port),
            viewer(port, {"token": TOKEN}, **elsewhere) as looking,
        ):
            assert (await looking.read())["samples"]

    @pytest.mark.parametrize(
        "first",
        [
            {"token": "wrong"}, {"token": ""}, {"token": None}, {"token": [TOKEN]}, {}, [], 7, "null",
            "no JSON",
            "[" * 4000, b"bytes", {"token": "\ud800"}, {"token": TOKEN + "x"}, {"token": "x" * 3000},
        ],
    )  # fmt: skip
    async def test_others_are_refused(self, often, first):
        async with (
            serve_page() as (_, port),
            viewer(port, first, Forwarded="for=203.0.113.7") as looking,
        ):
            assert await looking.read() == {"refused": "token"}
            with pytest.raises(ConnectionClosed) as closed:
                await looking.read()
            assert closed.value.rcvd.code == 1008

    async def test_a_name_of_this_machine_in_host_is_asked_for(self, often):
        async with serve_page() as (_, port):
            link = socket.create_connection(("127.0.0.1", port))
            async with connect(
                f"ws://192.168.1.5:{port}/server/feed",
                sock=link,
                origin=f"http://192.168.1.5:{port}",
            ) as feed:
                await feed.send('{"token": ""}')
                assert json.loads(await feed.recv()) == {"refused": "token"}

    async def test_pages_of_others_are_refused(self):
        async with serve_page() as (_, port):
            with pytest.raises(InvalidStatus) as refused:
                async with connect(
                    f"ws://127.0.0.1:{port}/server/feed", origin="https://evil.example"
                ):
                    pass
            assert refused.value.response.status_code == 403

    async def test_who_says_nothing_is_not_waited_for(self, often, monkeypatch):
        monkeypatch.setattr("netchat.web.dashboard.TIMEOUT", 0.05)
        async with (
            serve_page() as (_, port),
            connect(f"ws://127.0.0.1:{port}/server/feed", additional_headers={"Via": "x"}) as feed,
        ):
            assert json.loads(await feed.recv()) == {"refused": "token"}

    async def test_not_too_many_look_on(self, often, monkeypatch):
        monkeypatch.setattr("netchat.web.dashboard.MAX_VIEWERS", 1)
        async with serve_page() as (_, port), viewer(port, {"token": ""}) as first:
            await first.read()
            async with viewer(port, {"token": ""}) as second:
                assert await second.read() == {"refused": "busy"}


class TestFeed:
    async def test_tells_what_happens(self, often):
        async with (
            serve_page() as (serving, port),
            viewer(port, {"token": ""}) as looking,
            browser(port, "Nova") as page,
            talker(serving.port, "Maya", "lobby") as client,
        ):
            for counter in range(1, 6):
                await page.say(counter, "hi")
            client.say("hello")
            await client.until(lambda: "hello" in client.texts())
            await looking.until(lambda: looking.samples and looking.samples[-1]["messages"] == 6)
            now = looking.samples[-1]
            assert (now["users"], now["connections"], now["rooms"]) == (2, 2, 1)
            assert now["in"] > 0
            assert now["out"] > now["in"]
            assert now["memory"] > 1_000_000
            (lobby,) = looking.last["rooms"]
            assert (lobby["code"], lobby["members"]) == ("lobby", 2)
            assert {"Nova", "Maya"} <= {
                e["text"].split()[0] for e in looking.log if e["event"] == "joined"
            }

    async def test_every_note_comes_once(self, often):
        async with serve_page() as (serving, port), browser(port, "Nova"):
            async with viewer(port, {"token": ""}) as early:
                await early.read()
                for n in range(10):
                    async with raw(serving.port, f"user{n}"):
                        await early.read()
                await early.until(lambda: len(early.log) >= len(serving.notes))
                assert [entry["event"] for entry in early.log] == [n.event for n in serving.notes]
            async with viewer(port, {"token": ""}) as late:
                await late.until(lambda: len(late.log) >= len(serving.notes))
                assert [entry["event"] for entry in late.log] == [n.event for n in serving.notes]

    async def test_slow_readers_and_troubles(self, often):
        async with (
            serve_page(rate=0) as (serving, port),
            viewer(port, {"token": ""}) as looking,
            browser(port, "Nova") as page,
            raw(serving.port, "PauseReading", limit=1024) as slow,
        ):
            slow.writer.transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_RCVBUF, 4096
            )
            slow.send(Join(1, 0, 0, "lobby"))
            async with raw(serving.port) as rude:
                rude.send(b"GET / HTTP/1.1\r\n\r\n")
                await rude.end()
            counter = 0
            while not serving.server.hub.stalls:
                counter += 1
                await page.send(Send(counter, "lobby", "x" * 16000))
                await page.next(Event)
            await looking.until(lambda: looking.last.get("slow"))
            assert looking.last["slow"][0]["name"] == "PauseReading"
            assert looking.samples[-1]["slow"] == 1
            assert looking.samples[-1]["troubles"] == 1

    async def test_hostile_text_is_one_harmless_line(self, often):
        async with (
            serve_page() as (serving, port),
            viewer(port, {"token": ""}) as looking,
            raw(serving.port, "<img src=x>\x1b[2J\nforged\u202e"),
        ):
            await looking.until(lambda: any(e["event"] == "refused" for e in looking.log))
            (line,) = [e["text"] for e in looking.log if e["event"] == "refused"]
            assert not {"\n", "\x1b", "\u202e"} & set(line)

    async def test_who_takes_nothing_in_is_let_go(self, often, monkeypatch):
        monkeypatch.setattr("netchat.web.dashboard.MAX_WAITING", 2)
        async with serve_page() as (serving, port), viewer(port, {"token": ""}) as looking:
            await looking.read()
            looking.socket.transport.pause_reading()
            for _ in range(15):  # each update is larger than what the connection holds unread
                for _ in range(200):
                    serving.log(Log("noise", {"text": "x" * 20_000}))
                await asyncio.sleep(0.03)
            looking.socket.transport.resume_reading()
            await looking.socket.wait_closed()
            assert looking.socket.close_code == 1006  # not a word

    async def test_the_viewers_of_a_server_that_stops_are_told(self, often):
        async with contextlib.AsyncExitStack() as stack:
            async with serve_page() as (_, port):
                looking = await stack.enter_async_context(viewer(port, {"token": ""}))
                await looking.read()
            await looking.socket.wait_closed()
            assert looking.socket.close_code == 1001


async def test_the_feed_survives_a_lack_of_file_descriptors(often, monkeypatch):
    async with serve_page() as (_, port), viewer(port, {"token": ""}) as looking:
        await looking.read()

        def exhausted(process):
            raise OSError(24, "Too many open files")

        with monkeypatch.context() as lack:
            lack.setattr("psutil.Process.memory_info", exhausted)
            lack.setattr("psutil.Process.cpu_percent", exhausted)
            lacking = len(looking.samples)
            await looking.until(lambda: len(looking.samples) >= lacking + 3)
            assert looking.samples[-1]["memory"] > 0
        await looking.until(lambda: len(looking.samples) >= lacking + 6)
