"""Memory of all connections together: the limits, and the connections that are closed."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field

import pytest

from netchat.net import memory_bound as module
from netchat.net.memory_bound import (
    MOST_RECEIVED,
    MOST_UNREAD,
    REDUCED,
    SCARCE_FROM,
    USUAL,
    MemoryBound,
)
from netchat.wire import Event, History, Join, Send
from tests.net.serving import Raw, Serving, raw, serve

KIB = 1024


@dataclass
class Line:
    unsent: int
    limits: tuple[int, int] = USUAL
    received: int = 0

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def set_write_buffer_limits(self, high: int, low: int) -> None:
        self.limits = high, low


@dataclass(eq=False)
class Client:
    share: str
    unsent: int
    stalled_since: float = 1.0
    transport: Line = field(init=False)

    def __post_init__(self) -> None:
        self.transport = Line(self.unsent)


def test_limits_are_reduced_while_memory_is_scarce() -> None:
    bound, clients = MemoryBound(), [Client("a", 256 * KIB) for _ in range(30)]
    assert bound.check(clients, 10.0) == []
    assert bound.limits == USUAL
    clients[0].transport.unsent = SCARCE_FROM
    assert bound.check(clients, 10.0) == []
    assert {client.transport.limits for client in clients} == {REDUCED}
    assert bound.limits == REDUCED
    clients[0].transport.unsent = 0
    assert bound.check(clients, 10.0) == []  # not at once, or they would change all the time
    assert bound.limits == REDUCED
    for client in clients:
        client.transport.unsent = 0
    assert bound.check(clients, 10.0) == []
    assert {client.transport.limits for client in clients} == {USUAL}


def test_connections_of_the_address_that_occupies_most_are_closed() -> None:
    size = 256 * KIB
    hostile = [Client("hostile", size + number) for number in range(MOST_UNREAD // size)]
    others = [Client(f"10.0.0.{number}", size) for number in range(10)]
    chosen = MemoryBound().check([*others, *hostile], 10.0)

    assert set(chosen) <= set(hostile)
    assert len(chosen) == 11
    assert chosen[0] is hostile[-1]  # the one with most


def test_connections_that_have_read_lately_are_not_closed() -> None:
    clients = [Client("a", MOST_UNREAD // 8, stalled_since=0.0) for _ in range(20)]
    clients += [Client("a", MOST_UNREAD // 8, stalled_since=9.0) for _ in range(20)]
    assert MemoryBound().check(clients, 13.9) == []
    assert len(MemoryBound().check(clients, 14.0)) == 12


def test_links_are_closed_for_what_they_have_received_and_not_for_what_others_have_not_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Many clients may have the same bytes unread, which are stored once."""
    monkeypatch.setattr(module, "memory_of", lambda line: (line.unsent, line.received))
    links = [Client("b", 0, stalled_since=0.0) for _ in range(40)]
    for link in links:
        link.transport.received = MOST_RECEIVED // 40
    clients = [Client("a", MOST_UNREAD // 8, stalled_since=9.0) for _ in range(20)]
    assert MemoryBound().check([*clients, *links], 13.0) == []
    links[7].transport.received += 1000
    assert MemoryBound().check([*clients, *links], 13.0) == [links[7]]


def test_the_limits_are_reduced_between_two_checks() -> None:
    bound, clients = MemoryBound(), [Client("a", 0) for _ in range(40)]
    scarce = []
    for client in clients:
        client.transport.unsent = 256 * KIB
        bound.written(clients, 256 * KIB)
        scarce.append(bound.is_scarce)
    # Every ninth one exceeds 2 MiB; with the 36th, 9 MiB are unread.
    assert scarce == [False] * 35 + [True] * 5
    assert {client.transport.limits for client in clients} == {REDUCED}


def held(serving: Serving) -> int:
    return sum(module.memory_of(peer.transport)[0] for peer in serving.peers)


async def history_that_nobody_reads(
    serving: Serving, stack: contextlib.AsyncExitStack, count: int
) -> Raw:
    """Let many clients request 800 KB of history again and again without reading.

    Returns:
        The client who wrote the history.
    """
    nova = await stack.enter_async_context(raw(serving.port, "Nova"))
    await nova.answer(Join(1, 0, 0, "lobby"))
    nova.send(*[Send(counter, "lobby", "x" * 16_000) for counter in range(1, 51)])
    await nova.echo(50)
    hostile = [
        await stack.enter_async_context(raw(serving.port, f"Silent{number}", limit=1024))
        for number in range(count)
    ]
    for silent in hostile:
        silent.send(Join(1, 0, 0, "lobby"))
        silent.send(*[History(number, 1, 50, "lobby") for number in range(40)])
    return nova


async def test_clients_that_never_read_occupy_no_more_than_so_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "SCARCE_FROM", 1024 * KIB)
    # Less than twenty times what a connection may have unread while memory is scarce.
    monkeypatch.setattr(module, "MOST_UNREAD", 160 * KIB)
    monkeypatch.setattr(module, "GRACE", 0.0)
    monkeypatch.setattr("netchat.net.server_driver.TICK_EVERY", 0.02)
    async with serve(rate=0.0) as serving, contextlib.AsyncExitStack() as stack:
        nova = await history_that_nobody_reads(serving, stack, 20)
        async with asyncio.timeout(20):
            while len(serving.peers) == 21 or held(serving) > 160 * KIB:
                await asyncio.sleep(0.01)
        nova.send(Send(51, "lobby", "still here"))
        await nova.echo(51)
        assert nova.all(Event)[-1].text == "still here"


async def test_connections_that_request_history_and_never_read_share_a_bounded_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Between two checks as well: all of them request at once, and no check runs."""
    monkeypatch.setattr("netchat.net.server_driver.TICK_EVERY", 1e6)
    monkeypatch.setattr(module, "SCARCE_FROM", 1024 * KIB)
    async with serve(rate=0.0) as serving, contextlib.AsyncExitStack() as stack:
        await history_that_nobody_reads(serving, stack, 60)
        async with asyncio.timeout(20):
            while sum(peer.stalled_since > 0 for peer in serving.peers) < 60:
                await asyncio.sleep(0.01)
        # Until memory is scarce, then what is written in one turn, then 16 KiB and one answer each.
        assert held(serving) < (1024 + 1024 + 60 * 48) * KIB
