"""Running the app for a session against a real server."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("textual")

from netchat.errors import CannotConnect
from netchat.fullscreen import run as module
from netchat.fullscreen.app import ChatApp
from netchat.fullscreen.run import run_fullscreen
from netchat.net.client_driver import ClientDriver
from netchat.net.history.sqlite_history import SqliteHistory
from netchat.tui.session import ChatSession
from tests.net.serving import serve


class Headless(ChatApp):
    """App without a terminal, which leaves once it has seen a frame of its message."""

    async def run_async(self, **options):
        return await super().run_async(headless=True)

    def on_mount(self) -> None:
        super().on_mount()
        self.action_run_line("look inside")
        self.set_interval(0.02, self._look)

    def _look(self) -> None:
        seen = [(frame.name, frame.is_sent, frame.brief) for frame in self.frames]
        if ("EVENT", False, "look inside") in seen:
            assert ("HELLO", True, "Nova") in seen  # the tap was there from the start
            assert ("SEND", True, "look inside") in seen
            self.exit(0)


async def test_the_app_sees_all_frames_and_leaves_the_chat(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "ChatApp", Headless)
    async with serve(SqliteHistory(tmp_path / "history.db", fsync=False)) as server:
        client = ClientDriver("127.0.0.1", server.port, "Nova")
        async with asyncio.timeout(60):
            status, lines = await run_fullscreen(ChatSession(client))
        assert status == 0
        assert [line.text for line in lines] == ["[bye] you have left the chat"]
        assert client.core.ended


async def test_without_a_server_there_is_no_app(unused_tcp_port):
    client = ClientDriver("127.0.0.1", unused_tcp_port, "Nova")
    with pytest.raises(CannotConnect):
        await run_fullscreen(ChatSession(client))
