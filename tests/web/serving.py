"""Chat server with its page, on free ports in the test's process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from collections.abc import AsyncIterator

from websockets.asyncio.client import ClientConnection, connect

from netchat.net.history.memory_history import MemoryHistory
from netchat.web.site import Site
from netchat.wire import Event, FrameReader, Hello, Join, Joined, Message, Send, decode, encode
from tests.net.serving import Serving, serve

#: Token of the dashboard.
TOKEN = "a token of the test"


@contextlib.asynccontextmanager
async def serve_page(history=None, site=None, **settings) -> AsyncIterator[tuple[Serving, int]]:
    """Run a server with its page; yield the server and the page's port."""
    async with serve(history or MemoryHistory(), **settings) as serving:
        page = Site(serving.server, serving.log, token=TOKEN, **(site or {}))
        ((_, port),) = await page.start("127.0.0.1", 0)
        try:
            yield serving, port
        finally:
            await page.stop()


@contextlib.asynccontextmanager
async def plain(port: int):
    """Open a TCP connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
        await asyncio.sleep(0)


class Browser:
    """WebSocket client that sends and receives frames, as the page does.

    Attributes:
        got: Messages received.
        sizes: Number of NCP frames in each WebSocket message received.
        told: Objects of the text messages received: what the server says about a noisy line.
    """

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.got: list[Message] = []
        self.sizes: list[int] = []
        self.told: list[dict] = []

    async def send(self, *messages: Message | bytes) -> None:
        """Send frames in one WebSocket message."""
        await self.socket.send(b"".join(m if isinstance(m, bytes) else encode(m) for m in messages))

    async def next(self, kind: type[Message]) -> Message:
        """Read until a message of the given type arrives, and return it."""
        while True:
            found = await self.read()
            for message in found:
                if isinstance(message, kind):
                    return message

    async def read(self) -> list[Message]:
        """Read a WebSocket message and return its frames, decoded."""
        while isinstance(data := await self.socket.recv(), str):
            self.told.append(json.loads(data))
        reader = FrameReader()
        found = [decode(frame) for frame in reader.feed(data)]
        assert not reader.pending
        self.got += found
        self.sizes.append(len(found))
        return found

    async def enter(self, name: str, room: str = "lobby") -> None:
        """Send HELLO and join a room."""
        await self.send(Hello(0, secrets.token_bytes(16), b"", name, "test page", ()))
        await self.send(Join(1, 0, 0, room))
        await self.next(Joined)

    async def say(self, counter: int, text: str, room: str = "lobby") -> Event:
        """Send a message and wait for its echo."""
        await self.send(Send(counter, room, text))
        while True:
            event = await self.next(Event)
            assert isinstance(event, Event)
            if event.counter == counter:
                return event


@contextlib.asynccontextmanager
async def browser(port: int, name: str = "", query: str = "", **options) -> AsyncIterator[Browser]:
    """Connect a WebSocket; if `name` is given, join the lobby."""
    options = {"origin": f"http://127.0.0.1:{port}", "max_size": None, **options}
    async with connect(f"ws://127.0.0.1:{port}/ws{query}", **options) as socket:
        page = Browser(socket)
        if name:
            await page.enter(name)
        yield page
