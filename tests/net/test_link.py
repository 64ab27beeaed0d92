"""The chat over a link, through real sockets: server and clients in this process."""

from __future__ import annotations

import asyncio
import random
import sys

import pytest

from netchat.chat.client_events import Offline, SessionEnded
from netchat.link.link import Link
from netchat.link.sync_marker import MARKER
from netchat.net.client_driver import ClientDriver
from netchat.net.client_path import ClientPath
from netchat.net.link.transport import LinkTransport
from netchat.wire import Error, Join, Send
from tests.net.serving import Talker, raw, serve, talker


@pytest.mark.parametrize(
    ("link", "channel"),
    [
        ("uncoded", None),
        ("rs:255,223", "bsc:1e-3"),
        ("rs:255,127+hamming:7,4", "bsc:1e-2"),
        ("uncoded", "bsc:1e-3"),
        ("hamming:15,11", "gilbert-elliott:1e-4,0.01,1e-5,0.3"),
    ],
)
@pytest.mark.slow
async def test_a_chat_over_a_link_is_complete(link: str, channel: str | None) -> None:
    texts = [f"message {i} " + "x" * (i % 300) for i in range(300)]
    async with serve(rate=0) as serving:
        path = ClientPath(link, channel, seed=5)
        async with (
            talker(serving.port, "Nova", "lobby", path=path) as nova,
            talker(serving.port, "Sourav", "lobby") as plain,
        ):
            nova.say(*texts)
            plain.say(*texts)
            for one in (nova, plain):
                await one.until(lambda one=one: len(one.texts()) == 600)

            assert nova.texts() == plain.texts()
            assert sorted(nova.texts()) == sorted(texts * 2)
            assert path.link is not None
            assert path.link.opened
            assert nova.all(Offline) == []
            if channel is not None:
                assert path.link.stats.wrong_bits > 0


@pytest.mark.slow
async def test_a_chat_continues_after_the_connection_is_lost() -> None:
    path = ClientPath("rs:255,223", "bsc:1e-3", seed=6)
    async with (
        serve(rate=0) as serving,
        talker(serving.port, "Nova", "lobby", path=path) as nova,
        talker(serving.port, "Sourav", "lobby") as sourav,
    ):
        texts = [f"message {i}" for i in range(400)]
        for start in range(0, 400, 100):
            nova.say(*texts[start : start + 100])
            sourav.say(f"word {start}")
            lost = len(nova.all(Offline))
            await nova.until(lambda n=start: len(nova.texts()) > n and nova.core.online)
            nova.client.drop()
            await nova.until(lambda lost=lost: len(nova.all(Offline)) > lost)
        await sourav.until(lambda: len(sourav.texts()) == 404)
        await nova.until(lambda: len(nova.texts()) == 404)

        assert nova.texts() == sourav.texts()
        assert [text for text in nova.texts() if text.startswith("message")] == texts
        assert len(nova.all(Offline)) >= 4


async def test_a_slow_reader_over_a_link_takes_no_memory_and_misses_nothing() -> None:
    async with serve(rate=0) as serving:
        path = ClientPath("rs:255,223")
        async with (
            talker(serving.port, "PauseReading", "lobby", path=path) as slow,
            raw(serving.port, "Fast") as fast,
        ):
            (peer,) = [p for p in serving.peers if p.session.name == "PauseReading"]
            transport = slow.client._connection.transport
            transport.pause_reading()
            await fast.answer(Join(1, 0, 0, "lobby"))
            count = 3000
            for start in range(0, count, 100):
                fast.send(*(Send(1 + start + i, "lobby", "x" * 1000) for i in range(100)))
                await fast.echo(start + 100)

            assert peer.stalled_since
            # Only the bytes in transit when it stalled, not 3 MB.
            assert peer.transport.link.buffered < 1_000_000
            assert path.link.held < 300 * 1024

            transport.resume_reading()
            await slow.until(lambda: len(slow.texts()) == count)
            assert not peer.stalled_since


async def test_bye_arrives() -> None:
    path = ClientPath("rs:255,127+hamming:7,4", "bsc:1e-2", seed=7)
    async with serve() as serving, talker(serving.port, "Nova", "lobby", path=path) as nova:
        nova.say("hello")
        await nova.until(lambda: nova.texts() == ["hello"])
        await nova.client.bye()
        await nova.until(lambda: nova.all(SessionEnded))

        assert nova.all(SessionEnded)[0].wanted
        assert not serving.server.hub.state.shared.sessions


async def test_a_server_that_stops_notifies_clients_on_links() -> None:
    path = ClientPath("rs:255,223", "bsc:1e-3", seed=8)
    async with (
        serve() as serving,
        talker(serving.port, "Nova", "lobby", path=path, timeout=0.1) as nova,
    ):
        await serving.server.stop()
        await nova.until(lambda: nova.all(Offline) or nova.all(SessionEnded))

        assert "shut" in (nova.all(Offline) + nova.all(SessionEnded))[0].why


async def test_without_a_link_the_channel_breaks_the_chat_and_that_is_explained() -> None:
    path = ClientPath(None, "bsc:3e-3", seed=9)
    async with (
        serve() as serving,
        ClientDriver("127.0.0.1", serving.port, "Nova", path=path) as client,
    ):
        nova = Talker(client)
        await nova.until(lambda: nova.all(Offline) or nova.all(SessionEnded))
        why = (nova.all(Offline) + nova.all(SessionEnded))[0].why
        nova.stop()

    assert "CRC" in why or "protocol" in why
    assert "bsc:3e-3 has flipped" in why
    assert why.endswith("Try --link rs:255,223")


@pytest.mark.parametrize(
    ("why", "finder", "expected"),
    [
        (
            "A frame is broken.",
            "server",
            "A frame is broken. The server detected the damage: so far the",
        ),
        (
            "the server broke the protocol",
            "client",
            "protocol. The client detected the damage: so far the",
        ),
        ("connection lost", "", "connection lost. So far the channel bsc:0.5 has"),
    ],
)
def test_the_reason_names_the_side_that_detected_the_damage(
    why: str, finder: str, expected: str
) -> None:
    assert expected in ClientPath(None, "bsc:0.5").explain(why, finder)
    assert ClientPath("uncoded", "bsc:0.5").explain(why, finder) == why


async def test_the_client_gives_up_on_a_server_without_links() -> None:
    """A peer that answers, but is not a chat server and never sends a block."""
    writers: list[asyncio.StreamWriter] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        writer.write(b"HTTP/1.1 400\r\n")

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    path = ClientPath("rs:255,223")
    port = server.sockets[0].getsockname()[1]
    async with ClientDriver("127.0.0.1", port, "Nova", path=path) as client:
        nova = Talker(client)
        path.link._handshake._deadline = 0.0
        await nova.until(lambda: nova.all(Offline))

        assert "the peer does not support links" in nova.all(Offline)[0].why
        nova.stop()
    server.close()
    for writer in writers:
        writer.transport.abort()


async def test_a_server_loads_no_link_code_before_its_first_link() -> None:
    code = """
import asyncio, sys
from netchat.net.server_driver import ServerDriver
from netchat.net.history.memory_history import MemoryHistory
from netchat.chat.settings import Settings
async def run():
    server = ServerDriver(MemoryHistory(), Settings(), print)
    await server.start("127.0.0.1", 0)
    await server.stop()
asyncio.run(run())
print([name for name in ("numpy", "numba", "netchat.coding") if name in sys.modules])
"""
    done = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await done.communicate()
    assert out.decode().strip() == "[]"


async def test_a_link_that_arrives_in_pieces_opens_without_a_hold() -> None:
    async with serve() as serving, raw(serving.port) as peer:
        client = Link.client("uncoded")
        data = client.data_to_send(0.0)
        for at in range(0, len(data), 11):
            peer.send(data[at : at + 11])
            await asyncio.sleep(0)  # the server reads this piece alone
        async with asyncio.timeout(10):
            while not client.opened:
                client.receive(await peer.reader.read(65536), 0.1)
        (server,) = serving.peers
        assert isinstance(server.transport, LinkTransport)
        assert not server.holds
        assert not server.partial_since
        assert serving.server.traffic.bytes_in == 0  # no frame reader has seen the link's bytes


async def test_rubbish_is_refused_as_before() -> None:
    async with serve() as serving, raw(serving.port) as peer:
        peer.send(b"GET / HTTP/1.1\r\n\r\n")
        await peer.end()

        assert isinstance(peer.got[0], Error)
        assert serving.noted("dismissed")


async def test_a_marker_and_then_nothing_is_dismissed_in_time() -> None:
    async with serve(handshake_timeout=0.2) as serving, raw(serving.port) as peer:
        peer.send(MARKER)
        await peer.end()

        assert all(peer.finished for peer in serving.peers)


async def test_garbage_after_a_marker_ends_with_the_handshake_timeout() -> None:
    async with serve(handshake_timeout=0.3) as serving, raw(serving.port) as peer:
        peer.send(MARKER + random.Random(1).randbytes(20_000))
        await peer.end()

        assert all(peer.finished for peer in serving.peers)
