"""The asyncio driver of the client: connecting, reconnecting, saving its state."""

import asyncio
import contextlib

import pytest

from netchat.chat.client_events import NameRejected, Offline, Online, RoomEntered, SessionEnded
from netchat.errors import CannotConnect, NetchatError
from netchat.net import backoff
from netchat.net import client_driver as module
from netchat.net import server_driver as server
from netchat.net.client_driver import ClientDriver
from netchat.net.client_store import ClientStore
from netchat.net.history.sqlite_history import SqliteHistory
from netchat.wire import ServerAddress, Servers
from tests.net.serving import Talker, serve, talker


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    monkeypatch.setattr(backoff, "FIRST_WAIT", 0.02)
    monkeypatch.setattr(backoff, "LONGEST_WAIT", 0.05)
    monkeypatch.setattr(server, "LINGER", 1.0)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "history.db"


def open_history(path):
    return SqliteHistory(path, fsync=False)


async def test_no_server_there(unused_tcp_port_factory):
    with pytest.raises(CannotConnect, match="netchat serve"):
        async with ClientDriver("127.0.0.1", unused_tcp_port_factory(), "Nova"):
            pass


async def test_a_server_that_restarts_is_found_again(path):
    async with serve(open_history(path)) as first:
        port = first.port
        async with talker(port, "Nova", "lobby") as nova, talker(port, "Maya", "lobby") as maya:
            nova.say("before")
            await maya.until(lambda: maya.texts() == ["before"])
            await first.server.stop()
            await nova.until(lambda: nova.all(Offline))
            nova.say("while it is away")
            async with serve(open_history(path), port):
                nova.say("and after")
                for one in (nova, maya):
                    await one.until(lambda one=one: len(one.texts()) == 3)
                assert nova.texts() == maya.texts()
                assert [h.resumed for h in nova.all(Online)] == [False, True]
                assert nova.core.unsent == 0


@pytest.mark.parametrize("learned", [False, True])
async def test_another_server_continues_the_session(path, learned, unused_tcp_port_factory):
    other = unused_tcp_port_factory()
    others = [] if learned else [("127.0.0.1", other)]
    async with (
        serve(open_history(path)) as first,
        talker(first.port, "Nova", "lobby", others=others) as nova,
    ):
        if learned:
            state = first.server.state
            (connection,) = state.connections
            state.send(connection, Servers((ServerAddress(f"127.0.0.1:{other}", ""),)))
        nova.say("before")
        await nova.until(lambda: nova.texts() == ["before"])
        await first.server.stop()
        nova.say("still here")
        async with serve(open_history(path), other):
            await nova.until(lambda: nova.texts() == ["before", "still here"])
            assert [h.resumed for h in nova.all(Online)] == [False, True]
            assert nova.client.servers.current == ("127.0.0.1", other)


async def test_the_first_server_that_answers_is_used(unused_tcp_port_factory):
    async with (
        serve() as serving,
        ClientDriver(
            "127.0.0.1", unused_tcp_port_factory(), "Nova", others=[("127.0.0.1", serving.port)]
        ) as client,
    ):
        assert client.servers.current[1] == serving.port
        assert client.address == f"127.0.0.1:{serving.port}"


async def test_an_error_names_every_server_that_was_tried(unused_tcp_port_factory):
    ports = [unused_tcp_port_factory() for _ in range(2)]
    client = ClientDriver("127.0.0.1", ports[0], "Nova", others=[("127.0.0.1", ports[1])])
    with pytest.raises(CannotConnect) as caught:
        await client.__aenter__()
    assert all(f"No server at 127.0.0.1:{port}" in str(caught.value) for port in ports)


async def test_a_server_that_accepts_but_never_answers_is_left(monkeypatch):
    monkeypatch.setattr(module, "WELCOME_TIMEOUT", 0.02)
    monkeypatch.setattr(module, "PING_AFTER", 0.4)

    async def ignore(reader, writer):
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()

    mute = await asyncio.start_server(ignore, "127.0.0.1", 0)
    port = mute.sockets[0].getsockname()[1]
    async with serve() as serving:
        others = [("127.0.0.1", serving.port)]
        async with talker(port, "Nova", "lobby", others=others) as nova:
            nova.say("hello")
            await nova.until(lambda: nova.texts() == ["hello"])
    mute.close()


async def test_a_user_may_take_time_to_choose_another_name(monkeypatch, unused_tcp_port_factory):
    """Even with several servers, whose timeouts are shorter."""
    monkeypatch.setattr(module, "WELCOME_TIMEOUT", 0.02)
    monkeypatch.setattr(module, "PING_AFTER", 0.08)
    checks = 0

    def shorter(timeout):
        nonlocal checks
        checks += 1
        return timeout / module.SEVERAL

    async with serve() as serving, talker(serving.port, "Nova", "lobby"):
        others = [("127.0.0.1", unused_tcp_port_factory())]
        async with talker(serving.port, "nova", others=others) as second:
            await second.until(lambda: second.all(NameRejected))
            monkeypatch.setattr(second.client, "_shorter", shorter)
            while checks < 40 and not second.all(Offline):
                await asyncio.sleep(0.01)
            monkeypatch.setattr(module, "WELCOME_TIMEOUT", 5.0)
            second.core.send_hello("Vega")
            await second.enter()
            assert second.all(Offline) == []


async def test_a_connection_that_is_cut_again_and_again(path):
    async with serve(open_history(path), rate=0.0) as serving:
        port = serving.port
        async with talker(port, "Nova", "lobby") as nova, talker(port, "Maya", "lobby") as maya:
            for n in range(300):
                nova.say(str(n))
                if n % 30 == 15:
                    nova.client.drop()
                if n % 30 == 25:
                    maya.client.drop()
                await asyncio.sleep(0.001)
            for one in (nova, maya):
                await one.until(lambda one=one: len(one.texts()) == 300)
            assert nova.texts() == maya.texts() == [str(n) for n in range(300)]


async def test_its_memory_outlives_it(tmp_path, path):
    async with serve(open_history(path)) as serving:
        port = serving.port
        async with talker(port, "Maya", "lobby") as maya:
            store = ClientStore(tmp_path / "nova.db")
            async with talker(port, "Nova", "lobby", store=store) as nova:
                nova.say("one")
                await maya.until(lambda: maya.texts() == ["one"])
                await nova.until(lambda: nova.core.unsent == 0)
            store.close()
            maya.say("meanwhile")
            await maya.until(lambda: len(maya.texts()) == 2)
            store = ClientStore(tmp_path / "nova.db")
            async with talker(port, "Nova", store=store) as nova:
                await nova.until(lambda: nova.texts() == ["meanwhile"])
                assert nova.all(Online)[0].resumed
                nova.say("two")
                await maya.until(lambda: maya.texts() == ["one", "meanwhile", "two"])
            store.close()


async def test_messages_sent_without_a_connection_are_stored(tmp_path):
    store = ClientStore(tmp_path / "nova.db")
    async with serve() as serving, talker(serving.port, "Nova", "lobby", store=store) as nova:
        await serving.server.stop()
        await nova.until(lambda: nova.all(Offline))
        nova.say("later")
        assert [s.text for s in store.load().outbox.values()] == ["later"]
    store.close()


async def test_a_memory_that_cannot_be_saved_sends_nothing_and_loses_nothing(tmp_path):
    store = ClientStore(tmp_path / "nova.db")
    async with serve() as serving:
        port = serving.port
        async with (
            talker(port, "Maya", "lobby") as maya,
            talker(port, "Nova", "lobby", store=store) as nova,
        ):
            store._file.execute("PRAGMA query_only = on")
            with pytest.raises(NetchatError, match="Cannot write the client's state"):
                nova.say("x")
            maya.say("hello?")
            await nova.until(
                lambda: any("Cannot write the client's state" in h.why for h in nova.all(Offline))
            )
            assert maya.texts() == ["hello?"]
            store._file.execute("PRAGMA query_only = off")
            await maya.until(lambda: sorted(maya.texts()) == ["hello?", "x"])
            await nova.until(lambda: nova.texts() == maya.texts())
    store.close()


async def test_goodbye():
    async with serve() as serving, talker(serving.port, "Nova", "lobby") as nova:
        await nova.client.bye("dinner")
        await nova.until(lambda: nova.all(SessionEnded))
        assert nova.all(SessionEnded)[0].wanted
        assert not serving.server.hub.state.shared.sessions
        await nova.client.bye()  # closing twice is harmless


async def test_goodbye_while_the_connection_is_lost(path):
    async with serve(open_history(path)) as serving, talker(serving.port, "Nova", "lobby") as nova:
        nova.client.drop()
        await nova.until(lambda: nova.all(Offline))
        await nova.client.bye()
        await nova.until(lambda: nova.all(SessionEnded))
        assert not serving.server.hub.state.shared.sessions


async def test_it_gives_up_after_the_timeout():
    async with serve() as serving, talker(serving.port, "Nova", timeout=0.1) as nova:
        await serving.server.stop()
        await nova.until(lambda: nova.all(SessionEnded))
        assert "gave up" in nova.all(SessionEnded)[0].why
        assert not nova.all(SessionEnded)[0].wanted


async def test_another_name_can_be_requested():
    async with (
        serve() as serving,
        talker(serving.port, "Nova", "lobby"),
        talker(serving.port, "nova") as second,
    ):
        await second.until(lambda: second.all(NameRejected))
        second.core.send_hello(second.all(NameRejected)[0].suggestion)
        await second.enter()
        assert second.core.name == "nova2"
        assert second.all(RoomEntered)[0].room == "lobby"


async def fake_server(answer):
    """A server that sends the same bytes to each connection."""
    connections = []

    async def handle(reader, writer):
        connections.append(writer)
        writer.write(answer)
        while await reader.read(1000):
            pass
        writer.close()

    made = await asyncio.start_server(handle, "127.0.0.1", 0)
    return made, made.sockets[0].getsockname()[1], connections


async def test_a_server_that_speaks_something_else():
    made, port, connections = await fake_server(b"HTTP/1.1 400 Bad Request\r\n")
    async with ClientDriver("127.0.0.1", port, "Nova") as client:
        nova = Talker(client)
        await nova.until(lambda: len(nova.all(Offline)) > 1)
        assert "it speaks HTTP" in nova.all(Offline)[0].why
        nova.stop()
    made.close()
    for writer in connections:
        writer.transport.abort()


async def test_a_server_that_falls_silent(monkeypatch):
    monkeypatch.setattr(module, "PING_AFTER", 0.05)
    monkeypatch.setattr(module, "SILENCE_TIMEOUT", 0.15)
    made, port, connections = await fake_server(b"")
    async with ClientDriver("127.0.0.1", port, "Nova") as client:
        nova = Talker(client)
        await nova.until(lambda: nova.all(Offline))
        assert nova.all(Offline)[0].why == "the server stopped responding"
        nova.stop()
    made.close()
    for writer in connections:
        writer.transport.abort()


async def test_an_idle_server_sends_ping(monkeypatch):
    monkeypatch.setattr(module, "PING_AFTER", 0.02)
    monkeypatch.setattr(module, "SILENCE_TIMEOUT", 1.0)  # a busy machine may stop for half of it
    async with serve() as serving, talker(serving.port, "Nova", "lobby") as nova:
        await asyncio.sleep(1.5)
        assert nova.all(Offline) == []
