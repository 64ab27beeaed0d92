"""Tests of the page's HTTP server: files, headers, host names, addresses, limits."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import aiohttp
import pytest

from netchat import __version__
from netchat.web.site import PAGE
from tests.web.serving import browser, plain, serve_page

CODE = "7K3F92MQ0T"


class Answer(NamedTuple):
    """HTTP response."""

    status: int
    headers: Mapping[str, str]
    type: str
    body: bytes


@pytest.fixture
async def get():
    """Run a server and return a function that sends requests to it."""
    async with serve_page() as (_, port), aiohttp.ClientSession() as session:

        async def ask(path: str, method: str = "GET", **headers: str):
            url = f"http://127.0.0.1:{port}{path}"
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            async with session.request(method, url, headers=names) as answer:
                return Answer(
                    answer.status, answer.headers, answer.content_type, await answer.read()
                )

        ask.port = port
        yield ask


class TestFiles:
    async def test_every_file_has_its_content_type(self, get):
        kinds = {
            ".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".png": "image/png",
            ".webmanifest": "application/manifest+json",
        }  # fmt: skip
        for path in filter(Path.is_file, PAGE.iterdir()):
            answer = await get(f"/page/{path.name}")
            assert answer.status == 200
            assert answer.body == path.read_bytes()
            assert answer.type == kinds.get(path.suffix, answer.type)
            assert answer.headers["Cache-Control"] == "no-cache"
            if path.suffix != ".png":  # compressed already
                assert answer.headers["Content-Encoding"] == "gzip"

    async def test_a_cached_file_gives_304(self, get):
        first = await get("/page/protocol.js")
        again = await get("/page/protocol.js", If_None_Match=first.headers["ETag"])
        assert again.status == 304
        assert again.body == b""
        other = await get("/page/protocol.js", If_None_Match='"other"')
        assert other.status == 200

    async def test_a_browser_without_gzip(self, get):
        answer = await get("/page/protocol.js", Accept_Encoding="identity")
        assert "Content-Encoding" not in answer.headers
        assert answer.body == (PAGE / "protocol.js").read_bytes()

    @pytest.mark.parametrize(
        "path",
        [
            "/page/nothing.js",
            "/page/",
            "/page/..%2fsite.py",
            "/page/..%2f..%2fwire%2fframe.py",
            "/page/%2e%2e/site.py",
            "/page/protocol.js%00",
            "/page/protocol",
            "/page/" + "x" * 5000 + ".js",
            "/etc/passwd",
            "/qr/nonsense.svg",
        ],
    )
    async def test_missing_paths_give_404(self, get, path):
        assert (await get(path)).status == 404

    async def test_browsers_get_a_page_instead_of_a_404_in_plain_text(self, get):
        for path in ("/nowhere", "/qr/nonsense.svg", "/page/nothing.js"):
            answer = await get(path, Accept="text/html,*/*;q=0.8")
            assert (answer.status, answer.type) == (404, "text/html")
            assert answer.body == (PAGE / "missing.html").read_bytes()
            assert "ETag" not in answer.headers  # a later request must not be answered with 304
            assert answer.headers["Content-Security-Policy"]
            again = await get(path, Accept="text/html", If_None_Match="*")
            assert again.status == 404
        assert (await get("/nowhere")).type == "text/plain"

    async def test_the_page_can_be_installed(self, get):
        worker = await get("/worker.js")  # at the root, so that it may control all of the page
        assert (worker.status, worker.type) == (200, "text/javascript")
        manifest = json.loads((await get("/page/manifest.webmanifest")).body)
        for icon in manifest["icons"]:
            answer = await get(icon["src"])
            assert (answer.status, answer.type) == (200, icon["type"])
            if icon["type"] == "image/png":
                size = "x".join(
                    str(int.from_bytes(answer.body[at : at + 4], "big")) for at in (16, 20)
                )
                assert size == icon["sizes"]

    async def test_changed_files_are_reloaded(self, tmp_path, monkeypatch):
        monkeypatch.setattr("netchat.web.site.PAGE", tmp_path)
        page = tmp_path / "index.html"
        page.write_text("<p>one")
        async with serve_page() as (_, port), aiohttp.ClientSession() as session:
            for text in ("<p>one", "<p>another"):
                page.write_text(text)
                async with session.get(f"http://127.0.0.1:{port}/r/{CODE}") as answer:
                    assert await answer.text() == text


class TestHeaders:
    @pytest.mark.parametrize(
        "path", ["/", "/page/protocol.js", "/nothing", "/info.json", f"/qr/{CODE}.svg", "/ws"]
    )
    async def test_every_response_has_the_security_headers(self, get, path):
        headers = (await get(path)).headers
        policy = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert policy["frame-ancestors"] == "'none'"
        assert policy["require-trusted-types-for"] == "'script'"
        assert policy["trusted-types"] == "worker"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "Server" not in headers

    async def test_other_methods_give_405(self, get):
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            assert (await get("/page/protocol.js", method)).status == 405


class TestHostAndOrigin:
    @pytest.mark.parametrize(
        "host",
        ["127.0.0.1", "localhost", "LOCALHOST:80", "[::1]:6480", "192.168.1.5:6480", "chat.localhost"],
    )  # fmt: skip
    async def test_hosts_of_this_server_are_allowed(self, get, host):
        assert (await get("/info.json", Host=host)).status == 200

    @pytest.mark.parametrize(
        "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "a b", "[::1", ""]
    )  # fmt: skip
    async def test_foreign_hosts_are_refused(self, get, host):
        assert (await get("/info.json", Host=host)).status in (400, 421)

    async def test_configured_hosts_are_allowed(self):
        site = {"origins": ["https://chat.example.org"], "hosts": ["box.home"]}
        async with serve_page(site=site) as (_, port), aiohttp.ClientSession() as session:
            for host in ("chat.example.org", "box.home:1234"):
                async with session.get(
                    f"http://127.0.0.1:{port}/info.json", headers={"Host": host}
                ) as answer:
                    assert answer.status == 200

    async def test_foreign_origins_are_refused(self, get):
        answer = await get("/info.json", Origin="https://evil.example")
        assert answer.status == 403
        assert "Access-Control-Allow-Origin" not in answer.headers


class TestAddress:
    async def test_default_is_the_host_of_the_request(self, get):
        info = json.loads((await get("/info.json", Host="localhost:99")).body)
        assert info == {"version": __version__, "address": "http://localhost:99"}

    async def test_configured_address_is_used(self):
        async with (
            serve_page(site={"address": "http://192.168.1.5:6480"}) as (_, port),
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{port}/info.json") as answer,
        ):
            assert (await answer.json())["address"] == "http://192.168.1.5:6480"

    async def test_qr_code_of_a_room(self, get):
        answer = await get("/qr/7k3f9-2mqot.svg", Host="192.168.1.5:6480")
        assert answer.type == "image/svg+xml"
        svg = ElementTree.fromstring(answer.body)
        assert svg.find("{*}title").text == f"http://192.168.1.5:6480/r/{CODE}"


class TestConnections:
    async def test_an_incomplete_request_times_out(self, monkeypatch):
        monkeypatch.setattr("netchat.web.site.KEEP_ALIVE", 0.2)
        async with serve_page() as (_, port), plain(port) as (reader, writer):
            writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
            async with asyncio.timeout(10):
                await reader.read()

    async def test_the_number_of_connections_is_limited(self, monkeypatch):
        monkeypatch.setattr("netchat.web.site.MAX_CONNECTIONS", 1)
        async with serve_page() as (_, port), plain(port) as (reader, writer):
            writer.write(b"GET /info.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            async with plain(port) as (refused, _):
                with contextlib.suppress(ConnectionResetError):
                    assert await refused.read() == b""

    async def test_one_address_cannot_use_all_connections(self, monkeypatch):
        monkeypatch.setattr("netchat.web.site.MAX_CONNECTIONS", 8)
        monkeypatch.setattr("netchat.chat.fair_shares.GUARANTEED", 2)

        async def answered(connection: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> bool:
            reader, writer = connection
            writer.write(b"GET /info.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            with contextlib.suppress(ConnectionResetError):
                return (await reader.readline()).startswith(b"HTTP/1.1 200")
            return False

        async with serve_page() as (_, port), contextlib.AsyncExitStack() as stack:
            idle = [await stack.enter_async_context(plain(port)) for _ in range(8)]
            assert [await answered(one) for one in idle] == [True] * 6 + [False] * 2
            other = await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.2", 0))
            assert await answered(other)
            other[1].close()
            idle[0][1].close()
            async with asyncio.timeout(20):  # its connection is released
                while not await answered(await stack.enter_async_context(plain(port))):
                    await asyncio.sleep(0.01)

    async def test_websockets_do_not_count_as_http_connections(self, monkeypatch):
        monkeypatch.setattr("netchat.web.site.MAX_CONNECTIONS", 1)
        async with serve_page() as (serving, port), browser(port, "Nova"), browser(port, "Maya"):
            assert len(serving.peers) == 2

    async def test_invalid_http_gives_400(self):
        async with serve_page() as (_, port), plain(port) as (reader, writer):
            writer.write(b"\x00\x01NC\x02\r\n\r\n")
            answer = await reader.read()
            assert answer.startswith(b"HTTP/1.0 400 ")
            assert b"Traceback" not in answer


class TestConsole:
    async def test_internal_errors_are_logged_but_not_sent_to_the_client(self, monkeypatch):
        def broken(*_):
            raise RuntimeError("this is what went wrong")

        monkeypatch.setattr("netchat.web.files.Files.response", broken)
        async with (
            serve_page() as (serving, port),
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{port}/") as answer,
        ):
            assert answer.status == 500
            assert "went wrong" not in await answer.text()
            (note,) = serving.noted("page")
            assert "this is what went wrong" in note.fields["text"]

    async def test_requests_do_not_print_to_the_console(self, capfd):
        async with serve_page() as (serving, port), plain(port) as (reader, writer):
            writer.write(
                b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: \xe2\x80\xaepwned\r\n\r\n"
            )
            assert (await reader.readline()).startswith(b"HTTP/1.1 101")
            async with plain(port) as (other, rude):
                rude.write(b"GET / HTTP/1.1\r\nHost: \x1b[2J\r\nX\r\n\r\n")
                assert b" 400 " in await other.readline()
            assert not serving.noted("page")
        captured = capfd.readouterr()
        assert captured.out + captured.err == ""
