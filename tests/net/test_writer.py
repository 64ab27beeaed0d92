"""The thread that makes batches durable."""

import asyncio

import pytest

from netchat.chat.journal import Batch
from netchat.errors import HistoryError
from netchat.net import writer as module
from netchat.net.writer import Writer


class Disk:
    """A history that fails when it is told to."""

    def __init__(self) -> None:
        self.failing = False
        self.written: list[Batch] = []
        self.purged: list[int] = []
        self.tries = 0

    def write(self, batches):
        self.tries += 1
        if self.failing:
            raise HistoryError("disk full")
        self.written += batches

    def purge(self, before):
        self.tries += 1
        if self.failing:
            raise HistoryError("disk full")
        self.purged.append(before)


class Desk:
    """A writer, and what it has said."""

    def __init__(self) -> None:
        self.disk = Disk()
        self.durable: list[Batch] = []
        self.trouble: list[HistoryError | None] = []
        self.news = asyncio.Event()
        loop = asyncio.get_running_loop()
        self.writer = Writer(self.disk, loop, self.on_durable, self.on_trouble)

    def on_durable(self, batch):
        self.durable.append(batch)
        self.news.set()

    def on_trouble(self, error):
        self.trouble.append(error)
        self.news.set()

    async def until(self, condition):
        async with asyncio.timeout(5):
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


async def test_batches_are_written_and_told_of_in_order(desk):
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
    assert [str(error) for error in desk.trouble] == ["disk full", "None"]  # once, and when over


async def test_purging_takes_its_turn_and_says_when_it_is_done(desk):
    done = []
    (first, second) = batches(2)
    desk.writer.put(first)
    desk.writer.purge(77, lambda: (done.append(list(desk.disk.written)), desk.news.set()))
    desk.writer.put(second)
    await desk.until(lambda: done and len(desk.durable) == 2)
    assert desk.disk.purged == [77]


async def test_closing_waits_for_what_was_put(desk):
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
