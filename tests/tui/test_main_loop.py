"""The main loop of a front end: answer timeouts."""

import asyncio

import pytest

from netchat.chat.client import ChatClient
from netchat.chat.client_events import Online
from netchat.errors import CannotConnect
from netchat.net.client_driver import ClientDriver
from netchat.tui import main_loop
from netchat.tui.main_loop import listen
from netchat.tui.session import ChatSession
from tests.tui.offline import Idle


async def test_a_link_gets_a_longer_answer_timeout(monkeypatch):
    class SlowServer(Idle):
        path = object()
        why_lost = ""
        address = "here"

        async def events(self):
            await asyncio.sleep(0.02)
            yield Online("Nova", resumed=False, server="netchat test")

        def drop(self):
            raise AssertionError(self.why_lost)

    monkeypatch.setattr(main_loop, "ANSWER_TIMEOUT", 0.0)
    session = ChatSession(SlowServer(ChatClient("Nova")))  # type: ignore[arg-type]
    assert [event.name async for event, _ in listen(session)] == ["Nova"]
    assert not session.client.why_lost


async def test_a_server_that_never_answers_hello_is_an_error(monkeypatch):
    monkeypatch.setattr(main_loop, "ANSWER_TIMEOUT", 0.05)
    loop = asyncio.get_running_loop()
    gone = asyncio.Event()

    class Silent(asyncio.Protocol):
        def connection_lost(self, exc: Exception | None) -> None:
            gone.set()

    server = await loop.create_server(Silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, ClientDriver("127.0.0.1", port, "Nova") as client:
        session = ChatSession(client)
        with pytest.raises(CannotConnect, match="is not a netchat server: it did not answer HELLO"):
            async for _ in listen(session):
                pass
        await gone.wait()
