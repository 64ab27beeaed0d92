"""Tests of WebSocket clients: shared rooms, protocol errors, limits, origins."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import struct

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame as Piece
from websockets.frames import Opcode
from websockets.protocol import Protocol, Side

from netchat.chat import connection_rate
from netchat.wire import (
    Bye,
    Error,
    ErrorCode,
    Event,
    FrameReader,
    Hello,
    Ping,
    Pong,
    Send,
    Welcome,
    decode,
    encode,
)
from tests.net.serving import TIMEOUT, serve, talker
from tests.web.serving import Browser, browser, plain, serve_page

HELLO = Hello(0, bytes(16), b"", "Nova", "test", ())


def piece(opcode: Opcode, data: bytes, *, fin: bool = True, mask: bool = True) -> bytes:
    """Return a serialized WebSocket frame."""
    return Piece(opcode, data, fin).serialize(mask=mask)


@contextlib.asynccontextmanager
async def handshake(port: int):
    """Open a TCP connection and complete the WebSocket handshake."""
    key = "dGhlIHNhbXBsZSBub25jZQ=="  # the example of RFC 6455, section 1.3
    async with plain(port) as (reader, writer):
        writer.write(
            f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ")
        assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
        assert b"permessage-deflate" not in head
        yield reader, writer


async def test_the_first_frames_of_frequent_connections_are_put_off(monkeypatch) -> None:
    monkeypatch.setattr(connection_rate, "BURST", 2.0)
    monkeypatch.setattr(connection_rate, "RATE", 0.001)
    monkeypatch.setattr(connection_rate, "MAX_WAIT", 0.3)
    loop = asyncio.get_running_loop()
    async with serve_page() as (serving, port), contextlib.AsyncExitStack() as stack:
        for number in range(3):
            begun = loop.time()
            page = await stack.enter_async_context(browser(port))
            assert number == 2 or not serving.peers[-1].holds
            await page.send(Hello(0, secrets.token_bytes(16), b"", f"Page{number}", "test", ()))
            await page.next(Welcome)
        assert loop.time() - begun > 0.29


async def closing(reader: asyncio.StreamReader) -> tuple[Error | None, int]:
    """Return the last ERROR of a connection and its close code."""
    protocol, frames, error = Protocol(Side.CLIENT), FrameReader(), None
    async with asyncio.timeout(TIMEOUT):
        while data := await reader.read(65536):
            protocol.receive_data(data)
            for event in protocol.events_received():
                if event.opcode is Opcode.BINARY:
                    for frame in frames.feed(bytes(event.data)):
                        message = decode(frame)
                        error = message if isinstance(message, Error) else error
                if event.opcode is Opcode.CLOSE:
                    return error, protocol.close_rcvd.code
    raise AssertionError("the connection ended without CLOSE")


class TestTogether:
    async def test_page_and_tcp_clients_are_in_the_same_room(self):
        async with (
            serve_page() as (serving, port),
            browser(port, "Nova") as page,
            talker(serving.port, "Maya", "lobby") as client,
        ):
            await page.say(1, "from the page")
            client.say("from the terminal")
            await client.until(lambda: client.texts() == ["from the page", "from the terminal"])
            while not any(getattr(m, "text", "") == "from the terminal" for m in page.got):
                await page.next(Event)

    async def test_messages_may_hold_several_frames_in_both_directions(self):
        async with serve_page() as (_, port), browser(port) as page:
            sends = [Send(n, "lobby", f"line {n}") for n in range(1, 21)]
            await page.enter("Nova")
            await page.send(*sends)
            while getattr(page.got[-1], "counter", 0) != 20:
                await page.read()
            events = [m for m in page.got if isinstance(m, Event) and m.counter]
            assert [e.text for e in events] == [s.text for s in sends]
            assert max(page.sizes) > 1

    async def test_fragments_are_reassembled(self):
        frame = encode(HELLO)
        async with serve_page() as (_, port), browser(port) as page:
            await page.socket.send([frame[:5], frame[5:30], frame[30:]])
            assert isinstance(await page.next(Welcome), Welcome)

    async def test_a_session_resumes_on_another_socket(self):
        device = secrets.token_bytes(16)
        async with serve_page() as (_, port):
            async with browser(port) as first:
                await first.send(Hello(0, device, b"", "Nova", "", ()))
                token = (await first.next(Welcome)).token
            async with browser(port) as second:
                await second.send(Hello(0, device, token, "Nova", "", ()))
                assert (await second.next(Welcome)).resumed

    async def test_a_stopping_server_sends_bye_and_close(self):
        async with serve_page() as (serving, port), browser(port, "Nova") as page:
            stopping = asyncio.create_task(serving.server.stop())
            await page.next(Bye)
            with pytest.raises(ConnectionClosed) as closed:
                await page.read()
            assert closed.value.rcvd.code == 1000
            await stopping
            serving.server.stop = lambda: asyncio.sleep(0)  # it has stopped


BROKEN = {
    "text": (piece(Opcode.TEXT, b"hello"), 1003, "binary"),
    "unmasked": (piece(Opcode.BINARY, encode(HELLO), mask=False), 1002, "masking"),
    "too large, from its header alone": (b"\x82\xff" + struct.pack(">Q", 1 << 40), 1009, "limit"),
    "fragments that are too large together": (
        piece(Opcode.BINARY, encode(HELLO), fin=False)
        + piece(Opcode.CONT, bytes(65000), fin=False)
        + piece(Opcode.CONT, bytes(600)),
        None,
        "",
    ),
    "no frame": (piece(Opcode.BINARY, b"GET / HTTP/1.1"), 1007, "BadMagic"),
    "half a frame": (piece(Opcode.BINARY, encode(HELLO)[:-1]), 1007, "ends within a frame"),
    "a fragment of nothing": (piece(Opcode.CONT, b"x"), 1002, "continuation"),
    "a message within a message": (
        piece(Opcode.BINARY, b"N", fin=False) + piece(Opcode.BINARY, b"C"), 1002, "continuation",
    ),
    "reserved bits": (b"\xc2\x80\0\0\0\0", 1002, "reserved"),
    "unknown opcode": (b"\x83\x80\0\0\0\0", 1002, "opcode"),
    "fragmented ping": (b"\x09\x80\0\0\0\0", 1002, "fragmented control"),
    "endless empty messages": (piece(Opcode.BINARY, b"") * 100, 1008, "in a row"),
    "endless pings": (piece(Opcode.PING, b"") * 100, 1008, "in a row"),
    "endless tiny fragments": (
        piece(Opcode.BINARY, b"N", fin=False) + piece(Opcode.CONT, b"", fin=False) * 100, 1008, "in a row",
    ),
}  # fmt: skip


class TestViolations:
    @pytest.mark.parametrize("what", BROKEN)
    async def test_get_an_error_and_the_right_close_code(self, what):
        data, code, word = BROKEN[what]
        async with serve_page() as (serving, port), handshake(port) as (reader, writer):
            writer.write(data)
            error, closed = await closing(reader)
            assert error is not None
            assert error.code == ErrorCode.BAD_FRAME
            assert word in error.text
            assert closed == code or code is None
            writer.close()
            while serving.peers:
                await asyncio.sleep(0.01)
            (note,) = serving.noted("dismissed")
            assert note.fields["code"] == "BAD_FRAME"

    async def test_frames_before_an_error_are_processed(self):
        async with (
            serve_page() as (_, port),
            browser(port, "Maya") as other,
            browser(port, "Nova") as page,
        ):
            await page.send(Send(1, "lobby", "still said"))
            await page.socket.send("text")
            while not any(getattr(m, "text", "") == "still said" for m in other.got):
                await other.read()

    async def test_random_bytes_do_not_affect_other_clients(self):
        async with serve_page() as (_, port), browser(port, "Nova") as page:
            for _ in range(30):
                async with handshake(port) as (_, writer):
                    writer.write(os.urandom(200))
                    await writer.drain()
            for counter in range(1, 4):
                await page.say(counter, "still here")


class TestLimits:
    async def test_a_missing_hello_times_out(self):
        async with serve_page(handshake_timeout=0.1) as (_, port), handshake(port) as (reader, _):
            error, _ = await closing(reader)
            assert error.code == ErrorCode.HANDSHAKE_TIMEOUT

    async def test_an_incomplete_message_times_out(self):
        async with serve_page(frame_timeout=0.1) as (_, port), handshake(port) as (reader, writer):
            writer.write(piece(Opcode.BINARY, encode(HELLO))[:20])
            error, _ = await closing(reader)
            assert error.code == ErrorCode.FRAME_TIMEOUT

    async def test_a_missing_fragment_times_out(self):
        async with serve_page(frame_timeout=0.1) as (_, port), handshake(port) as (reader, writer):
            writer.write(piece(Opcode.BINARY, encode(HELLO)[:20], fin=False))
            error, _ = await closing(reader)
            assert error.code == ErrorCode.FRAME_TIMEOUT

    async def test_fast_senders_are_throttled_without_loss(self):
        async with serve_page(rate=200, burst=10) as (_, port), browser(port, "Nova") as page:
            for n in range(40):
                await page.send(Ping(n))
            while sum(isinstance(m, Pong) for m in page.got) < 40:
                await page.read()
            assert any(isinstance(m, Error) and m.code == ErrorCode.TOO_FAST for m in page.got)

    async def test_half_open_connections_are_limited(self):
        async with (
            serve_page(max_half_open=1) as (_, port),
            handshake(port),
            handshake(port) as (reader, _),
        ):
            error, code = await closing(reader)
            assert error.code == ErrorCode.BUSY
            assert code == 1000

    async def test_a_slow_reader_delays_no_one_and_misses_nothing(self):
        async with (
            serve_page(rate=0) as (serving, port),
            browser(port, "Maya") as fast,
            browser(port, max_queue=1, sock=_small(port)) as slow,
        ):
            await slow.enter("Nova")
            count, text = 300, "x" * 8000  # 2.4 MB exceed all buffers on the path
            for counter in range(1, count + 1):
                await fast.say(counter, text)
            assert any(p.stalled_since for p in serving.peers)
            while sum(isinstance(m, Event) and m.counter > 0 for m in slow.got) < count:
                await slow.read()
            counters = [m.counter for m in slow.got if isinstance(m, Event) and m.counter]
            assert counters == list(range(1, count + 1))


def _small(port: int) -> socket.socket:
    """Connect a socket with a small receive buffer."""
    link = socket.socket()
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    link.connect(("127.0.0.1", port))
    return link


class TestOrigins:
    @pytest.mark.parametrize(
        "origin",
        ["https://evil.example", "null", "http://127.0.0.1:1", "http://127.0.0.1.evil.example", "file://"],
    )  # fmt: skip
    async def test_foreign_origins_are_refused(self, origin):
        async with serve_page() as (serving, port):
            with pytest.raises(InvalidStatus) as refused:
                async with browser(port, origin=origin):
                    pass
            assert refused.value.response.status_code == 403
            assert not serving.peers

    async def test_own_origins_are_allowed(self):
        site = {"origins": ["https://Chat.Example.org:443/"]}  # browsers use the short form
        async with serve_page(site=site) as (_, port):
            for origin in (f"http://localhost:{port}", "https://chat.example.org", None):
                async with browser(port, "Nova" + str(len(origin or "")), origin=origin) as page:
                    assert isinstance(page, Browser)


async def test_a_server_without_the_page_still_works():
    async with serve() as serving, talker(serving.port, "Nova", "lobby") as client:
        client.say("hi")
        await client.until(lambda: client.texts() == ["hi"])
