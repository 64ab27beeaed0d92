"""Codes that clients name: built in a thread, few at a time, and freed after use."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncIterator

import pytest

from netchat.coding.reed_solomon import tables as rs_tables
from netchat.link import code_table as codes
from netchat.link.code_table import CODES, BlockCode
from netchat.link.link import Link
from netchat.net.client_path import ClientPath
from netchat.net.link import code_loader
from netchat.net.link.code_loader import MAX_IN_USE, CodeLoader
from tests.net.serving import serve, talker


@pytest.fixture
async def loader(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[CodeLoader]:
    monkeypatch.setattr(code_loader, "_REST", 0)
    loader = CodeLoader(asyncio.get_running_loop())
    yield loader
    loader.close()


async def built(loader: CodeLoader, spec: str, share: str = "10.0.0.1") -> BlockCode:
    async with asyncio.timeout(60):
        while (code := loader.source(share)(spec)) is None:
            await asyncio.sleep(0.001)
    return code


async def test_a_code_of_the_table_is_there_at_once(loader: CodeLoader) -> None:
    for number, spec in CODES.items():
        if number < 16:
            assert loader.source("10.0.0.1")(spec) is codes.table()[number]


@pytest.mark.slow
async def test_incremental_redundancy_is_loaded_in_a_thread(
    loader: CodeLoader, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def fail() -> None:
        tried.append(threading.current_thread())
        raise MemoryError("no memory")

    monkeypatch.setattr(code_loader, "warm_up_redundancy", fail)
    async with asyncio.timeout(10):
        while len(tried) < 2:  # it is tried again
            assert loader.source("10.0.0.1")("nr:3") is None
            await asyncio.sleep(0.001)
    assert threading.main_thread() not in tried
    monkeypatch.undo()
    assert await built(loader, "nr:3") is codes.table()[16]
    assert loader.source("10.0.0.2")("nr:135") is codes.table()[37]
    with pytest.raises(ValueError, match="a link cannot use the code"):
        loader.source("10.0.0.1")("nr:3..5")


async def test_a_code_outside_the_table_is_built_in_a_thread(
    loader: CodeLoader, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = set()
    warm_up = BlockCode.warm_up

    def watched(code: BlockCode) -> None:
        threads.add(threading.current_thread())
        warm_up(code)

    monkeypatch.setattr(BlockCode, "warm_up", watched)

    source = loader.source("10.0.0.1")
    assert source("rs:255,200") is None
    code = await built(loader, "rs:255,200")

    assert threads
    assert threading.main_thread() not in threads
    assert source("rs:255,200") is code


async def test_a_spec_that_no_link_may_use_is_refused_with_the_reason(loader: CodeLoader) -> None:
    assert loader.source("10.0.0.1")("rs:10,20") is None
    with pytest.raises(ValueError, match="Argument 'k' must be from 1 to n - 1"):
        await built(loader, "rs:10,20")


@pytest.mark.slow
async def test_unused_codes_are_freed(loader: CodeLoader) -> None:
    gc.collect()
    before = len(rs_tables._in_use)
    for k in range(150, 150 + 2 * MAX_IN_USE):
        await built(loader, f"rs:255,{k}")
    gc.collect()

    assert len(loader._in_use) <= 9
    assert len(rs_tables._in_use) <= before + 9 + 4


async def test_the_number_of_codes_in_use_is_limited_and_the_table_still_works(
    loader: CodeLoader,
) -> None:
    used = [await built(loader, f"rs:{250 - i},{230 - i}", share=str(i)) for i in range(MAX_IN_USE)]

    source = loader.source("another")
    with pytest.raises(ValueError, match=f"links already use {MAX_IN_USE} other codes"):
        source("rs:255,99")
    assert source(used[0].spec) is used[0]
    assert source("rs:255,223") is not None
    used.clear()


async def test_one_address_leaves_codes_for_others(loader: CodeLoader) -> None:
    used = []
    for share, most in (("10.0.0.1", 8), ("10.0.0.2", 4), ("10.0.0.3", 2), ("10.0.0.4", 1)):
        used += [await built(loader, f"rs:{250 - len(used) - i},200", share) for i in range(most)]
        with pytest.raises(ValueError, match=f"your address already use {most} other code"):
            loader.source(share)("rs:255,99")
    used.append(await built(loader, "rs:255,99", "10.0.0.5"))
    assert len(used) == MAX_IN_USE


async def test_codes_that_wait_to_be_built_count_too(loader: CodeLoader) -> None:
    hostile = loader.source("10.0.0.1")
    for k in range(MAX_IN_USE // 2):
        assert hostile(f"rs:255,{100 + k}") is None
    with pytest.raises(ValueError, match="your address already use 8 other codes"):
        hostile("rs:255,99")
    assert loader.source("10.0.0.2")("rs:255,98") is None


async def test_addresses_take_turns_in_having_a_code_built(
    loader: CodeLoader, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    begin = threading.Event()

    def watched(spec: str) -> str:
        begin.wait(10)
        order.append(spec)
        return spec

    monkeypatch.setattr(code_loader, "check_spec", watched)
    for k in range(100, 106):
        loader.source("10.0.0.1")(f"rs:255,{k}")
    for k in range(200, 202):
        loader.source("10.0.0.2")(f"rs:255,{k}")
    begin.set()
    await built(loader, "rs:255,105")

    assert order[:5] == [f"rs:255,{k}" for k in (100, 200, 101, 201, 102)]


async def test_no_address_makes_the_loader_forget_what_another_one_is_about_to_use(
    loader: CodeLoader,
) -> None:
    """A client asks again after half a second; others ask for codes that cannot be built."""
    waited_for = (await built(loader, "rs:255,241")).spec
    for n in range(2 * code_loader._RECENT):
        with pytest.raises(ValueError, match="Argument 'k'"):
            await built(loader, f"rs:{10 + n},{20 + n}", "10.0.0.9")
    gc.collect()

    assert waited_for in loader._in_use
    assert len(loader._recent) == code_loader._RECENT


async def test_a_link_whose_code_is_not_ready_opens_when_it_is() -> None:
    ready: dict[str, BlockCode] = {}
    server, client = Link.server(code=ready.get), Link.client("crc:8")
    server.receive(client.data_to_send(0.0), 0.0)

    assert server.data_to_send(0.0) == b""
    assert not server.opened
    ready["crc:8"] = codes.block_code("crc:8")
    server.receive(client.data_to_send(0.5), 0.5)

    assert server.opened


@pytest.mark.parametrize("udp", [False, True])
@pytest.mark.slow
async def test_a_client_with_its_own_code_is_accepted(udp: bool) -> None:
    async with serve(udp=udp) as serving:
        path = ClientPath("rs:255,241", udp=udp)
        async with talker(serving.port, "Nova", "lobby", path=path) as nova:
            nova.say("hello")
            await nova.until(lambda: nova.texts() == ["hello"])
            assert path.link is not None
            assert path.link.code_in == "rs:255,241"


async def test_a_code_that_cannot_be_built_is_refused_and_does_not_block_the_next(
    loader: CodeLoader, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_memory(code: BlockCode) -> None:
        raise MemoryError

    monkeypatch.setattr(BlockCode, "warm_up", no_memory)
    with pytest.raises(ValueError, match="cannot build hamming:15,11: MemoryError"):
        await built(loader, "hamming:15,11")
    assert not loader._waiting
    assert not loader._building
