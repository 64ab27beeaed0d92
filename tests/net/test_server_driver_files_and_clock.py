"""Changes of a server's files and of the clock while it runs."""

import asyncio
import contextlib
import time
import types

import pytest

from netchat.chat.client_events import WarningReceived
from netchat.chat.persistence import RoomRow
from netchat.net import server_driver as module
from netchat.net.history.memory_history import MemoryHistory
from netchat.net.history.sqlite_history import SqliteHistory
from netchat.wire import ErrorCode, Event, Join, Send, Welcome
from tests.net.history.test_sqlite_history import batch, row
from tests.net.serving import raw, serve, talker

DAY = 86_400.0


@pytest.fixture
def path(tmp_path):
    return tmp_path / "h.db"


def rename(path):
    path.rename(path.with_name("elsewhere.db"))


def replace(path):
    rename(path)
    SqliteHistory(path.with_name("other.db")).close()
    path.with_name("other.db").rename(path)


@pytest.mark.parametrize("harm", [lambda path: path.unlink(), rename, replace])
@pytest.mark.slow
async def test_nothing_is_acknowledged_or_lost_when_the_file_is_gone(path, harm, monkeypatch):
    monkeypatch.setattr(module, "LINGER", 0.2)
    async with contextlib.AsyncExitStack() as clients:
        async with serve(SqliteHistory(path)) as serving:
            port = serving.port
            nova = await clients.enter_async_context(talker(port, "Nova", "lobby"))
            maya = await clients.enter_async_context(talker(port, "Maya", "lobby"))
            nova.say("before")
            await maya.until(lambda: maya.texts() == ["before"])
            harm(path)
            nova.say("one", "two")
            await maya.until(lambda: maya.all(WarningReceived))
            assert maya.all(WarningReceived)[0].error.code == ErrorCode.STORAGE
            assert maya.texts() == nova.texts() == ["before"]
            assert nova.core.unsent == 2
            (note,) = serving.noted("storage")
            assert "until then no message is acknowledged" in note.fields["text"]
        async with serve(SqliteHistory(path), port=port):
            await nova.until(lambda: nova.texts() == ["before", "one", "two"])
            assert nova.core.unsent == 0


async def test_nothing_acknowledged_is_lost_when_the_log_is_deleted(path, monkeypatch):
    monkeypatch.setattr(module, "LINGER", 0.2)
    async with serve(SqliteHistory(path)) as serving, talker(serving.port, "Nova", "lobby") as nova:
        nova.say("before")
        await nova.until(lambda: nova.texts() == ["before"])
        path.with_name("h.db-wal").unlink()
        nova.say("perhaps before it is noticed")
        await nova.until(lambda: nova.all(WarningReceived))
        acknowledged = len(nova.texts())
    history = SqliteHistory(path)
    frames, _ = history.read(history.load().rooms[0][0].id, 1, 9, 10**6)
    history.close()
    assert len(frames) >= 1 + acknowledged  # and Nova's joining


async def test_it_is_detected_without_traffic(path):
    async with serve(SqliteHistory(path)) as serving, raw(serving.port, "Nova") as nova:
        path.unlink()
        async with asyncio.timeout(20):
            await nova.until(lambda: getattr(nova.got[-1], "code", 0) == ErrorCode.STORAGE)


async def test_restoring_the_file_delivers_waiting_messages_once(path):
    async with serve(SqliteHistory(path)) as serving, talker(serving.port, "Nova", "lobby") as nova:
        rename(path)
        nova.say("waits")
        await nova.until(lambda: nova.all(WarningReceived))
        path.with_name("elsewhere.db").rename(path)
        await nova.until(lambda: nova.texts() == ["waits"])
        nova.say("goes on")
        await nova.until(lambda: nova.texts() == ["waits", "goes on"])


@pytest.fixture
def clock(monkeypatch):
    """The machine's clock; a test sets `ahead`, in seconds."""
    clock = types.SimpleNamespace(ahead=0.0, monotonic=time.monotonic, real=time.time)
    clock.time = lambda: clock.real() + clock.ahead
    monkeypatch.setattr(module, "time", clock)
    return clock


async def test_an_event_has_the_time_of_the_current_clock(clock):
    async with serve() as serving, raw(serving.port, "Nova") as nova:
        await nova.answer(Join(1, 0, 0, "lobby"))
        for number, ahead in enumerate([0.0, 3600.0, -7200.0, -7200.0, 40 * DAY], 1):
            clock.ahead = ahead
            before = clock.time()
            nova.send(Send(number, "lobby", "x"))
            await nova.echo(number)
            assert before * 1e6 - 1 <= nova.all(Event)[-1].time <= clock.time() * 1e6


async def test_times_never_go_backwards_while_the_clock_does_not():
    async with serve() as serving, raw(serving.port, "Nova") as nova:
        await nova.answer(Join(1, 0, 0, "lobby"))
        for number in range(1, 101):
            nova.send(Send(number, "lobby", "x"))
            await nova.echo(number)
        times = [event.time for event in nova.all(Event)]
        assert times == sorted(times)


@pytest.mark.parametrize("kept", ["memory", "disk"])
@pytest.mark.parametrize("year", [1901, 1969, 2262, 9999])
async def test_any_clock_will_do(clock, path, kept, year):
    clock.ahead = (year - 1970) * 365.25 * DAY - clock.real()
    history = MemoryHistory() if kept == "memory" else SqliteHistory(path)
    async with serve(history) as serving, raw(serving.port, "Nova") as nova:
        await nova.answer(Join(1, 0, 0, "lobby"))
        nova.send(Send(1, "lobby", "x"))
        await nova.echo(1)
        assert (nova.all(Event)[-1].time == 0) == (year < 1970)
        assert nova.all(Welcome)
        serving.server._purge(at_once=True)
        nova.send(Send(2, "lobby", "x"))
        await nova.echo(2)


@pytest.fixture
def with_past(path):
    """A history of 212 events."""
    history = SqliteHistory(path)
    now = int(time.time() * 1e6)
    history.write([batch(changes=[RoomRow(1, "lobby", 1, 77)])])
    history.write([batch(*[row(n, time=now - 10**6 + n) for n in range(1, 213)])])
    history.end_purge(now - int(30 * DAY * 1e6))
    return history


async def purges(serving):
    """Let the server purge; return the room's oldest event."""
    server, done = serving.server, asyncio.Event()
    purged = server._purged
    server._purged = lambda purge: (purged(purge), done.set())
    server._purge()
    server._purged = purged
    await asyncio.wait_for(done.wait(), 5)
    return next(iter(server.hub.state.feeds.values())).oldest


async def test_a_clock_40_days_ahead_deletes_nothing_before_a_day_has_passed(clock, with_past):
    clock.ahead = 40 * DAY
    async with serve(with_past) as serving:
        assert await purges(serving) == 1
        assert await purges(serving) == 1
        (note,) = serving.noted("storage")  # once
        assert "40 days of history" in note.fields["text"]
        assert "deleted in 24 hours" in note.fields["text"]
        assert "--purge-now" in note.fields["text"]
        clock.ahead += DAY
        assert await purges(serving) == 212
        (note,) = serving.noted("purged")
        assert "211" in note.fields["text"]


async def test_a_clock_that_is_set_right_meanwhile_begins_a_new_wait(clock, with_past):
    clock.ahead = 40 * DAY
    async with serve(with_past) as serving:
        assert await purges(serving) == 1
        clock.ahead = 0.0
        assert await purges(serving) == 1
        clock.ahead = 40 * DAY
        assert await purges(serving) == 1
        assert len(serving.noted("storage")) == 2


async def test_the_user_can_say_that_the_clock_is_right(clock, with_past):
    clock.ahead = 40 * DAY
    async with serve(with_past, purge_now=True) as serving:
        async with asyncio.timeout(20):
            while next(iter(serving.server.hub.state.feeds.values())).oldest == 1:
                await asyncio.sleep(0.01)
        assert serving.noted("purged")
