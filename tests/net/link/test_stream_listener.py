"""The acceptor of links on the chat's TCP port."""

from __future__ import annotations

import asyncio
import gc
import math
import threading

import pytest

from netchat.chat.connection import Connection
from netchat.link.link import Link
from netchat.net.link import stream_listener as module
from netchat.net.link.short_collections import short_collections
from netchat.wire import ErrorCode
from tests.net.serving import Serving, raw, serve


async def test_a_link_is_refused_if_its_modules_cannot_be_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tries = []

    def failing() -> None:
        tries.append(1)
        raise ImportError("no module named numba")

    monkeypatch.setattr(module, "_prepare", failing)
    async with serve(handshake_timeout=1000.0) as serving:
        for count in (1, 2):  # the next link tries again
            async with raw(serving.port) as link:
                link.send(Link.client("uncoded").data_to_send(0.0))
                await link.end()
            (error,) = link.got
            assert error.code == ErrorCode.UNEXPECTED
            assert "no module named numba" in error.text
            assert len(tries) == count
            assert len(serving.noted("dismissed")) == count
        async with raw(serving.port, "Nova") as nova:
            assert nova.got  # the chat is not affected


async def test_loading_may_take_longer_than_the_handshake(monkeypatch: pytest.MonkeyPatch) -> None:
    load, ready = module._prepare, threading.Event()

    def slow() -> None:
        load()
        assert ready.wait(60)

    monkeypatch.setattr(module, "_prepare", slow)
    async with serve(handshake_timeout=0.1) as serving:
        client = Link.client("uncoded")
        reader, writer = await asyncio.open_connection("127.0.0.1", serving.port)
        writer.write(client.data_to_send(0.0))
        (link,) = await _half_open(serving)
        async with raw(serving.port) as silent:  # a later connection whose handshake times out
            await silent.end()
        assert link in serving.server.hub.state.half_open
        ready.set()
        while not client.opened:
            client.receive(await reader.read(4096), 0.0)
        writer.close()


async def _half_open(serving: Serving) -> list[Connection]:
    """Wait until the server loads what a link needs, and return the connections without HELLO."""
    while True:
        half_open = serving.server.hub.state.half_open
        if math.inf in half_open.values():
            return list(half_open)
        await asyncio.sleep(0)


def test_the_garbage_collector_does_not_pause_the_event_loop_for_long() -> None:
    thresholds, frozen = gc.get_threshold(), gc.get_freeze_count()
    longest = []

    def note(phase: str, info: dict[str, int]) -> None:
        longest.append(info["generation"])

    gc.callbacks.append(note)
    try:
        with short_collections():
            kept = [[number] for number in range(100_000)]  # as if modules were loaded
    finally:
        gc.callbacks.remove(note)
        count = gc.get_freeze_count()
        gc.unfreeze()
    assert set(longest) == {0}  # only of new objects
    assert count >= frozen + len(kept)  # later collections leave them out
    assert gc.get_threshold() == thresholds
