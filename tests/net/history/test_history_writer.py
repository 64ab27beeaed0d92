"""The writer thread, which makes batches durable."""

import asyncio
import threading

import pytest

from netchat.chat.persistence import Batch
from netchat.errors import HistoryError
from netchat.net.history import history_writer as module
from netchat.net.history.history_writer import HistoryWriter
from netchat.net.history.purge import DueRoom, Purge


class Disk:
    """A history that fails on request."""

    def __init__(self) -> None:
        self.failing = False
        self.error: Exception = HistoryError("disk full")
        self.moved = False
        self.written: list[Batch] = []
        self.purged: list[tuple[int, int]] = []
        self.tries = self.rescues = 0
        self.may_purge = threading.Event()
        self.may_purge.set()

    def write(self, batches):
        self.tries += 1
        if self.failing:
            raise self.error
        self.written += batches

    def check(self):
        if self.moved:
            raise HistoryError("renamed")

    def in_place(self):
        return not self.moved

    def rescue(self):
        self.rescues += 1

    def due(self, before):
        yield [DueRoom(room, 0) for room in (1, 2, 3)]

    def last_purge(self):
        return None

    def end_purge(self, before):
        assert before == 77

    def postpone_purge(self, postponed):
        assert postponed is None

    def purge_room(self, room, before, most):
        assert self.may_purge.wait(20)
        if room == 2:
            raise HistoryError("room 2 is damaged")
        self.purged.append((room, len(self.written)))
        return 5, 6


class Desk:
    """A writer and its reports."""

    def __init__(self) -> None:
        self.disk = Disk()
        self.durable: list[Batch] = []
        self.trouble: list[HistoryError | None] = []
        self.news = asyncio.Event()
        loop = asyncio.get_running_loop()
        self.writer = HistoryWriter(self.disk, loop, self.on_durable, self.on_trouble)

    def on_durable(self, batch):
        self.durable.append(batch)
        self.news.set()

    def on_trouble(self, error):
        self.trouble.append(error)
        self.news.set()

    async def until(self, condition):
        async with asyncio.timeout(20):
            while not condition():
                await self.news.wait()
                self.news.clear()


@pytest.fixture
async def desk(monkeypatch):
    monkeypatch.setattr(module, "RETRY_EVERY", 0.01)
    desk = Desk()
    yield desk
    desk.writer.close()


def batches(count):
    return [Batch(size=n) for n in range(count)]


async def test_batches_are_written_and_confirmed_in_order(desk):
    sent = batches(100)
    for batch in sent:
        desk.writer.put(batch)
    await desk.until(lambda: len(desk.durable) == 100)
    assert desk.disk.written == desk.durable == sent
    assert desk.trouble == []


async def test_a_failing_disk_is_tried_again_until_it_works(desk):
    desk.disk.failing = True
    sent = batches(3)
    for batch in sent:
        desk.writer.put(batch)
    await desk.until(lambda: desk.trouble)
    while desk.disk.tries < 5:
        await asyncio.sleep(0.005)
    assert desk.durable == []
    desk.disk.failing = False
    await desk.until(lambda: len(desk.durable) == 3)
    assert desk.disk.written == desk.durable == sent
    assert [str(error) for error in desk.trouble] == [
        "disk full",
        "None",
    ]  # reported once, and when it works again


async def test_a_purge_neither_stops_at_damage_nor_keeps_batches_waiting(desk):
    done = []
    purge = Purge(desk.disk, 77, 0, at_once=True)
    sent = batches(20)
    desk.disk.may_purge.clear()  # until all batches wait
    desk.writer.purge(purge, lambda purge: (done.append(purge), desk.news.set()))
    for batch in sent:
        desk.writer.put(batch)
    desk.disk.may_purge.set()
    await desk.until(lambda: done and len(desk.durable) == 20)
    assert desk.disk.written == sent
    assert done == [purge]
    assert (purge.deleted, purge.oldest) == (10, {1: 6, 3: 6})
    assert purge.problems == ["room 2 is damaged"]
    assert desk.trouble == []
    assert desk.disk.purged[-1] == (3, 20)  # its last step came after the batches


async def test_a_batch_in_a_file_that_has_moved_is_not_durable_until_it_is_back(desk):
    desk.disk.moved = True
    (batch,) = batches(1)
    desk.writer.put(batch)
    await desk.until(lambda: desk.trouble)
    while desk.disk.rescues < 3:
        await asyncio.sleep(0.005)
    assert desk.disk.written == [batch]
    assert desk.durable == []
    desk.disk.moved = False
    await desk.until(lambda: desk.durable == [batch])
    assert desk.disk.written == [batch]  # once
    assert [str(error) for error in desk.trouble] == ["renamed", "None"]


async def test_a_file_that_moves_while_nothing_is_written_is_noticed(monkeypatch):
    monkeypatch.setattr(module, "CHECK_EVERY", 0.01)
    desk = Desk()
    desk.disk.moved = True
    await desk.until(lambda: desk.trouble)
    await asyncio.to_thread(desk.writer.close)


async def test_an_error_of_another_kind_does_not_end_the_thread(desk):
    (batch,) = batches(1)
    desk.disk.failing, desk.disk.error = True, ZeroDivisionError()
    desk.writer.put(batch)
    await desk.until(lambda: desk.trouble)
    desk.disk.failing = False
    await desk.until(lambda: desk.durable == [batch])
    assert "ZeroDivisionError" in str(desk.trouble[0])


async def test_closing_waits_for_queued_batches(desk):
    for batch in batches(50):
        desk.writer.put(batch)
    desk.writer.close()
    assert len(desk.disk.written) == 50


async def test_closing_does_not_wait_for_a_failing_disk(desk):
    desk.disk.failing = True
    desk.writer.put(Batch())
    await desk.until(lambda: desk.trouble)
    await asyncio.wait_for(asyncio.to_thread(desk.writer.close), 2)
    assert desk.durable == []
