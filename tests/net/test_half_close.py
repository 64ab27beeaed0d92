"""The reason for closing a connection arrives, whatever the peer still sends."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest

from netchat.chat.fair_shares import Shares
from netchat.link.link import Link
from netchat.net import half_close as module
from netchat.wire import Error, ErrorCode, FrameReader, Hello, decode, encode
from tests.net.serving import serve
from tests.web.serving import serve_page

BAD = b"this is no frame, and more follows"
UNREAD = bytes(3_000_000)


async def hear(sock: socket.socket) -> tuple[bytes, str]:
    """All bytes that a peer sends, and the end of its connection."""
    loop, heard = asyncio.get_running_loop(), b""
    while True:
        try:
            data = await loop.sock_recv(sock, 65536)
        except ConnectionResetError:
            return heard, "reset"
        if not data:
            return heard, "closed"
        heard += data


async def push(sock: socket.socket, data: bytes) -> None:
    """Send in the background, whether the server reads or not."""
    with contextlib.suppress(OSError):
        await asyncio.get_running_loop().sock_sendall(sock, data)


async def said_by_server(port: int, data: bytes) -> tuple[bytes, str]:
    """Return what a client receives that reads only after its server has had time to close."""
    loop = asyncio.get_running_loop()
    with socket.socket() as sock:
        sock.setblocking(False)
        await loop.sock_connect(sock, ("127.0.0.1", port))
        pushing = asyncio.create_task(push(sock, data))
        await asyncio.sleep(0.2)
        heard = await hear(sock)
        pushing.cancel()
        return heard


@pytest.mark.slow
async def test_an_error_arrives_although_bytes_are_unread() -> None:
    async with serve() as serving:
        for _ in range(5):
            heard, how = await said_by_server(serving.port, BAD + UNREAD)
            (frame,) = FrameReader().feed(heard)
            error = decode(frame)
            assert isinstance(error, Error)
            assert error.code == ErrorCode.BAD_FRAME
            assert how == "closed"


async def test_an_immediate_refusal_arrives() -> None:
    async with serve(max_half_open=1) as serving:
        _, holder = await asyncio.open_connection("127.0.0.1", serving.port)
        while not serving.server.hub.state.half_open:
            await asyncio.sleep(0.001)
        hello = encode(Hello(0, bytes(16), b"", "Nova", "test", ()))
        heard, how = await said_by_server(serving.port, hello + UNREAD)
        assert decode(FrameReader().feed(heard)[0]).code == ErrorCode.BUSY
        assert how == "closed"
        holder.transport.abort()


async def test_the_refusal_of_a_link_arrives() -> None:
    client = Link.client("rs:255,223")
    object.__setattr__(client.open_request, "up", "turbo")
    async with serve() as serving:
        heard, how = await said_by_server(serving.port, client.data_to_send(0.0) + UNREAD)
        client.receive(heard, 0.0)
        assert "a link cannot use the code" in client.closed
        assert how == "closed"


async def test_the_reason_arrives_over_a_websocket() -> None:
    handshake = (
        b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    unmasked = b"\x82\x05hello"
    async with serve_page() as (_, port):
        heard, how = await said_by_server(port, handshake + unmasked + UNREAD)
        assert b"BadWebSocket" in heard
        assert how == "closed"


async def test_a_peer_that_never_closes_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DRAIN_SECONDS", 0.05)
    async with serve() as serving:
        reader, writer = await asyncio.open_connection("127.0.0.1", serving.port)
        writer.write(BAD)
        assert await reader.read()
        async with asyncio.timeout(20):
            while serving.server.hub.state.connections:
                await asyncio.sleep(0.01)
        writer.transport.abort()
    assert module._drained.total == 0


async def test_the_number_of_draining_connections_is_limited(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_drained", Shares(3))
    async with serve(max_per_address=0) as serving:
        writers = []
        for _ in range(10):
            reader, writer = await asyncio.open_connection("127.0.0.1", serving.port)
            writers.append(writer)
            writer.write(BAD)
            assert await reader.read()
        assert module._drained.total == len(serving.server.hub.state.connections) == 3
        for writer in writers:
            writer.transport.abort()
        async with asyncio.timeout(20):
            while serving.server.hub.state.connections:
                await asyncio.sleep(0.01)
    assert module._drained.total == 0


async def test_one_address_leaves_some_of_them_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_drained", Shares(8, guaranteed=0, free_factor=3))
    monkeypatch.setattr(module, "DRAIN_SECONDS", 60.0)
    writers = []
    async with serve() as serving:
        for source, count in (("127.0.0.1", 6), ("127.0.0.2", 8)):
            for _ in range(10):
                reader, writer = await asyncio.open_connection(
                    "127.0.0.1", serving.port, local_addr=(source, 0)
                )
                writers.append(writer)
                writer.write(BAD)
                assert await reader.read()
            assert module._drained.total == count
        for writer in writers:
            writer.transport.abort()
