"""Several chat servers on one Redis: one order, and what fails."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import sqlite3
from pathlib import Path

import pytest

import netchat
from netchat.chat.account_admin import AdminRequest
from netchat.chat.client_events import Offline, Online, RoomEvent, RosterReceived
from netchat.chat.commands import StartServer, encode_command
from netchat.errors import CannotConnect, ClusterError, HistoryError, Refused
from netchat.net.cluster.checkpoint import Checkpoint
from netchat.net.cluster.connection import RedisConnection
from netchat.net.cluster.keys import Keys
from netchat.net.cluster.redis_url import parse_redis_url
from netchat.net.cluster.snapshot_store import SnapshotStore
from netchat.net.history.sqlite_history import SqliteHistory
from netchat.wire import (
    AccountStatus,
    Error,
    ErrorCode,
    Event,
    Hello,
    History,
    HistoryEnd,
    Join,
    Login,
    Register,
    Servers,
    Welcome,
)
from tests.net.cluster.recorder import until
from tests.net.cluster.redis_process import needs_redis
from tests.net.cluster.servers import ServerProcess, join
from tests.net.cluster.unix_proxy import UnixProxy
from tests.net.serving import raw, serve, talker

pytestmark = needs_redis


def stored(path: Path) -> list[tuple]:
    """Return the events in a history file."""
    with contextlib.closing(sqlite3.connect(path)) as file:
        query = "SELECT code, seq, device, counter, time, frame FROM event JOIN room ON room = id"
        return file.execute(f"{query} ORDER BY code, seq").fetchall()


def digests(*servings) -> set[bytes]:
    """Return the digests of servers' states."""
    return {one.server.state.shared.digest() for one in servings}


async def same(*servings) -> None:
    """Wait until servers have the same state."""
    await until(lambda: len(digests(*servings)) == 1)


async def test_users_on_three_servers_share_a_room_in_one_order(redis, tmp_path):
    files = [tmp_path / f"{name}.db" for name in ("east", "west", "north")]
    async with contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        servers = [await enter(join(redis.url, file)) for file in files]
        names = ("Nova", "Vega", "Maya")
        users = [
            await enter(talker(server.port, name, "lobby"))
            for server, name in zip(servers, names, strict=True)
        ]
        for number in range(20):
            for user, name in zip(users, names, strict=True):
                user.say(f"{name} {number}")
        for user in users:
            await user.until(lambda user=user: len(user.texts()) == 60)
        assert users[0].texts() == users[1].texts() == users[2].texts()
        assert len(set(users[0].texts())) == 60
        await same(*servers)
    assert stored(files[0]) == stored(files[1]) == stored(files[2])
    assert len([row for row in stored(files[0]) if row[2]]) == 60


async def test_a_name_belongs_to_one_user_of_the_whole_cluster(redis, tmp_path):
    async with (
        join(redis.url, tmp_path / "a.db") as east,
        join(redis.url, tmp_path / "b.db") as west,
        raw(east.port) as one,
        raw(west.port) as other,
    ):
        answers = await asyncio.gather(
            one.answer(Hello(0, b"1" * 16, b"", "Nova", "test", ())),
            other.answer(Hello(0, b"2" * 16, b"", "nova", "test", ())),
        )
        kinds = {type(answer) for answer in answers}
        assert kinds == {Welcome, Error}
        (refused,) = (answer for answer in answers if isinstance(answer, Error))
        assert refused.code == ErrorCode.NAME_TAKEN


async def test_a_restarted_server_continues_at_its_checkpoint(redis, tmp_path):
    a, b = tmp_path / "a.db", tmp_path / "b.db"
    async with join(redis.url, a) as east, talker(east.port, "Nova", "lobby") as nova:
        async with join(redis.url, b):
            nova.say("one")
            await nova.until(lambda: nova.texts() == ["one"])
        nova.say("two", "three")
        await nova.until(lambda: len(nova.texts()) == 3)
        async with join(redis.url, b) as west:
            await same(east, west)
            async with talker(west.port, "Vega", "lobby") as vega:
                nova.say("four")
                await vega.until(lambda: vega.texts() == ["four"])
    assert stored(a) == stored(b)


async def test_clients_learn_the_other_servers(redis, tmp_path):
    async with join(redis.url, tmp_path / "a.db") as east, raw(east.port) as nova:
        welcome = await nova.answer(Hello(1, b"1" * 16, b"", "Nova", "test", ()))
        assert isinstance(welcome, Welcome)
        assert welcome.features == 1
        async with join(redis.url, tmp_path / "b.db") as west:
            await nova.until(lambda: len(nova.all(Servers)) == 2)
            assert [len(one.servers) for one in nova.all(Servers)] == [0, 1]
            assert nova.all(Servers)[1].servers[0].address == f"127.0.0.1:{west.port}"
        await nova.until(lambda: nova.all(Servers)[-1].servers == ())


async def test_an_outage_of_redis_delays_messages_and_disconnects_nobody(redis, tmp_path):
    async with (
        join(redis.url, tmp_path / "a.db") as east,
        join(redis.url, tmp_path / "b.db") as west,
        raw(east.port, "Lyra") as lyra,
        talker(east.port, "Nova", "lobby") as nova,
        talker(west.port, "Vega", "lobby") as vega,
    ):
        redis.kill()
        await lyra.until(lambda: bool(lyra.all(Error)))
        assert [one.code for one in lyra.all(Error)] == [ErrorCode.STORAGE]
        nova.say("one", "two")
        await asyncio.sleep(0.05)
        assert not nova.texts()
        redis.start()
        await vega.until(lambda: vega.texts() == ["one", "two"])
        assert not nova.all(Offline)
        assert not vega.all(Offline)
        await until(lambda: not east.server.warning)
        await lyra.until(lambda: len(lyra.all(Error)) == 2)
        assert lyra.all(Error)[1].code == ErrorCode.STORAGE_RESTORED
        await same(east, west)


async def test_a_server_that_was_declared_expired_joins_again(redis, tmp_path):
    async with (
        join(redis.url, tmp_path / "a.db") as east,
        join(redis.url, tmp_path / "b.db") as west,
        talker(east.port, "Nova", "lobby") as nova,
        talker(west.port, "Vega", "lobby") as vega,
    ):
        epoch = east.server.state.server
        expire(redis, east)
        nova.say("one", "two")
        await vega.until(lambda: vega.texts() == ["one", "two"])
        await nova.until(lambda: nova.texts() == ["one", "two"])
        assert nova.all(Offline)
        assert east.server.state.server > epoch
        await same(east, west)


async def test_a_new_server_starts_from_a_snapshot(redis, tmp_path):
    async with (
        join(redis.url, tmp_path / "a.db") as east,
        talker(east.port, "Nova", "lobby") as nova,
    ):
        nova.say(*(f"message {number}" for number in range(200)))
        await nova.until(lambda: len(nova.texts()) == 200)
        await store_snapshot(redis, east)
        async with (
            join(redis.url, tmp_path / "b.db") as west,
            raw(west.port, "Vega") as vega,
        ):
            await same(east, west)
            await vega.answer(Join(1, 0, 0, "lobby"))
            await vega.answer(History(2, 1, 1000, "lobby"))
            await vega.until(lambda: bool(vega.all(HistoryEnd)))
            # The first event of Vega is the own JOIN; the history follows.
            assert [e.text for e in vega.all(Event) if e.device] == nova.texts()
            assert east.server.cluster.server_id != west.server.cluster.server_id
    assert stored(tmp_path / "a.db")[:200] == stored(tmp_path / "b.db")[:200]
    assert not list(tmp_path.glob(".netchat-*"))  # the files of the snapshots


async def test_a_server_that_was_away_too_long_starts_from_a_snapshot(redis, tmp_path):
    async with (
        UnixProxy(redis.socket) as proxy,
        join(redis.url, tmp_path / "a.db") as east,
        join(parse_redis_url(f"unix://{proxy.path}"), tmp_path / "b.db") as west,
        talker(east.port, "Nova", "lobby") as nova,
        talker(west.port, "Vega", "lobby") as vega,
    ):
        await same(east, west)
        proxy.pause()
        vega.say("of Vega")
        expire(redis, west)
        nova.say(*(f"of Nova {number}" for number in range(200)))
        await nova.until(lambda: len(nova.texts()) == 200)
        await store_snapshot(redis, east)
        proxy.cut()
        proxy.resume()
        await vega.until(lambda: len(vega.texts()) == 201)
        await nova.until(lambda: len(nova.texts()) == 201)
        assert vega.texts() == nova.texts()
        assert [event.resumed for event in vega.all(Online)] == [False, True]
        await same(east, west)
    assert stored(tmp_path / "a.db") == stored(tmp_path / "b.db")


async def store_snapshot(redis, server) -> None:
    """Store a snapshot of a server in Redis, and trim the stream to it."""
    server.server.cluster.save()
    server.server.schedule()
    await until(lambda: server.server.state.batch.position is None)
    connection = RedisConnection(redis.url, 30.0)
    await connection.connect()
    try:
        snapshot = await server.server.cluster.snapshot()
        position = snapshot.checkpoint.position
        with snapshot.file:
            assert await SnapshotStore(Keys("lab")).write(connection, snapshot, 0)
        await connection.run(("XTRIM", "lab:stream", "MINID", "=", position))
    finally:
        await connection.close()


def expire(redis, server) -> None:
    """Declare a server expired, as another one does when its lease is missing."""
    epoch = str(server.server.state.server)
    redis.command("XADD", "lab:stream", "*", "v", "1", "epoch", epoch, "expired", "lease")


@pytest.mark.thorough
async def test_servers_that_are_killed_or_frozen_lose_and_repeat_nothing(redis, tmp_path):
    files = [tmp_path / f"{name}.db" for name in ("east", "west", "north")]
    servers = [ServerProcess(str(redis.url), file) for file in files]
    east, west, _ = servers
    try:
        await asyncio.gather(*(asyncio.to_thread(server.start) for server in servers))
        async with contextlib.AsyncExitStack() as stack:
            users = [
                await stack.enter_async_context(talker(server.port, name, "lobby"))
                for server, name in zip(servers, ("Nova", "Vega", "Maya"), strict=True)
            ]
            nova, vega, maya = users
            nova.say("one")
            await maya.until(lambda: maya.texts() == ["one"])
            west.signal(signal.SIGSTOP)
            vega.say("into a frozen server")
            nova.say(*(f"before the end {number}" for number in range(50)))
            east.kill()
            nova.say("after the end")
            await maya.until(lambda: "after the end" in maya.texts())
            await asyncio.to_thread(east.start)
            # The others declare west expired: it is gone from the list for clients.
            address = f"127.0.0.1:{west.port}"
            await until(lambda: address not in {one.address for one in maya.core.servers})
            west.signal(signal.SIGCONT)
            for user in users:
                await user.until(lambda user=user: len(user.texts()) == 53)
            assert vega.texts() == nova.texts() == maya.texts()
            assert len(set(nova.texts())) == 53
    finally:
        codes = [server.stop() for server in servers]
    assert codes == [0, 0, 0]
    assert stored(files[0]) == stored(files[1]) == stored(files[2])


async def test_a_server_that_was_killed_before_it_stored_its_state_starts_at_the_beginning(
    redis, tmp_path
):
    async with (
        join(redis.url, tmp_path / "a.db") as east,
        talker(east.port, "Nova", "lobby") as nova,
    ):
        async with join(redis.url, tmp_path / "b.db"):
            nova.say("one", "two")
            await nova.until(lambda: len(nova.texts()) == 2)
            for name in ("b.db", "b.db-wal"):
                shutil.copy(tmp_path / name, tmp_path / name.replace("b.", "killed."))
        async with join(redis.url, tmp_path / "killed.db") as west:
            await same(east, west)
    assert stored(tmp_path / "a.db") == stored(tmp_path / "killed.db")


async def test_a_cluster_can_begin_with_the_history_of_a_single_server(redis, tmp_path):
    async with (
        serve(SqliteHistory(tmp_path / "a.db", fsync=False)) as alone,
        talker(alone.port, "Nova", "lobby") as nova,
    ):
        nova.say("one", "two")
        await nova.until(lambda: len(nova.texts()) == 2)
    redis.command("SET", "lab:first", "another")
    with pytest.raises(ClusterError, match="try again in a moment"):
        async with join(redis.url, tmp_path / "b.db"):
            pass
    redis.command("DEL", "lab:first")
    async with join(redis.url, tmp_path / "a.db") as east:
        async with join(redis.url, tmp_path / "b.db") as west:
            await same(east, west)
            assert len(west.server.state.shared.sessions) == 1
        async with serve(SqliteHistory(tmp_path / "c.db", fsync=False)):
            pass
        with pytest.raises(ClusterError, match="has a history already"):
            async with join(redis.url, tmp_path / "c.db"):
                pass
        async with join(redis.url, tmp_path / "d.db") as north:
            await same(east, north)
    assert [row[2] > 0 for row in stored(tmp_path / "d.db")] == [False, True, True]


async def test_welcome_says_that_redis_may_lose_messages(redis, tmp_path):
    async with (
        join(redis.url, tmp_path / "a.db", is_durable=False) as east,
        raw(east.port) as nova,
    ):
        welcome = await nova.answer(Hello(0, b"1" * 16, b"", "Nova", "test", ()))
        assert welcome.software.endswith(", which may lose acknowledged messages")


async def test_a_command_of_a_newer_version_stops_the_server_and_leaves_its_history_intact(
    redis, tmp_path
):
    async with join(redis.url, tmp_path / "a.db") as east:
        member = east.server.cluster
        number = member._log.append([encode_command(StartServer(99, "other")), b"\xff\x01"])
        error = await member.failure
        assert "command version 255 is not supported" in str(error)
    history = SqliteHistory(tmp_path / "a.db")
    (server,) = Checkpoint.decode(history.join_cluster("lab").checkpoint).live
    assert server.last < number  # the batch was not stored in part
    history.close()


async def test_servers_with_other_unicode_tables_do_not_join(redis, tmp_path, monkeypatch):
    async with join(redis.url, tmp_path / "a.db") as east:
        monkeypatch.setattr("netchat.net.cluster.member.UNICODE", "unicode-1.0")
        with pytest.raises(ClusterError, match="run the same version of Python"):
            async with join(redis.url, tmp_path / "b.db"):
                pass
        assert not east.server.cluster.failure.done()


async def test_a_history_belongs_to_one_cluster(redis, tmp_path):
    async with join(redis.url, tmp_path / "a.db"):
        pass
    history = SqliteHistory(tmp_path / "a.db", fsync=False)
    with pytest.raises(HistoryError, match="belongs to a server of a cluster"):
        async with serve(history):
            pass
    with pytest.raises(HistoryError, match="belongs to the cluster lab, not other"):
        history.join_cluster("other")
    history.close()


async def test_who_lists_the_users_of_all_servers(redis, tmp_path):
    async with (
        join(redis.url, tmp_path / "a.db") as east,
        join(redis.url, tmp_path / "b.db") as west,
        talker(east.port, "Nova", "lobby") as nova,
        talker(west.port, "Vega", "lobby"),
    ):
        await nova.until(lambda: len(nova.all(RoomEvent)) == 2)
        nova.core.who("lobby")
        nova.client.flush()
        await nova.until(lambda: bool(nova.all(RosterReceived)))
        (roster,) = nova.all(RosterReceived)
        where = {member.name: roster.server_of(member) for member in roster.members}
        assert where == {"Nova": "", "Vega": f"127.0.0.1:{west.port}"}


async def test_accounts_in_a_cluster(redis, tmp_path):
    """Register on one server, log in on the other, and the first one hears of it."""
    options = {"accounts": "optional"}
    async with (
        join(redis.url, tmp_path / "east.db", **options) as east,
        join(redis.url, tmp_path / "west.db", **options) as west,
    ):

        def client(serving, **more):
            return netchat.Client(("127.0.0.1", serving.port), name="Nova", **more)

        desk = await client(east).__aenter__()
        await desk.register("correct horse")
        await until(lambda: bool(west.server.state.shared.accounts))
        async with client(west, password="correct horse") as phone:
            assert phone.account == "Nova"
            await until(lambda: desk._ended is not None)
            assert isinstance(desk._ended, CannotConnect)
            await phone.change_password("correct horse", "battery staple")
        await desk._stop()
        await until(lambda: east.server.state.shared.digest() == west.server.state.shared.digest())
        async with raw(east.port) as link:
            assert isinstance(
                await link.answer(Login(1, bytes(16), "Nova", "battery staple")), AccountStatus
            )
        with pytest.raises(Refused):
            await client(west).__aenter__()


async def test_two_servers_agree_about_accounts_moderation_and_sealed_rooms(redis, tmp_path):
    options = {"accounts": "optional", "registration": "invitation"}
    async with (
        join(redis.url, tmp_path / "east.db", **options) as east,
        join(redis.url, tmp_path / "west.db", **options) as west,
        raw(east.port) as one,
        raw(west.port) as other,
    ):

        async def invite() -> str:
            answer = await east.server.administer(AdminRequest("invite"))
            await same(east, west)
            return answer["invitation"]

        for names in (("Nova", "nova"), ("Vega", "Maya")):
            shared = await invite()
            codes = (shared, await invite()) if names == ("Nova", "nova") else (shared, shared)
            answers = await asyncio.gather(
                *(
                    link.answer(Register(1, name, "correct horse", code))
                    for link, name, code in zip((one, other), names, codes, strict=True)
                )
            )
            assert {type(answer) for answer in answers} == {AccountStatus, Error}
        await same(east, west)
        assert len(west.server.state.shared.accounts) == 2
        assert len(west.server.state.shared.invitations) == 1  # of the user who lost the name

        def client(serving, name, **more):
            return netchat.Client(("127.0.0.1", serving.port), name=name, **more)

        async with (
            client(east, "Nova", password="correct horse") as nova,
            client(west, "Guest") as guest,
        ):
            room = await nova.create(sealed=True)
            seen = await guest.join(room.invitation)
            await seen.send("before")
            await room.set_title("Class 4b")
            await room.mute("Guest", "spam")
            await room.kick("Guest", "spam")
            await room.send("after")
            await same(east, west)
            assert west.server.state.shared.rooms[room.code].epoch == 2
    assert stored(tmp_path / "east.db") == stored(tmp_path / "west.db")
