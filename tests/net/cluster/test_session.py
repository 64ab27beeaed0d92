"""Faults of Redis, of the network and of servers, with a real Redis."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys

import pytest

from netchat.errors import ClusterError
from netchat.net.cluster.connection import RedisUnavailable
from netchat.net.cluster.entries import ExpiredRecord
from netchat.net.cluster.entry_filter import ServerExpired
from netchat.net.cluster.lease import LeaseWatch
from netchat.net.cluster.redis_url import parse_redis_url
from netchat.net.cluster.start_position import LogLost
from tests.net.cluster.recorder import QUICK, Recorder, timing, until
from tests.net.cluster.redis_process import DURABLE, RedisProcess, needs_redis
from tests.net.cluster.unix_proxy import UnixProxy

pytestmark = needs_redis


async def test_a_batch_whose_reply_is_lost_counts_once(redis: RedisProcess) -> None:
    async with (
        UnixProxy(redis.socket) as proxy,
        Recorder(redis.url, "west") as west,
        Recorder(parse_redis_url(f"unix://{proxy.path}"), "east") as east,
    ):
        for count in range(6):
            proxy.swallow_replies()
            east.log.append([b"%d" % count])
            # Redis has it, and the server does not know.
            await until(lambda count=count: len(west.commands) == count + 1)
            proxy.cut()
            await east.settle()
        assert east.commands == west.commands == [b"%d" % count for count in range(6)]
        assert redis.command("XLEN", "lab:stream") != b":8\r\n", "nothing was appended twice"
        assert [one.server for one in east.log.servers] == ["west", "east"]
        assert [one[0] for one in east.reports[:3]] == [True, False, True]


async def test_killing_redis_loses_and_duplicates_nothing(redis: RedisProcess) -> None:
    async with Recorder(redis.url, "east") as east, Recorder(redis.url, "west") as west:
        for turn in range(3):
            for count in range(200):
                east.log.append([b"east %d %d" % (turn, count)])
                west.log.append([b"west %d %d" % (turn, count)])
                if count == 100:
                    await asyncio.sleep(0.002)
            redis.kill()
            # On a slow machine there may be more reports than these.
            await until(lambda: east.reports and not east.reports[-1][0])
            redis.start()
            await until(lambda: east.reports[-1][0])
        await east.settle()
        await west.settle()
        await until(lambda: len(east.commands) == len(west.commands) == 1200)
        assert east.commands == west.commands
        assert east.numbers == west.numbers == list(range(1, 601))
        assert not east.rejected, "the lease outlasts a restart of Redis"


async def test_a_redis_that_hangs_is_reported_within_a_second(redis: RedisProcess) -> None:
    quick = timing(heartbeat=0.02, slow=0.1)
    async with Recorder(redis.url, "east", timing=quick) as east:
        redis.pause()
        east.log.append([b"waiting"])
        await until(lambda: not east.reports[-1][0])
        assert east.reports[-1][1] == "Redis has not answered for 0.1 s"
        assert not east.commands
        redis.resume()
        await until(lambda: east.reports[-1][0])
        await east.settle()
        assert east.commands == [b"waiting"]
    assert QUICK.heartbeat + QUICK.slow < 1


@pytest.mark.parametrize("connections", [1, 2, 3])
async def test_a_connection_that_stalls_is_replaced(redis: RedisProcess, connections: int) -> None:
    """The first one is for appends, the second for reading, the third for everything else."""
    async with (
        UnixProxy(redis.socket) as proxy,
        Recorder(
            parse_redis_url(f"unix://{proxy.path}"), "east", timing=timing(timeout=0.5)
        ) as east,
    ):
        proxy.stall(connections)
        east.log.append([b"waiting"])
        await east.settle()
        assert east.commands == [b"waiting"]


class SlowRecorder(Recorder):
    """Recorder that applies its second batch once `go` is set, or then fails with `problem`."""

    problem: OSError | None = None

    def __init__(self, *args, **options) -> None:
        super().__init__(*args, **options)
        self.go = asyncio.Event()

    async def apply(self, entries, checkpoint) -> None:
        if self.commands:
            await self.go.wait()
            if self.problem is not None:
                raise self.problem
        await super().apply(entries, checkpoint)


async def lose_redis_while_applying(slow: SlowRecorder, redis: RedisProcess) -> None:
    """Kill Redis while the owner applies the second of two batches, then start it again."""
    slow.log.append([b"one"])
    await slow.settle()
    slow.log.append([b"two"])
    await until(lambda: slow.saved != slow.log.checkpoint)
    redis.kill()
    await until(lambda: not slow.reports[-1][0])
    slow.go.set()
    redis.start()


async def test_a_lost_connection_does_not_interrupt_the_owner(redis: RedisProcess) -> None:
    """The position in the stream has moved; entries that are not applied would be skipped."""
    async with SlowRecorder(redis.url, "east") as slow:
        await lose_redis_while_applying(slow, redis)
        slow.log.append([b"three"])
        await slow.settle()
        assert slow.commands == [b"one", b"two", b"three"]


async def test_an_owner_that_fails_while_redis_is_lost_stops_the_log(redis: RedisProcess) -> None:
    """Its entries are not applied, so reading on after them would skip them."""
    async with SlowRecorder(redis.url, "east") as failing:
        failing.problem = OSError("disk full")
        await lose_redis_while_applying(failing, redis)
        await until(lambda: failing.errors)
        assert str(failing.errors[0]) == "disk full"
        assert failing.commands == [b"one"]


async def test_appends_are_bounded_while_redis_is_unavailable(redis: RedisProcess) -> None:
    async with Recorder(redis.url, "east", pending_bytes=1000) as east:
        redis.kill()
        while east.log.has_space:
            east.log.append([b"x" * 100])
        with pytest.raises(RedisUnavailable, match=r"1,\d\d\d bytes already wait for Redis"):
            east.log.append([b"more"])
        redis.start()
        await until(lambda: east.log.has_space)
        await east.settle()
        assert east.commands == [b"x" * 100] * 10


async def test_a_full_redis_is_unavailable_and_continues_when_it_has_space(redis) -> None:
    async with Recorder(redis.url, "east") as east:
        redis.command("CONFIG", "SET", "maxmemory", "1")
        east.log.append([b"waiting"])
        await until(lambda: not east.reports[-1][0])
        assert "Redis is out of memory (maxmemory). Give it more: redis-cli" in east.reports[-1][1]
        redis.command("CONFIG", "SET", "maxmemory", "0")
        await until(lambda: east.reports[-1][0])
        await east.settle()
        assert east.commands == [b"waiting"]


def expired(recorder: Recorder) -> list[tuple[str, int, str]]:
    return [
        (one.server, one.epoch, one.reason)
        for one in recorder.entries
        if isinstance(one, ServerExpired)
    ]


async def test_a_killed_server_expires(redis: RedisProcess) -> None:
    async with Recorder(redis.url, "west", timing=timing(lease=0.4)) as west:
        east = Recorder(redis.url, "east", timing=timing(lease=0.4))
        await east.log.start()
        epoch = east.log.epoch
        await east.kill()
        await until(lambda: expired(west))
        assert expired(west) == [("east", epoch, "lease")]
        assert [one.server for one in west.log.servers] == ["west"]


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all servers declare a server expired as soon as its lease is missing."""
    monkeypatch.setattr(
        LeaseWatch,
        "expired",
        lambda self, leases, now: [epoch for epoch, lease in leases.items() if lease is None],
    )


async def test_an_expired_server_is_fenced_and_joins_again(redis: RedisProcess, hasty) -> None:
    """Its batches are on the way while it expires, and Redis gets them later."""
    async with (
        UnixProxy(redis.socket) as proxy,
        Recorder(redis.url, "west") as west,
        Recorder(parse_redis_url(f"unix://{proxy.path}"), "east") as east,
    ):
        east.log.append([b"before"])
        await east.settle()
        old = east.log.epoch
        proxy.pause()
        east.log.append([b"after"])
        redis.command("DEL", f"lab:lease:{old}")
        await until(lambda: expired(west))
        assert expired(west) == [("east", old, "lease")]
        proxy.resume()
        await until(lambda: east.rejected)
        await until(lambda: east.log.epoch not in (None, old))
        assert [[one.number for one in batches] for batches, _ in east.rejected] == [[2]]
        assert east.rejected[0][1], "it is certain that the batch does not count"
        assert b"\x00\x00\x00\x05after" in redis.command("XRANGE", "lab:stream", "-", "+")
        east.log.append([b"again"])
        await east.settle()
        await until(lambda: west.commands == [b"before", b"again"])
        assert east.commands == west.commands
        assert east.numbers == [1, 3]


class BusyRecorder(Recorder):
    """Recorder that appends all the time while its server has no epoch."""

    def fenced(self, rejected, is_certain: bool) -> None:
        super().fenced(rejected, is_certain)
        self.appending = asyncio.create_task(self._append())

    async def _append(self) -> None:
        while self.log.epoch is None:
            self.log.append([b"soon"])
            await asyncio.sleep(0)


async def test_batches_of_a_server_that_joins_again_follow_its_start(redis: RedisProcess) -> None:
    """Redis would have those before it for nothing, and the server would wait for them forever."""
    async with BusyRecorder(redis.url, "busy") as busy:
        for turn in range(1, 6):
            before = len(busy.numbers)
            record = ExpiredRecord(busy.log.epoch, "lease")
            redis.command("XADD", "lab:stream", "*", *record.fields())
            await until(lambda turn=turn: len(busy.rejected) == turn)
            await busy.appending
            await busy.settle()
            assert len(busy.numbers) > before
        assert busy.numbers == list(range(1, len(busy.numbers) + 1))


async def test_batches_that_do_not_come_back_are_appended_again(redis: RedisProcess) -> None:
    async with Recorder(redis.url, "east") as east:
        east.log.append([b"one"])
        await east.settle()
        window = east.log._state.window
        window.append([b"two"])
        window.take(1)  # and lose it
        east.log.append([b"three"])
        await east.settle()
        assert east.commands == [b"one", b"two", b"three"]
        assert east.reports[1] == (False, "batches of this server are missing from the stream")
        assert east.reports[-1][0]


async def test_a_frozen_process_loses_its_epoch_and_joins_again(redis: RedisProcess) -> None:
    """SIGSTOP past the lease: what came back on the frozen server is what counted on the other."""
    printed: list[bytes] = []
    async with Recorder(redis.url, "west") as west:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.net.cluster.frozen_server", redis.socket),
            stdout=asyncio.subprocess.PIPE,
        )
        west.log._session._watch = LeaseWatch(1.0)  # the lease of the others is longer

        async def read() -> None:
            while line := await process.stdout.readline():
                printed.append(line.strip())

        reading = asyncio.create_task(read())
        try:
            for turn in range(2):
                await until(lambda turn=turn: printed.count(b"J") > turn and len(printed) > 20)
                process.send_signal(signal.SIGSTOP)
                await until(lambda turn=turn: len(expired(west)) > turn)
                west.log.append([b"meanwhile"])
                process.send_signal(signal.SIGCONT)
            await until(lambda: printed.count(b"J") > 2)
        finally:
            process.kill()
            await process.wait()
        await reading
        await west.settle()
    rejected = {line[2:] for line in printed if line.startswith(b"R ")}
    counted = [line for line in printed if line.startswith(b"frozen")]
    order = [command for command in west.commands if command.startswith(b"frozen")]
    assert counted == order[: len(counted)]
    assert not rejected & set(order)
    assert len(order) == len(set(order))
    numbers = [int(line.split()[1]) for line in (*counted, *rejected)]
    assert sorted(numbers) == list(range(len(numbers))), "each counted or was rejected"


async def test_one_expiry_counts_if_several_servers_notice_it(redis: RedisProcess, hasty) -> None:
    async with Recorder(redis.url, "west") as west, Recorder(redis.url, "north") as north:
        east = Recorder(redis.url, "east")
        await east.log.start()
        epoch = east.log.epoch
        await east.kill()
        await until(lambda: east.log.epoch in north.log._state.filter.live)
        redis.command("DEL", f"lab:lease:{epoch}")
        await until(lambda: expired(west) and expired(north))
        west.log.append([b"last"])
        await west.settle()
        assert expired(west) == [("east", epoch, "lease")]


async def test_a_restarted_server_need_not_wait_for_its_lease(redis: RedisProcess) -> None:
    async with Recorder(redis.url, "west") as west:
        east = Recorder(redis.url, "east")
        await east.log.start()
        await east.kill()
        async with Recorder(redis.url, "east", checkpoint=east.saved) as again:
            assert [one.server for one in again.log.servers] == ["west", "east"]
            again.log.append([b"first"])
            await again.settle()
        await until(lambda: west.commands == [b"first"])


async def test_two_processes_with_one_identifier_do_not_take_turns(redis: RedisProcess) -> None:
    async with Recorder(redis.url, "east") as first, Recorder(redis.url, "east") as second:
        await until(lambda: first.errors)
        assert "another process joined the cluster as 'east'" in str(first.errors[0])
        assert not first.reports[-1][0]
        with pytest.raises(ClusterError, match="the cluster's log has stopped"):
            first.log.append([b"x"])
        second.log.append([b"x"])
        await second.settle()


def older_data(redis: RedisProcess) -> None:
    """Save the data of Redis, to be restored by `restore_older_data`."""
    shutil.copytree(redis.folder / "appendonlydir", redis.folder / "older")


def restore_older_data(redis: RedisProcess) -> None:
    redis.kill()
    shutil.rmtree(redis.folder / "appendonlydir")
    shutil.move(redis.folder / "older", redis.folder / "appendonlydir")
    redis.start()


async def test_older_data_of_redis_is_detected_by_every_server(redis: RedisProcess) -> None:
    async with Recorder(redis.url, "east") as east, Recorder(redis.url, "west") as west:
        east.log.append([b"kept"])
        await east.settle()
        older_data(redis)
        east.log.append([b"lost"])
        await until(lambda: west.commands == [b"kept", b"lost"])
        restore_older_data(redis)
        await until(lambda: east.errors and west.errors)
        for one in (east, west):
            assert isinstance(one.errors[0], LogLost)
            assert f"(up to {one.saved.position})" in str(one.errors[0])
        east_again = Recorder(redis.url, "east", checkpoint=east.saved)
        with pytest.raises(LogLost):
            await east_again.log.start()


async def test_a_stream_that_was_deleted_or_replaced_is_detected(redis: RedisProcess) -> None:
    """Also without a lost connection, and if other entries follow."""
    async with Recorder(redis.url, "east") as east:
        east.log.append([b"lost"])
        await east.settle()
        redis.command("DEL", "lab:stream")
        redis.command("XADD", "lab:stream", "*", "v", "1")
        await until(lambda: east.errors)
        assert isinstance(east.errors[0], LogLost)


async def test_an_entry_of_the_same_position_with_other_contents_is_detected(redis) -> None:
    async with Recorder(redis.url, "east") as east:
        east.log.append([b"lost"])
        await east.settle()
        position = east.saved.position
    redis.command("DEL", "lab:stream")
    redis.command("XADD", "lab:stream", position, "v", "1")
    with pytest.raises(LogLost):
        await Recorder(redis.url, "east", checkpoint=east.saved).log.start()


async def test_an_empty_redis_is_not_taken_for_a_trimmed_stream(redis: RedisProcess) -> None:
    async with Recorder(redis.url, "east") as east:
        east.log.append([b"lost"])
        await east.settle()
    redis.command("FLUSHALL")
    async with Recorder(redis.url, "west", snapshot_every=1) as west:
        west.log.append([b"x"])
        await until(lambda: redis.command("EXISTS", "lab:snapshot") == b":1\r\n")
        with pytest.raises(LogLost):
            await Recorder(redis.url, "east", checkpoint=east.saved).log.start()


async def test_foreign_entries_are_reported_and_ignored_by_all(redis: RedisProcess) -> None:
    async with Recorder(redis.url, "east") as east, Recorder(redis.url, "west") as west:
        for words in (
            ("hello", "world"),
            ("v", "1"),
            ("v", "1", "epoch", "x", "batch", "1", "commands", ""),
            ("v", "1", "epoch", "1", "batch", "1", "commands", "\0\0\0\x09short"),
            ("v", "1", "epoch", "9" * 30, "joined", "x", "first", "1", "address", ""),
            ("v", "1", "epoch", "9", "joined", b"\xff\x00", "first", "1", "address", ""),
            ("v", "1", "epoch", "1", "expired", "because"),
        ):
            redis.command("XADD", "lab:stream", "*", *words)
        east.log.append([b"good"])
        await east.settle()
        await until(lambda: west.commands == [b"good"])
        assert east.foreign == west.foreign
        assert len(east.foreign) == 7
        assert east.foreign[0][1] == "its fields are b'hello'"
        assert east.foreign[3][1] == "its batch ends within a command"


async def test_an_entry_of_a_newer_version_stops_the_server(redis: RedisProcess) -> None:
    async with Recorder(redis.url, "east") as east:
        redis.command("XADD", "lab:stream", "*", "v", "2", "epoch", "1", "other", "x")
        await until(lambda: east.errors)
        assert "has an entry of version 2, and this server reads version 1" in str(east.errors[0])


async def test_a_key_of_another_type_gives_an_error(redis: RedisProcess) -> None:
    redis.command("SET", "lab:stream", "x")
    with pytest.raises(RedisUnavailable, match="Redis refused a command: WRONGTYPE"):
        await Recorder(redis.url, "east").log.start()


async def test_a_redis_that_may_lose_messages_is_refused(redis: RedisProcess) -> None:
    redis.command("CONFIG", "SET", "appendfsync", "everysec")
    with pytest.raises(RedisUnavailable) as caught:
        await Recorder(redis.url, "east").log.start()
    assert "appendfsync is everysec, not always" in str(caught.value)
    assert f"{redis.url.redis_cli()} CONFIG SET appendfsync always" in str(caught.value)
    async with Recorder(redis.url, "east", is_durable=False) as east:
        east.log.append([b"x"])
        await east.settle()
    assert DURABLE[-1] == "always"


async def test_the_settings_are_checked_again_after_each_reconnect(redis: RedisProcess) -> None:
    async with Recorder(redis.url, "east") as east:
        redis.kill()
        redis.settings = ("--appendonly", "yes", "--appendfsync", "no")
        redis.start()
        await until(lambda: "appendfsync is no, not always" in east.reports[-1][1])
        redis.command("CONFIG", "SET", "appendfsync", "always")
        await until(lambda: east.reports[-1][0])


async def test_a_user_who_may_not_read_the_settings_is_told_how(redis: RedisProcess) -> None:
    redis.command("ACL", "SETUSER", "chat", "on", ">s3cret", "~*", "+@all", "-config")
    url = parse_redis_url(f"unix://chat:s3cret@{redis.socket}")
    with pytest.raises(RedisUnavailable, match="CONFIG GET is not permitted"):
        await Recorder(url, "east").log.start()
    redis.command("ACL", "SETUSER", "chat", "+config|get")
    async with Recorder(url, "east"):
        pass
    wrong = parse_redis_url(f"unix://chat:wr0ng@{redis.socket}")
    with pytest.raises(RedisUnavailable, match="refused the user name or password") as caught:
        await Recorder(wrong, "east").log.start()
    assert "wr0ng" not in str(caught.value)
    assert "wr0ng" not in repr(wrong)
