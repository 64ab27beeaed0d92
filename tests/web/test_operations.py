"""Paths for the operation of a server: access to the metrics, and readiness."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from netchat.chat.client_events import Offline
from netchat.web.operations import MetricsListener
from tests.net.serving import BrittleHistory, serve, talker
from tests.web.serving import serve_page


async def get(port: int, path: str, **headers: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{port}{path}"
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        async with session.get(url, headers=names) as answer:
            return answer.status, await answer.text()


async def test_programs_on_this_machine_read_the_metrics_on_the_pages_port() -> None:
    async with serve_page() as (_, port):
        status, text = await get(port, "/metrics")
        assert status == 200
        assert "\nnetchat_users{" in text


@pytest.mark.parametrize(
    "headers",
    [
        {"X_Forwarded_For": "127.0.0.1"},
        {"Forwarded": "for=127.0.0.1"},
        {"Via": "1.1 proxy"},
        {"Host": "192.0.2.7:6480"},
    ],
)
async def test_others_do_not(headers: dict[str, str]) -> None:
    async with serve_page() as (_, port):
        status, text = await get(port, "/metrics", **headers)
        assert status == 403
        assert "netchat serve --metrics ADDRESS:6490" in text


async def test_a_page_behind_a_proxy_serves_them_to_no_one() -> None:
    async with serve_page(site={"origins": ["https://chat.example.org"]}) as (_, port):
        assert (await get(port, "/metrics"))[0] == 403
        assert (await get(port, "/readyz", Host="chat.example.org")) == (200, "ready\n")


async def test_pages_of_other_origins_cannot_read_them() -> None:
    async with serve_page() as (_, port):
        assert (await get(port, "/metrics", Origin="http://evil.example"))[0] == 403
        assert (await get(port, "/metrics", Host="evil.example"))[0] == 421


async def test_a_server_is_alive_and_ready_while_it_can_store_messages(tmp_path) -> None:
    history = BrittleHistory(tmp_path / "h.db")
    async with serve_page(history) as (serving, port):
        assert await get(port, "/healthz") == (200, "ok\n")
        assert await get(port, "/readyz") == (200, "ready\n")
        history.full = True
        async with talker(serving.port, "Nova") as nova:
            await _until(lambda: serving.noted("storage"))
            assert await get(port, "/healthz") == (200, "ok\n")
            problem = (503, "not ready: the history cannot be written\n")
            assert await get(port, "/readyz") == problem
            assert "\nnetchat_ready 0.0\n" in (await get(port, "/metrics"))[1]
            history.full = False
            await nova.enter()
            assert await get(port, "/readyz") == (200, "ready\n")
            assert nova.all(Offline) == []


async def test_a_server_that_stops_is_not_ready() -> None:
    async with serve() as serving:
        listener = MetricsListener(serving.server, serving.log)
        _, port = await listener.start("127.0.0.1", 0)
        await serving.server.stop()
        assert await get(port, "/readyz") == (503, "not ready: the server is stopping\n")
        await listener.stop()
        serving.server.stop = _nothing


async def _nothing() -> None:
    pass


async def _until(condition) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


async def test_the_listener_serves_everyone_and_nothing_else() -> None:
    async with serve() as serving:
        listener = MetricsListener(serving.server, serving.log)
        _, port = await listener.start("127.0.0.1", 0)
        for path in ("/metrics", "/healthz", "/readyz"):
            assert (await get(port, path, Host="netchat", X_Forwarded_For="192.0.2.7"))[0] == 200
        for path in ("/", "/server", "/ws", "/info.json"):
            assert (await get(port, path))[0] == 404
        await listener.stop()
