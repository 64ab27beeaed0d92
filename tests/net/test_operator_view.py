"""The operator's view and requests, against a running server."""

from __future__ import annotations

import asyncio
import json

import pytest

from netchat.chat.client_events import RoomEvent
from netchat.chat.room_moderation import RoomFlags
from netchat.errors import NetchatError
from netchat.net.operator_view import (
    FigureSampler,
    ListedRoom,
    ListedUser,
    export_room,
    list_rooms,
    list_users,
    moderation_request,
)
from netchat.wire import Moderate, ModeratorAction
from tests.net.serving import serve, talker


async def moderate(server, *arguments, **more) -> str:
    """Carry out an action, and return the problem."""
    answer = asyncio.get_running_loop().create_future()
    server.moderate(moderation_request(*arguments, **more), answer.set_result)
    return await asyncio.wait_for(answer, 20)


async def test_users_rooms_and_figures():
    async with (
        serve() as serving,
        talker(serving.port, "Nova", "lobby") as nova,
        talker(serving.port, "Lena", "lobby") as lena,
    ):
        state = serving.server.state
        lena.core.create()
        lena.client.flush()
        await lena.until(lambda: len(lena.core.memory.rooms) == 2)
        code = next(code for code in lena.core.memory.rooms if code != "lobby")
        shown = f"{code[:5]}-{code[5:]}"
        lena.core.send_private("Nova", "psst")
        lena.say("hello")

        def seen() -> set[str]:
            return {happened.event.text for happened in nova.all(RoomEvent)}

        await nova.until(lambda: {"psst", "hello"} <= seen())
        assert list_users(state, 10) == [
            ListedUser("Lena", False, 0, ("lobby", shown), ()),
            ListedUser("Nova", False, 0, ("lobby",), ()),
        ]
        assert [user.name for user in list_users(state, 1)] == ["Lena"]
        lobby, room = list_rooms(state, 10)  # not the private one
        assert (lobby.code, lobby.members, lobby.live) == ("lobby", 2, 2)
        assert room == ListedRoom(shown, "", 0, 1, 1, 1)
        sampler = FigureSampler(serving.server, serving.log)
        figures = sampler.sample()
        assert (figures.users, figures.away, figures.connections, figures.rooms) == (2, 0, 2, 2)
        lena.say("once more")
        await nova.until(lambda: "once more" in seen())
        assert sampler.sample().messages == figures.messages + 1
        assert figures.memory > 10_000_000
        assert 0 < figures.bytes_in < figures.bytes_out

        assert await moderate(serving.server, "mute", "lobby", "Nova", seconds=60) == ""
        assert await moderate(serving.server, "lock", shown.lower()) == ""
        assert await moderate(serving.server, "title", shown, text="Networks") == ""
        await asyncio.sleep(0)
        assert list_users(state, 10)[1].muted_in == ("lobby",)
        assert list_rooms(state, 10)[1][1:3] == ("Networks", RoomFlags.LOCKED)
        assert "no user named Tom" in await moderate(serving.server, "kick", "lobby", "Tom")

        lines = (export_room(state, "lobby", "jsonl") or "").splitlines()
        assert "hello" in [json.loads(line)["text"] for line in lines]
        assert export_room(state, "lobby", "pdf") is None
        assert export_room(state, "0000000000", "txt") is None
        private = next(code for code in state.shared.rooms if code.startswith("@"))
        assert export_room(state, private, "txt") is None


async def test_a_user_without_a_connection_is_away():
    async with serve() as serving:
        async with talker(serving.port, "Nova", "lobby"):
            pass
        async with asyncio.timeout(20):
            while not list_users(serving.server.state, 10)[0].is_away:
                await asyncio.sleep(0.01)
        figures = FigureSampler(serving.server, serving.log).sample()
        assert (figures.users, figures.away) == (0, 1)


def test_requests():
    assert moderation_request("ban", "7k3f9-2mq0t", "Nova", text="spam", seconds=5, scope=3) == (
        Moderate(0, ModeratorAction.BAN, 3, 5, "7K3F92MQ0T", "Nova", "spam")
    )
    with pytest.raises(ValueError, match="no action 'frob'"):
        moderation_request("frob", "lobby")
    with pytest.raises((ValueError, NetchatError)):
        moderation_request("mute", "lobby", "Nova", seconds=2**40)
