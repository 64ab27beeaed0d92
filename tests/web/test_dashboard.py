"""Tests of the dashboard's feed: access, and the figures it reports."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import tempfile
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from netchat.chat.effects import Log
from netchat.web.site import Site
from netchat.wire import Event, Join, Send
from tests.net.cluster.redis_process import RedisProcess, needs_redis
from tests.net.cluster.servers import join
from tests.net.serving import raw, talker
from tests.web.serving import TOKEN, browser, serve_page


class Viewer:
    """Viewer of the dashboard."""

    def __init__(self, socket) -> None:
        self.socket = socket
        self.samples: list[dict] = []
        self.log: list[dict] = []
        self.last: dict = {}

    async def read(self) -> dict:
        """Read the next update."""
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
    """Connect a viewer and send its first message."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with connect(
        f"ws://127.0.0.1:{port}/server/feed",
        additional_headers=named,
        origin=f"http://127.0.0.1:{port}",
    ) as link:
        await link.send(first if isinstance(first, (str, bytes)) else json.dumps(first))
        yield Viewer(link)


@pytest.fixture
def fast_feed(monkeypatch):
    """Shorten the intervals of the feed."""
    monkeypatch.setattr("netchat.web.dashboard.EVERY", 0.02)
    monkeypatch.setattr("netchat.web.dashboard.PENALTY", 0.0)


class TestAccess:
    async def test_this_machine_needs_no_token(self):
        async with serve_page() as (_, port), viewer(port, {"token": ""}) as watcher:
            assert (await watcher.read())["samples"]

    @pytest.mark.parametrize("header", ["X_Forwarded_For", "Forwarded", "Via", "X_Real_IP"])
    async def test_requests_through_a_local_proxy_need_the_token(self, fast_feed, header):
        async with (
            serve_page() as (_, port),
            viewer(port, {"token": ""}, **{header: "x"}) as watcher,
        ):
            assert await watcher.read() == {"refused": "token"}

    async def test_with_an_origin_option_even_local_requests_need_the_token(self, fast_feed):
        """Like nginx by default, the proxy forwards neither the Host nor the client's address."""
        site = {"origins": ["https://chat.example.org"]}
        async with serve_page(site=site) as (_, port), viewer(port, {"token": ""}) as watcher:
            assert await watcher.read() == {"refused": "token"}

    async def test_the_token_admits_viewers_from_anywhere(self, fast_feed):
        elsewhere = {"X_Forwarded_For": "203.0.113.7"}
        async with (
            serve_page() as (_, port),
            viewer(port, {"token": TOKEN}, **elsewhere) as watcher,
        ):
            assert (await watcher.read())["samples"]

    @pytest.mark.parametrize(
        "first",
        [
            {"token": "wrong"}, {"token": ""}, {"token": None}, {"token": [TOKEN]}, {}, [], 7, "null",
            "not JSON",
            "[" * 4000, b"bytes", {"token": "\ud800"}, {"token": TOKEN + "x"}, {"token": "x" * 3000},
        ],
    )  # fmt: skip
    async def test_viewers_without_the_token_are_refused(self, fast_feed, first):
        async with (
            serve_page() as (_, port),
            viewer(port, first, Forwarded="for=203.0.113.7") as watcher,
        ):
            assert await watcher.read() == {"refused": "token"}
            with pytest.raises(ConnectionClosed) as closed:
                await watcher.read()
            assert closed.value.rcvd.code == 1008

    async def test_a_foreign_name_in_host_needs_the_token(self, fast_feed):
        async with serve_page() as (_, port):
            link = socket.create_connection(("127.0.0.1", port))
            async with connect(
                f"ws://192.168.1.5:{port}/server/feed",
                sock=link,
                origin=f"http://192.168.1.5:{port}",
            ) as feed:
                await feed.send('{"token": ""}')
                assert json.loads(await feed.recv()) == {"refused": "token"}

    async def test_pages_of_other_origins_are_refused(self):
        async with serve_page() as (_, port):
            with pytest.raises(InvalidStatus) as refused:
                async with connect(
                    f"ws://127.0.0.1:{port}/server/feed", origin="https://evil.example"
                ):
                    pass
            assert refused.value.response.status_code == 403

    async def test_silent_viewers_time_out(self, fast_feed, monkeypatch):
        monkeypatch.setattr("netchat.web.dashboard.TIMEOUT", 0.05)
        async with (
            serve_page() as (_, port),
            connect(f"ws://127.0.0.1:{port}/server/feed", additional_headers={"Via": "x"}) as feed,
        ):
            assert json.loads(await feed.recv()) == {"refused": "token"}

    async def test_the_number_of_viewers_is_limited(self, fast_feed, monkeypatch):
        monkeypatch.setattr("netchat.web.dashboard.MAX_VIEWERS", 1)
        async with serve_page() as (_, port), viewer(port, {"token": ""}) as first:
            await first.read()
            async with viewer(port, {"token": ""}) as second:
                assert await second.read() == {"refused": "busy"}


class TestFeed:
    async def test_figures_match_the_chat(self, fast_feed):
        async with (
            serve_page() as (serving, port),
            viewer(port, {"token": ""}) as watcher,
            browser(port, "Nova") as page,
            talker(serving.port, "Maya", "lobby") as client,
        ):
            for counter in range(1, 6):
                await page.say(counter, "hi")
            client.say("hello")
            await client.until(lambda: "hello" in client.texts())
            await watcher.until(lambda: watcher.samples and watcher.samples[-1]["messages"] == 6)
            now = watcher.samples[-1]
            assert (now["users"], now["connections"], now["rooms"]) == (2, 2, 1)
            assert now["in"] > 0
            assert now["out"] > now["in"]
            assert now["memory"] > 1_000_000
            (lobby,) = watcher.last["rooms"]
            assert (lobby["code"], lobby["members"]) == ("lobby", 2)
            assert {"Nova", "Maya"} <= {
                e["text"].split()[0] for e in watcher.log if e["event"] == "joined"
            }

    async def test_every_log_entry_arrives_once(self, fast_feed):
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

    async def test_slow_readers_and_warnings(self, fast_feed):
        async with (
            serve_page(rate=0) as (serving, port),
            viewer(port, {"token": ""}) as watcher,
            browser(port, "Nova") as page,
            raw(serving.port, "Slow", limit=1024) as slow,
        ):
            slow.writer.transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_RCVBUF, 4096
            )
            slow.send(Join(1, 0, 0, "lobby"))
            async with raw(serving.port) as rude:
                rude.send(b"GET / HTTP/1.1\r\n\r\n")
                await rude.end()
            counter = 0
            while not serving.server.hub.state.stalled_connections:
                counter += 1
                await page.send(Send(counter, "lobby", "x" * 16000))
                await page.next(Event)
            await watcher.until(lambda: watcher.last.get("slow"))
            assert watcher.last["slow"][0]["name"] == "Slow"
            assert watcher.samples[-1]["slow"] == 1
            assert watcher.samples[-1]["troubles"] == 1

    async def test_hostile_text_is_escaped_on_one_line(self, fast_feed):
        async with (
            serve_page() as (serving, port),
            viewer(port, {"token": ""}) as watcher,
            raw(serving.port, "<img src=x>\x1b[2J\nforged\u202e"),
        ):
            await watcher.until(lambda: any(e["event"] == "refused" for e in watcher.log))
            (line,) = [e["text"] for e in watcher.log if e["event"] == "refused"]
            assert not {"\n", "\x1b", "\u202e"} & set(line)

    async def test_viewers_that_read_nothing_are_disconnected(self, fast_feed, monkeypatch):
        monkeypatch.setattr("netchat.web.dashboard.MAX_WAITING", 2)
        async with serve_page() as (serving, port), viewer(port, {"token": ""}) as watcher:
            await watcher.read()
            watcher.socket.transport.pause_reading()
            for _ in range(15):  # each update exceeds the connection's buffers
                for _ in range(200):
                    serving.log(Log("noise", {"text": "x" * 20_000}))
                await asyncio.sleep(0.03)
            watcher.socket.transport.resume_reading()
            await watcher.socket.wait_closed()
            assert watcher.socket.close_code == 1006  # aborted without CLOSE

    async def test_a_stopping_server_sends_close_to_viewers(self, fast_feed):
        async with contextlib.AsyncExitStack() as stack:
            async with serve_page() as (_, port):
                watcher = await stack.enter_async_context(viewer(port, {"token": ""}))
                await watcher.read()
            await watcher.socket.wait_closed()
            assert watcher.socket.close_code == 1001


async def test_the_feed_survives_running_out_of_file_descriptors(fast_feed, monkeypatch):
    async with serve_page() as (_, port), viewer(port, {"token": ""}) as watcher:
        await watcher.read()

        def fail(process):
            raise OSError(24, "Too many open files")

        with monkeypatch.context() as patch:
            patch.setattr("psutil.Process.memory_info", fail)
            patch.setattr("psutil.Process.cpu_percent", fail)
            count = len(watcher.samples)
            await watcher.until(lambda: len(watcher.samples) >= count + 3)
            assert watcher.samples[-1]["memory"] > 0
        await watcher.until(lambda: len(watcher.samples) >= count + 6)


@needs_redis
async def test_the_feed_lists_the_users_of_all_servers(fast_feed, tmp_path):
    with tempfile.TemporaryDirectory(prefix="netchat-") as folder:
        redis = RedisProcess(Path(folder))  # a short path, because it has a socket
        redis.start()
        async with (
            join(redis.url, tmp_path / "a.db") as east,
            join(redis.url, tmp_path / "b.db") as west,
            raw(east.port, "Nova"),
            raw(west.port, "Vega"),
        ):
            site = Site(east.server, east.log, token=TOKEN)
            ((_, port),) = await site.start("127.0.0.1", 0)
            try:
                async with viewer(port, {"token": ""}) as watcher:
                    await watcher.until(lambda: len(watcher.last.get("people", ())) == 2)
            finally:
                await site.stop()
            addresses = [f"127.0.0.1:{east.port}", f"127.0.0.1:{west.port}"]
            assert watcher.last["people"] == [
                {"name": "Nova", "server": addresses[0]},
                {"name": "Vega", "server": addresses[1]},
            ]
            assert watcher.last["servers"] == [
                {"address": addresses[0], "users": 1, "own": True},
                {"address": addresses[1], "users": 1, "own": False},
            ]
        redis.stop()


class TestOperator:
    """Actions of the operator, requested over the feed."""

    async def ask(self, watcher: Viewer, **request: object) -> dict:
        await watcher.socket.send(json.dumps({"id": 7, **request}))
        answers: list[dict] = []
        while not answers:
            update = json.loads(await watcher.socket.recv())
            if "answer" in update:
                answers.append(update)
            else:
                watcher.last = update
        return answers[0]

    async def test_a_user_is_removed_and_the_action_is_listed(self, fast_feed):
        async with (
            serve_page() as (serving, port),
            viewer(port, {"token": ""}) as watcher,
            raw(serving.port, "Nova"),
        ):
            await watcher.until(lambda: watcher.last.get("users"))
            (user,) = watcher.last["users"]
            assert (user["name"], user["role"]) == ("Nova", 0)
            done = await self.ask(watcher, do="kick", room="lobby", target="Nova", text="spam")
            assert done == {"answer": 7, "problem": ""}
            await watcher.until(lambda: watcher.last.get("audit"))
            assert [row["text"] for row in watcher.last["audit"]] == [
                "Nova was removed by the host: spam (in the lobby)"
            ]
            assert watcher.last["users"] == []

    async def test_bans_and_logs_are_returned(self, fast_feed):
        async with serve_page() as (_, port), viewer(port, {"token": ""}) as watcher:
            await self.ask(watcher, do="ban", room="lobby", target="Pest", text="no", seconds=60)
            answer = await self.ask(watcher, do="bans", room="lobby")
            (ban,) = answer["bans"]
            assert (ban["name"], ban["by"], ban["reason"]) == ("Pest", "the host", "no")
            saved = await self.ask(watcher, do="export", room="lobby", format="csv")
            assert saved["file"] == "lobby.csv"
            assert "Pest was banned by the host for 1 minute: no" in saved["content"]
            assert (await self.ask(watcher, do="bans", room="nowhere"))["bans"] == []

    @pytest.mark.parametrize(
        ("request_", "problem"),
        [
            ({"do": "kick", "room": "lobby", "target": "Absent"}, "There is no user named Absent"),
            ({"do": "dance", "room": "lobby"}, "not a valid request"),
            ({"do": "kick"}, "not a valid request"),
            ({"do": "mute", "room": "lobby", "seconds": -1}, "not a valid request"),
            ({"do": "mute", "room": "lobby", "target": "\ud800"}, "not a valid request"),
            ({"do": "lock", "room": "0000000000"}, "There is no room"),
            ({"do": "close", "room": "lobby"}, "The lobby cannot be closed."),
            ({"do": "export", "room": "lobby", "format": "exe"}, "no such room or format"),
            ({"do": "export", "room": "0000000000", "format": "csv"}, "no such room or format"),
        ],
    )
    async def test_invalid_requests_are_answered(self, request_, problem):
        async with serve_page() as (_, port), viewer(port, {"token": ""}) as watcher:
            assert problem in (await self.ask(watcher, **request_))["problem"]

    async def test_viewers_without_the_token_cannot_act(self, monkeypatch):
        monkeypatch.setattr("netchat.web.dashboard.PENALTY", 0.0)
        async with serve_page() as (serving, port):
            first = {"token": "wrong"}
            async with viewer(port, first, X_Forwarded_For="192.0.2.1") as watcher:
                assert await watcher.read() == {"refused": "token"}
                with pytest.raises(ConnectionClosed):
                    await self.ask(watcher, do="lock", room="lobby")
            assert serving.server.audit(9) == []
