"""The lab's WebSocket: requests, limits, hostile visitors, and what the server loads for it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import time

import aiohttp
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from netchat.channel_lab.limits import MAX_REQUEST
from netchat.web import lab_feed
from netchat.web.site import PAGE
from tests.web.serving import browser, serve_page


@pytest.fixture(autouse=True)
def normal_priority(monkeypatch):
    """Let the processes compete with other tests."""
    monkeypatch.setattr("netchat.channel_lab.pool._NICE", 0)
    monkeypatch.setattr("netchat.channel_lab.pool._VERY_NICE", 0)


class LabClient:
    """Visitor of the lab."""

    def __init__(self, socket) -> None:
        self.socket = socket
        self._number = 0

    async def send(self, **request) -> int:
        self._number += 1
        await self.socket.send(json.dumps({"id": self._number, **request}))
        return self._number

    async def read(self) -> dict:
        return json.loads(await asyncio.wait_for(self.socket.recv(), 120))

    async def ask(self, **request) -> dict:
        """Send a request, and return the first answer to it that is no notice."""
        number = await self.send(**request)
        while True:
            found = await self.read()
            if found["id"] == number and "busy" not in found:
                return found


@contextlib.asynccontextmanager
async def visitor(port: int, **options):
    """Connect a visitor."""
    options = {"origin": f"http://127.0.0.1:{port}", "max_size": None, **options}
    async with connect(f"ws://127.0.0.1:{port}/lab/ws", **options) as socket:
        yield LabClient(socket)


async def test_the_page_and_its_files_are_served():
    async with serve_page() as (_, port), aiohttp.ClientSession() as session:
        async with session.get(f"http://127.0.0.1:{port}/lab") as answer:
            assert answer.status == 200
            assert answer.content_type == "text/html"
            assert await answer.read() == (PAGE / "lab" / "lab.html").read_bytes()
        for path in (PAGE / "lab").iterdir():
            async with session.get(f"http://127.0.0.1:{port}/page/lab/{path.name}") as answer:
                assert answer.status == 200
        for name in ("missing.js", "..%2fapp.js", ".."):
            async with session.get(f"http://127.0.0.1:{port}/page/lab/{name}") as answer:
                assert answer.status == 404


async def test_a_visitor_is_served():
    async with serve_page() as (_, port), visitor(port) as one:
        found = await one.ask(do="line", state={"text": "Hi!", "touched": {"1": "flip"}})
        assert found["line"]["ok"]
        assert found["line"]["cells"][1] == "f"
        found = await one.ask(do="explain", state={"text": "Hi!", "touched": {"1": "flip"}})
        assert found["explain"]["syndrome"] == [1, 0, 1]
        found = await one.ask(do="codes")
        assert {code["spec"] for code in found["codes"]} >= {"hamming:7,4", "golay:24", "rs:15,11"}
        number = await one.send(do="run", codes=["hamming:7,4"], channel="bsc:0.05", target=20)
        updates = []
        while not updates or not updates[-1].get("done"):
            updates.append(await one.read())
        assert {update["id"] for update in updates} == {number}
        assert updates[-1]["command"].startswith("netchat encode-bench --code hamming:7,4")


async def test_a_measurement_can_be_stopped():
    async with serve_page() as (_, port), visitor(port) as one:
        number = await one.send(do="run", codes=["golay:24"], channel="bsc:0.0001", target=1000)
        found = await one.ask(do="stop", of=number)
        while not found.get("done"):
            assert "error" not in found
            found = await one.read()
        assert found["id"] == number
        found = await one.ask(do="stop", of=77)
        assert found["field"] == "of"


HOSTILE = [
    ("{{{", None),
    ("", None),
    ("[" * 8000, None),
    ("null", None),
    ('"text"', None),
    ("[]", None),
    ("{}", "id"),
    ('{"id": -1, "do": "codes"}', "id"),
    ('{"id": {}, "do": "codes"}', "id"),
    ('{"id": 1e999, "do": "codes"}', "id"),
    ('{"id": 1}', "do"),
    ('{"id": 1, "do": ["codes"]}', "do"),
    ('{"id": 1, "do": "__class__"}', "do"),
    ('{"id": 1, "do": "start"}', "do"),
    ('{"id": 1, "do": "line", "state": []}', "state"),
    ('{"id": 1, "do": "line", "state": {"code": "evil.py:Evil"}}', "code"),
    ('{"id": 1, "do": "line", "state": {"code": "ldpc:/etc/passwd"}}', "code"),
    ('{"id": 1, "do": "line", "state": {"code": "uncoded:1000000"}}', "code"),
    ('{"id": 1, "do": "line", "state": {"code": "hamming:9,4"}}', "code"),
    ('{"id": 1, "do": "line", "state": {"channel": "bsc:7"}}', "channel"),
    ('{"id": 1, "do": "line", "state": {"text": "' + "x" * 256 + '", "code": "repetition:5"}}', "text"),
    ('{"id": 1, "do": "explain", "state": {"block": 4999}}', "block"),
    ('{"id": 1, "do": "run"}', "codes"),
    ('{"id": 1, "do": "run", "codes": "hamming:7,4"}', "codes"),
    ('{"id": 1, "do": "run", "codes": [1]}', "codes"),
    ('{"id": 1, "do": "run", "codes": ["a","b","c","d","e","f","g"]}', "codes"),
    ('{"id": 1, "do": "run", "codes": ["hamming:7,4"], "channel": 4}', "channel"),
    ('{"id": 1, "do": "run", "codes": ["hamming:7,4"], "channel": "awgn:0:300:0.1"}', "channel"),
    ('{"id": 1, "do": "run", "codes": ["hamming:7,4"], "channel": "awgn:0:1:0.0000001"}', "channel"),
    ('{"id": 1, "do": "run", "codes": ["hamming:7,4"], "target": 100000}', "target"),
    ('{"id": 1, "do": "run", "codes": ["hamming:7,4"], "seed": -5}', "seed"),
    ('{"id": 1, "do": "run", "codes": ["hamming:7,4"], "interleave": "interleave:9999"}', "interleave"),
]  # fmt: skip


async def test_hostile_requests_get_an_error_each():
    async with serve_page() as (_, port), visitor(port) as one:
        for text, field in HOSTILE:
            await one.socket.send(text)
            found = await one.read()
            while "busy" in found:
                found = await one.read()
            assert found.get("error"), text
            assert found["field"] == field, (text, found)
            assert len(found["error"]) < 400
        assert (await one.ask(do="line", state={}))["line"]["ok"]


async def test_binary_and_huge_messages_end_the_connection():
    async with serve_page() as (_, port):
        for message in (b"\x00\x01", "x" * (MAX_REQUEST + 1)):
            async with visitor(port) as one:
                await one.socket.send(message)
                with pytest.raises(ConnectionClosed):
                    await one.read()


async def test_ten_thousand_requests_are_slowed_down_and_delay_nobody(monkeypatch):
    """A visitor that floods the lab is read slowly; others and the chat go on."""
    monkeypatch.setattr(lab_feed, "RATE", 200.0)
    async with serve_page() as (_, port), visitor(port) as greedy, visitor(port) as other:
        await other.ask(do="line", state={})

        async def flood() -> None:
            with contextlib.suppress(ConnectionClosed):
                for number in range(10_000):
                    await greedy.send(do="line", state={"seed": number})

        flooding = asyncio.create_task(flood())
        reading = asyncio.create_task(_drain(greedy))
        await asyncio.sleep(0.2)
        async with browser(port, "nova") as page:
            for number in range(5):
                began = time.monotonic()
                found = await other.ask(do="line", state={"seed": 100_000 + number})
                assert found["line"]["ok"]
                assert (
                    time.monotonic() - began < 5
                )  # the machine may be busy; without limits, minutes
                await page.say(number + 1, "still here")
        flooding.cancel()
        reading.cancel()
        await asyncio.gather(flooding, reading, return_exceptions=True)


async def _drain(one: LabClient) -> None:
    with contextlib.suppress(ConnectionClosed):
        while True:
            await one.socket.recv()


async def test_a_visitor_that_does_not_read_is_disconnected(monkeypatch):
    monkeypatch.setattr(lab_feed, "MAX_WAITING", 3)
    async with serve_page() as (_, port), visitor(port) as one:
        one.socket.transport.pause_reading()

        async def flood() -> None:
            for number in range(100_000):
                await one.send(do="line", state={"text": "x" * 200, "seed": number % 2})
                await asyncio.sleep(0)

        with contextlib.suppress(ConnectionClosed, TimeoutError):
            await asyncio.wait_for(flood(), 20)
        one.socket.transport.resume_reading()
        await asyncio.wait_for(_drain(one), 20)  # ends when the connection is closed


async def test_visitors_are_limited(monkeypatch):
    monkeypatch.setattr(lab_feed, "MAX_VISITORS", 4)
    monkeypatch.setattr("netchat.chat.fair_shares.GUARANTEED", 2)
    async with serve_page() as (_, port), contextlib.AsyncExitStack() as stack:
        for _ in range(3):
            await stack.enter_async_context(visitor(port))
        with pytest.raises(InvalidStatus) as caught:
            await stack.enter_async_context(visitor(port))
        assert caught.value.response.status_code == 503
        await stack.aclose()
        async with visitor(port) as again:
            assert (await again.ask(do="line", state={}))["line"]["ok"]


async def test_pages_from_other_origins_may_not_connect():
    async with serve_page() as (_, port):
        with pytest.raises(InvalidStatus) as caught:
            await connect(f"ws://127.0.0.1:{port}/lab/ws", origin="http://evil.example")
        assert caught.value.response.status_code == 403


async def test_codes_of_the_owner_are_listed(tmp_path):
    path = "experiments/my_code.py:Grid"
    async with (
        serve_page(site={"codes": {"my_code.py:Grid": path}}) as (_, port),
        visitor(port) as one,
    ):
        listed = (await one.ask(do="codes"))["codes"]
        assert listed[-1]["spec"] == "my_code.py:Grid"
        found = await one.ask(
            do="line", state={"code": "my_code.py:Grid", "touched": {"0": "flip"}}
        )
        assert found["line"]["ok"]
        found = await one.ask(do="line", state={"code": path})
        assert found["field"] == "code"


def test_the_server_loads_neither_numpy_nor_numba():
    program = (
        "import sys; import netchat.web.site, netchat.channel_lab.service; "
        "print([name for name in ('numpy', 'numba', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
