"""The asyncio driver of the server, on real sockets."""

import asyncio
import contextlib
import socket
import sys
import threading
import time

import pytest

from netchat.chat.client_events import WarningReceived
from netchat.chat.connection import Connection
from netchat.chat.effects import Close, Fanout, Log, Write
from netchat.net import group_commit
from netchat.net import server_driver as module
from netchat.net.event_loop import run
from netchat.net.history import history_writer as writer
from netchat.net.history.sqlite_history import SqliteHistory
from netchat.net.memory_bound import USUAL
from netchat.wire import (
    Bye,
    Error,
    ErrorCode,
    Event,
    Hello,
    History,
    HistoryEnd,
    Join,
    Leave,
    Ping,
    Pong,
    Send,
    Welcome,
    encode,
)
from tests.net.serving import TIMEOUT, BrittleHistory, raw, serve, talker


@pytest.fixture
def history(tmp_path):
    return BrittleHistory(tmp_path / "history.db", fsync=False)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    monkeypatch.setattr(module, "TICK_EVERY", 0.02)
    monkeypatch.setattr(module, "LINGER", 1.0)
    monkeypatch.setattr(writer, "RETRY_EVERY", 0.02)


def codes(link):
    return [ErrorCode(error.code) for error in link.all(Error)]


async def options_of_a_connection():
    async with serve() as serving, raw(serving.port, "Nova"):
        (peer,) = serving.server.state.connections
        sock = peer.transport.get_extra_info("socket")
        return (
            sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF),
            sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY),
        )


@pytest.mark.skipif(sys.platform != "linux", reason="other systems report other sizes")
def test_a_connection_has_a_small_send_buffer_and_sends_at_once():
    # Linux doubles the size, for its own bookkeeping.
    for result in (asyncio.run(options_of_a_connection()), run(options_of_a_connection())):
        assert result == (2 * module.SEND_BUFFER, 1)


async def conversation(history=None):
    async with serve(history) as serving:
        port = serving.port
        async with talker(port, "Nova", "lobby") as nova, talker(port, "Sourav", "lobby") as sourav:
            for n in range(200):
                (nova, sourav)[n % 2].say(str(n))
                if n % 20 == 0:
                    await asyncio.sleep(0)
            for one in (nova, sourav):
                await one.until(lambda one=one: len(one.texts()) == 200)
            assert nova.texts() == sourav.texts()
            assert sorted(map(int, nova.texts())) == list(range(200))
            assert nova.core.unsent == sourav.core.unsent == 0


async def test_a_conversation(history):
    await conversation(history)


async def test_a_conversation_that_is_kept_in_memory_only():
    await conversation()


def test_a_conversation_on_the_event_loop_that_serve_uses(history):
    run(conversation(history))


def test_all_sockets_are_read_between_two_commits(history):
    fcntl, termios = pytest.importorskip("fcntl"), pytest.importorskip("termios")
    unread = []  # bytes in the client's socket, which the event loop has not read yet

    async def converse():
        async with serve(history) as serving, raw(serving.port, "Nova") as nova:
            await nova.answer(Join(1, 0, 0, "lobby"))
            sent = serving.server._group_commit.sent

            class Watched:
                is_gathering = serving.server._group_commit.is_gathering

                def sent(self, events, begun, now):
                    size = fcntl.ioctl(
                        nova.writer.get_extra_info("socket"), termios.FIONREAD, bytes(4)
                    )
                    unread.append(int.from_bytes(size, sys.byteorder))
                    return sent(events, begun, now)

            serving.server._group_commit = Watched()
            nova.send(Send(1, "lobby", "Hello"))
            await nova.echo(1)

    run(converse())
    assert unread
    assert not any(unread)


async def test_a_batch_is_committed_although_the_timer_fires_early(history, monkeypatch):
    monkeypatch.setattr(module, "TICK_EVERY", 1000.0)  # a tick would commit it, too
    monkeypatch.setattr(writer, "CHECK_EVERY", 1000.0)
    monkeypatch.setattr(group_commit, "BUSY_EVENTS", 1)
    monkeypatch.setattr(group_commit, "MAX_SECONDS", 0.2)
    monkeypatch.setattr(module, "LIGHT_RATE", 1e-3)
    loop = asyncio.get_running_loop()
    call_later = loop.call_later

    def early(delay, *arguments):  # uvloop rounds to milliseconds of a cached time
        return call_later(delay / 4 if delay == group_commit.MAX_SECONDS else delay, *arguments)

    monkeypatch.setattr(loop, "call_later", early)
    async with serve(history) as serving, raw(serving.port, "Nova") as link:
        await link.answer(Join(1, 0, 0, "lobby"))
        for number in range(1, 5):
            link.send(Send(number, "lobby", "x"))
            await link.echo(number)


async def test_a_light_sender_does_not_wait_for_the_group_commit_of_heavy_ones(
    history, monkeypatch
):
    monkeypatch.setattr(group_commit, "BUSY_EVENTS", 1)
    monkeypatch.setattr(group_commit, "MAX_SECONDS", 1000.0)
    async with serve(history) as serving, raw(serving.port, "Nova") as link:
        await link.answer(Join(1, 0, 0, "lobby"))
        for number in range(1, 4):
            link.send(Send(number, "lobby", "x"))
            await link.echo(number)
        assert serving.server._gather_timer is not None


async def test_heavy_senders_are_served_while_a_commit_takes_long(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LIGHT_RATE", 5.0)  # a burst of one frame
    may_write = threading.Event()
    may_write.set()

    class Slow(SqliteHistory):
        def write(self, batches):
            may_write.wait()
            super().write(batches)

    history = Slow(tmp_path / "slow.db", fsync=False)
    async with (
        serve(history) as serving,
        raw(serving.port, "Nova") as light,
        raw(serving.port, "Flood") as heavy,
    ):
        await light.answer(Join(1, 0, 0, "lobby"))
        await heavy.answer(*[Ping(1)] * 20)  # used up its burst
        while serving.peers[0].clock > time.monotonic():
            await asyncio.sleep(0.01)
        try:
            may_write.clear()
            light.send(Send(1, "lobby", "x"))
            while not serving.server._committing:
                await asyncio.sleep(0.001)
            heavy.send(*[Ping(2)] * 100)
            while heavy.all(Pong).count(Pong(2)) < 100:
                light.send(Ping(3))  # it stays active
                serving.peers[0].clock = 0.0
                await heavy._read()
        finally:
            may_write.set()
        await light.until(lambda: bool(light.all(Event)))


def test_consecutive_writes_to_a_connection_are_joined():
    one, other, note = Connection(), Connection(), Log("note", {})
    effects = [
        Write(one, b"a"),
        Write(one, b"b"),
        note,
        Write(one, b"c"),
        Write(other, b"d"),
        Fanout([one, other], b"e"),
        Fanout([one, other], b"f"),
        Write(other, b"g"),
        Write(other, b"h"),
        Close(other),
    ]
    assert list(module._join_writes(effects)) == [
        Write(one, b"ab"),
        note,
        Write(one, b"c"),
        Write(other, b"d"),
        Fanout([one, other], b"e"),
        Fanout([one, other], b"f"),
        Write(other, b"gh"),
        Close(other),
    ]


class TestConnections:
    async def test_no_hello(self):
        async with serve(handshake_timeout=0.1) as serving, raw(serving.port) as link:
            await link.end()
            assert codes(link) == [ErrorCode.HANDSHAKE_TIMEOUT]

    async def test_half_a_frame(self):
        async with serve(frame_timeout=0.1) as serving, raw(serving.port, "Nova") as link:
            link.send(encode(Ping(1))[:20])
            await link.end()
            assert codes(link) == [ErrorCode.FRAME_TIMEOUT]

    async def test_no_frame(self):
        async with serve() as serving, raw(serving.port) as link:
            link.send(b"GET / HTTP/1.1\r\n\r\n")
            await link.end()
            assert codes(link) == [ErrorCode.BAD_FRAME]
            assert "BadMagic" in link.got[0].text

    async def test_one_too_many(self):
        async with serve(max_per_address=1) as serving, raw(serving.port, "Nova") as first:
            async with raw(serving.port) as late:
                await late.end()
                assert codes(late) == [ErrorCode.BUSY]
            assert await first.answer(Ping(5)) == Pong(5)

    async def test_a_connection_that_is_cut_leaves_its_session(self):
        async with serve() as serving:
            async with raw(serving.port, "Nova"):
                pass
            async with raw(serving.port) as other, asyncio.timeout(20):
                while serving.peers[1:]:
                    await asyncio.sleep(0.01)
                refused = await other.answer(Hello(0, b"x" * 16, b"", "Nova", "test", ()))
                assert refused.code == ErrorCode.NAME_TAKEN
            assert [n.fields["name"] for n in serving.noted("away")] == ["Nova"]

    async def test_a_member_lost_while_its_leaving_is_written(self, history):
        async with (
            serve(history) as serving,
            raw(serving.port, "Nova") as nova,
            raw(serving.port, "Maya") as maya,
        ):
            for one in (nova, maya):
                await one.answer(Join(1, 0, 0, "lobby"))
            history.full = True
            nova.send(Leave(2, "lobby"))
            await maya.until(lambda: ErrorCode.STORAGE in codes(maya))
            nova.writer.transport.abort()
            while len(serving.peers) > 1:
                await asyncio.sleep(0.01)
            history.full = False
            maya.send(Send(1, "lobby", "anybody?"))
            await maya.until(lambda: any(e.text == "anybody?" for e in maya.all(Event)))


class TestOverload:
    @pytest.mark.slow
    async def test_a_client_that_sends_too_fast_is_throttled_and_loses_nothing(self):
        async with serve(rate=1000, burst=10) as serving, raw(serving.port, "Nova") as link:
            began = time.monotonic()
            link.send(*[Ping(n) for n in range(300)])
            await link.until(lambda: len(link.all(Pong)) == 300)
            link.send(*[Ping(n) for n in range(300)])
            await link.until(lambda: len(link.all(Pong)) == 600)
            assert time.monotonic() - began > 0.28
            assert codes(link) == [ErrorCode.TOO_FAST]

    @pytest.mark.parametrize("count", [1, 10])
    @pytest.mark.slow
    async def test_a_flood_is_handled_at_the_rate_limit_and_waits_in_the_kernel(self, count):
        rate, burst = 200.0, 100.0
        join = encode(Join(1, 0, 0, "0123456789"))
        async with serve(rate=rate, burst=burst) as serving, contextlib.AsyncExitStack() as stack:
            began = time.monotonic()
            links = [
                await stack.enter_async_context(raw(serving.port, f"F{n}")) for n in range(count)
            ]
            for link in links:
                link.send(join * (8_000_000 // len(join)))
            held, sent = 0, time.monotonic()
            async with asyncio.timeout(TIMEOUT):
                while time.monotonic() - sent < 1.0 or not held:
                    await asyncio.sleep(0.01)
                    held = max(held, *(peer.reader.pending for peer in serving.peers))
            handled = len(serving.noted("refused"))
            seconds = time.monotonic() - began
            assert handled <= count * (burst + 1.05 * rate * seconds)
            # Only one read; the rest stays in the kernel, where TCP makes the sender wait.
            assert held <= 256 * 1024

    async def test_light_senders_do_not_wait_for_heavy_senders(self, monkeypatch):
        monkeypatch.setattr(module, "LIGHT_SAVED", 0.5)
        frames = b"".join(encode(Ping(n)) for n in range(20_000))
        async with (
            serve(rate=0.0) as serving,
            raw(serving.port, "Loud") as loud,
            raw(serving.port, "Quiet") as quiet,
        ):
            loud.send(frames)
            while not serving.server._line:
                await asyncio.sleep(0)
            assert await quiet.answer(Ping(7)) == Pong(7)
            assert serving.server._line, "the loud one was served first"
            await loud.until(lambda: len(loud.all(Pong)) == 20_000)

    async def test_a_slow_reader_takes_no_memory_and_misses_nothing(self, history):
        text = "x" * 16_000
        count = 500
        async with serve(history, rate=0.0) as serving:
            most = 0
            async with raw(serving.port, "S", limit=4096) as slow, raw(serving.port, "F") as fast:
                for one in (slow, fast):
                    await one.answer(Join(1, 0, 0, "lobby"))
                for at in range(1, count, 50):
                    fast.send(*[Send(n, "lobby", text) for n in range(at, at + 50)])
                    await fast.echo(at + 49)
                    sizes = [p.transport.get_write_buffer_size() for p in serving.peers]
                    most = max(most, *sizes)
                assert len(serving.server.hub.state.stalled_connections) == 1
                # Buffered: the bytes in transit when it stalled, and one part of the history, not 8 MB.
                assert most < 4 * USUAL[0]
                await slow.echo(count)
                seqs = [event.seq for event in slow.all(Event)]
                assert seqs == list(range(seqs[0], seqs[0] + count + 2))
                assert not serving.server.hub.state.stalled_connections
                fast.send(Send(count + 100, "lobby", "live"))
                await slow.until(lambda: slow.got[-1].text == "live")

    async def test_a_greedy_reader_of_history_takes_no_memory(self, history):
        async with serve(history, rate=0.0) as serving, raw(serving.port, "Nova") as link:
            await link.answer(Join(1, 0, 0, "lobby"))
            link.send(*[Send(n, "lobby", "x" * 16_000) for n in range(1, 101)])
            await link.until(lambda: len(link.all(Event)) == 101)
            (peer,) = serving.peers
            link.send(*[History(n, 1, 100, "lobby") for n in range(60)])  # 15 MB of answers
            most = 0
            while not isinstance(link.got[-1], HistoryEnd) or link.got[-1].request < 59:
                count = len(link.got)
                await link.until(lambda count=count: len(link.got) > count)
                most = max(most, peer.transport.get_write_buffer_size())
            assert [end.request for end in link.all(HistoryEnd)] == list(range(60))
            assert most < 4 * USUAL[0]

    async def test_a_stalled_reader_is_disconnected_and_can_resume(self, history):
        async with serve(history, rate=0.0, stall_timeout=0.2) as serving:
            async with raw(serving.port, limit=4096) as slow, raw(serving.port, "Fast") as fast:
                welcome = await slow.answer(Hello(0, b"s" * 16, b"", "PauseReading", "test", ()))
                for one in (slow, fast):
                    await one.answer(Join(1, 0, 0, "lobby"))
                number = 0
                while not serving.noted("dismissed"):
                    number += 1
                    fast.send(Send(number, "lobby", "x" * 16_000))
                    await fast.echo(number)
            assert serving.noted("dismissed")[0].fields["code"] == "STALLED"
            async with raw(serving.port) as back:
                again = await back.answer(
                    Hello(0, b"s" * 16, welcome.token, "PauseReading", "test", ())
                )
                assert isinstance(again, Welcome)
                assert again.resumed


class Clock:
    """Clock of a server, which a test can set forward."""

    time = staticmethod(time.time)

    def __init__(self):
        self.ahead = 0.0

    def monotonic(self):
        return time.monotonic() + self.ahead


class TestFailingDisk:
    async def test_messages_wait_and_no_message_is_lost(self, history, monkeypatch):
        monkeypatch.setattr(module, "MAX_WAITING", 20_000)
        clock = Clock()
        monkeypatch.setattr(module, "time", clock)
        async with serve(history, rate=0.0) as serving:
            port = serving.port
            async with talker(port, "Nova", "lobby") as nova, talker(port, "M", "lobby") as maya:
                history.full = True
                nova.say(*[f"{n} " + "x" * 1000 for n in range(1500)])
                await maya.until(lambda: maya.all(WarningReceived))
                assert maya.all(WarningReceived)[0].error.code == ErrorCode.STORAGE
                (idle,) = (p for p in serving.peers if p.session.name == "M")
                for _ in range(10):  # longer than every timeout
                    # Less than `ping_after`, so that the server notices each PONG.
                    clock.ahead += serving.server.settings.ping_after / 2
                    reached = clock.monotonic()
                    async with asyncio.timeout(TIMEOUT):
                        while serving.server.hub.state.last_sweep < reached or (
                            idle.ping_sent and idle.heard < reached
                        ):
                            await asyncio.sleep(0.01)
                held = [p for p in serving.peers if p.holds]
                assert len(held) == 1  # the server does not read from Nova
                assert serving.server.hub.state.batch.weight < 1_000_000
                assert nova.texts() == []
                assert not serving.noted("dismissed")
                history.full = False
                for one in (nova, maya):
                    await one.until(lambda one=one: len(one.texts()) == 1500)
                assert maya.texts() == nova.texts()
                assert [int(t.split()[0]) for t in maya.texts()] == list(range(1500))
                assert nova.core.unsent == 0
                assert len(serving.noted("storage")) == 2
                for one in (nova, maya):
                    found = [warning.error.code for warning in one.all(WarningReceived)]
                    assert found == [ErrorCode.STORAGE, ErrorCode.STORAGE_RESTORED]

    async def test_a_client_that_connects_meanwhile_is_welcomed_after_recovery(self, history):
        async with serve(history) as serving, raw(serving.port, "Nova") as nova:
            history.full = True
            nova.send(Join(1, 0, 0, "lobby"))
            await nova.until(lambda: ErrorCode.STORAGE in codes(nova))
            async with raw(serving.port) as late:
                late.send(Hello(0, b"l" * 16, b"", "Late", "test", ()))
                await asyncio.sleep(0.1)
                history.full = False
                await late.until(lambda: late.all(Welcome))
                assert codes(late) == [ErrorCode.STORAGE, ErrorCode.STORAGE_RESTORED]


class TestStopping:
    @pytest.mark.slow
    async def test_received_messages_are_acknowledged_before_bye(self, tmp_path):
        history = SqliteHistory(tmp_path / "h.db", fsync=False)
        async with serve(history, rate=0.0) as serving, raw(serving.port, "Nova") as link:
            await link.answer(Join(1, 0, 0, "lobby"))
            link.send(*[Send(n, "lobby", "x") for n in range(1, 2001)])
            await link.until(lambda: len(link.all(Event)) > 300)
            stopping = asyncio.create_task(serving.server.stop())
            await link.end()
            await stopping
            assert isinstance(link.got[-1], Bye)
            echoes = [e.counter for e in link.all(Event) if e.counter]
            assert echoes == list(range(1, len(echoes) + 1))
        reopened = SqliteHistory(tmp_path / "h.db", fsync=False)
        ((_, head, _),) = reopened.load().rooms
        reopened.close()
        assert head == len(echoes) + 1  # only acknowledged messages are on disk

    @pytest.mark.slow
    async def test_messages_waiting_for_a_group_commit_are_acknowledged_too(
        self, history, monkeypatch
    ):
        monkeypatch.setattr(group_commit, "BUSY_EVENTS", 1)
        monkeypatch.setattr(group_commit, "MAX_SECONDS", 0.5)
        monkeypatch.setattr(module, "LIGHT_RATE", 1e-3)  # messages of light senders do not wait
        async with serve(history) as serving, raw(serving.port, "Nova") as link:
            await link.answer(Join(1, 0, 0, "lobby"))
            link.send(*[Send(n, "lobby", "x") for n in (1, 2)])
            await link.echo(2)
            link.send(Send(3, "lobby", "x"))
            while not serving.server.hub.state.batch.rows:
                await asyncio.sleep(0.001)
            await serving.server.stop()
            await link.end()
            assert [type(m) for m in link.got[-2:]] == [Event, Bye]
            assert link.got[-2].counter == 3

    async def test_no_more_connections_are_accepted(self):
        async with serve() as serving:
            await serving.server.stop()
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", serving.port)

    async def test_a_failing_disk_does_not_hold_it_up(self, history, monkeypatch):
        monkeypatch.setattr(module, "LINGER", 0.2)
        async with serve(history) as serving, raw(serving.port, "Nova") as link:
            await link.answer(Join(1, 0, 0, "lobby"))
            history.full = True
            link.send(Send(1, "lobby", "never"))
            await link.until(lambda: ErrorCode.STORAGE in codes(link))
            async with asyncio.timeout(TIMEOUT):
                await serving.server.stop()
            await link.end()
            assert isinstance(link.got[-1], Bye)
            assert not [e for e in link.all(Event) if e.counter]

    async def test_a_client_that_takes_nothing_in_does_not_hold_it_up(self, history, monkeypatch):
        monkeypatch.setattr(module, "LINGER", 0.2)
        async with (
            serve(history, rate=0.0) as serving,
            raw(serving.port, "PauseReading", limit=4096) as slow,
            raw(serving.port, "Fast") as fast,
        ):
            for one in (slow, fast):
                await one.answer(Join(1, 0, 0, "lobby"))
            number = 0
            while not serving.server.hub.state.stalled_connections:
                number += 1
                fast.send(Send(number, "lobby", "x" * 16_000))
                await fast.echo(number)
            async with asyncio.timeout(TIMEOUT):
                await serving.server.stop()


async def test_old_history_is_deleted_and_logged(history):
    async with serve(history) as serving, raw(serving.port, "Nova") as link:
        await link.answer(Join(1, 0, 0, "lobby"))
        link.send(*[Send(n, "lobby", "x") for n in range(1, 11)])
        await link.until(lambda: len(link.all(Event)) == 11)
        object.__setattr__(serving.server.settings, "keep", -1.0)
        serving.server._purge(at_once=True)
        (lobby,) = serving.server.hub.state.feeds.values()
        async with asyncio.timeout(20):
            while lobby.oldest == 1:
                await asyncio.sleep(0.01)
        assert lobby.oldest == 11
        link.send(History(1, 1, 99, "lobby"))
        await link.until(lambda: link.all(HistoryEnd))
        assert link.got[-1] == HistoryEnd(1, 11, 11, 11, "lobby")


@pytest.mark.parametrize("kept", ["memory", "disk"])
async def test_a_slow_reader_is_served_at_once(history, kept, monkeypatch):
    monkeypatch.setattr(module, "TICK_EVERY", 1000.0)  # nothing may wait for the next tick
    async with (
        serve(history if kept == "disk" else None) as serving,
        raw(serving.port, "Nova") as nova,
        raw(serving.port, "Maya") as maya,
    ):
        joined = await nova.answer(Join(1, 0, 0, "lobby"))
        nova.send(*[Send(n, "lobby", "x") for n in range(1, 11)])
        await nova.until(lambda: len(nova.all(Event)) == 11)
        log = joined.membership[0].log
        maya.send(Join(1, log, 2, "lobby"))
        await maya.until(lambda: len(maya.all(Event)) == 10)
        assert [e.seq for e in maya.all(Event)] == list(range(3, 13))
    if kept == "memory":
        history.close()
