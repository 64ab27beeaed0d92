"""The chat over UDP, through real sockets: server and clients in this process."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import select
import socket
from collections.abc import AsyncIterator

import pytest

from netchat.chat.client_events import Offline, SessionEnded
from netchat.errors import CannotConnect
from netchat.link.code_table import block_code
from netchat.link.header import HEADER_SIZE, Kind, read_header
from netchat.link.link import Link
from netchat.load.run import run_load
from netchat.net.client_driver import ClientDriver
from netchat.net.client_path import ClientPath
from netchat.net.link.cpu_budget import ABUSE, LinkWork
from netchat.net.udp.client import connect_udp
from netchat.net.udp.server import UdpServer
from netchat.net.udp.socket import MTU, udp_socket
from tests.net.serving import Serving, Talker, raw, serve, talker


class Postman(asyncio.DatagramProtocol):
    """Relay between clients and a server that impairs datagrams as a network does.

    Attributes:
        loss, double, late: Probabilities that a datagram is lost, duplicated and delayed.
        deaf: Whether all datagrams are dropped.
        moved: Whether datagrams to the server leave by another port, as behind a NAT.
    """

    def __init__(self, port: int, seed: int = 1) -> None:
        self.rng = random.Random(seed)
        self.loss = self.double = self.late = 0.0
        self.deaf = False
        self.longest = 65535
        self._server = "127.0.0.1", port
        self._out: dict[tuple[str, int], socket.socket] = {}
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport) -> None:
        self.transport = transport

    def datagram_received(self, data, addr) -> None:
        out = self._out.get(addr)
        if out is None:
            out = self._out[addr] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            out.setblocking(False)
            out.bind(("127.0.0.1", 0))
            self._loop.add_reader(out, self._back, out, addr)
        self._carry(lambda: out.fileno() >= 0 and out.sendto(data, self._server), len(data))

    def _back(self, out: socket.socket, addr) -> None:
        data = out.recv(65536)
        self._carry(lambda: self.transport.sendto(data, addr), len(data))

    def _carry(self, deliver, size: int) -> None:
        if self.deaf or size > self.longest or self.rng.random() < self.loss:
            return
        times = 2 if self.rng.random() < self.double else 1
        delay = self.rng.random() * 0.02 if self.rng.random() < self.late else 0.0
        for _ in range(times):
            self._loop.call_later(delay, deliver)

    def move(self) -> None:
        """Give each client another source port."""
        for out in self._out.values():
            self._loop.remove_reader(out)
            out.close()
        self._out.clear()


@contextlib.asynccontextmanager
async def postman(port: int) -> AsyncIterator[tuple[Postman, int]]:
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Postman(port), local_addr=("127.0.0.1", 0)
    )
    try:
        yield protocol, transport.get_extra_info("sockname")[1]
    finally:
        await asyncio.sleep(0.05)  # for datagrams in transit
        protocol.move()
        transport.close()


def vanish(serving: Serving) -> None:
    """Make the server drop its connections, whose sockets are closed."""
    for peer in serving.peers:
        peer.transport.abort()


@pytest.mark.parametrize(
    ("link", "channel"),
    [
        ("uncoded", None),
        ("rs:255,223", "bsc:1e-3"),
        ("rs:255,127+hamming:7,4", "bsc:1e-2"),
        ("uncoded", "bsc:3e-4"),
    ],
)
async def test_a_chat_over_udp_is_complete(link: str, channel: str | None) -> None:
    texts = [f"message {i} " + "x" * (i % 300) for i in range(200)]
    async with serve(rate=0, udp=True) as serving:
        path = ClientPath(link, channel, seed=5, udp=True)
        async with (
            talker(serving.port, "Nova", "lobby", path=path) as nova,
            talker(serving.port, "Sourav", "lobby") as plain,
        ):
            nova.say(*texts)
            plain.say(*texts)
            for one in (nova, plain):
                await one.until(lambda one=one: len(one.texts()) == 400)

            assert nova.texts() == plain.texts()
            assert sorted(nova.texts()) == sorted(texts * 2)
            assert nova.all(Offline) == []
            assert path.link.mtu == MTU


@pytest.mark.slow
async def test_messages_arrive_once_and_in_order_despite_loss_duplication_and_reordering():
    async with serve(rate=0, udp=True) as serving, postman(serving.port) as (man, port):
        man.loss, man.double, man.late = 0.05, 0.05, 0.2
        report = await run_load(
            "127.0.0.1", port, users=3, senders=2, messages=300, window=50,
            link="rs:255,223", channel="bsc:1e-3", seed=3, udp=True,
        )  # fmt: skip

    assert report.ok
    assert report.reconnects == report.broken == 0
    assert report.deliveries == 1800
    assert report.link.udp
    assert report.link.retransmissions > 0


async def test_a_chat_continues_after_its_link_is_lost() -> None:
    path = ClientPath("rs:255,223", "bsc:1e-3", seed=6, udp=True)
    async with (
        serve(rate=0, udp=True) as serving,
        talker(serving.port, "Nova", "lobby", path=path) as nova,
    ):
        texts = [f"message {i}" for i in range(150)]
        for start in range(0, 150, 50):
            nova.say(*texts[start : start + 50])
            lost = len(nova.all(Offline))
            await nova.until(lambda n=start: len(nova.texts()) > n and nova.core.online)
            nova.client.drop()
            await nova.until(lambda lost=lost: len(nova.all(Offline)) > lost)
        await nova.until(lambda: len(nova.texts()) == 150)

        assert nova.texts() == texts


async def test_a_restarted_server_is_detected_at_once() -> None:
    """A restarted server does not know the link; the client is told, and opens a new one."""
    path = ClientPath("uncoded", udp=True)
    async with (
        serve(rate=0, udp=True) as first,
        talker(first.port, "Nova", "lobby", path=path) as nova,
    ):
        nova.say("before")
        await nova.until(lambda: nova.texts() == ["before"])
        await asyncio.sleep(0.05)  # for the last acknowledgement
        for server in first.server._udp:  # as after kill -9: no CLOSE
            server.close()
        await asyncio.sleep(0.05)
        await first.server._listen_udp([("127.0.0.1", first.port)])
        old = path.link
        nova.say("after")
        await nova.until(lambda: nova.texts() == ["before", "after"])

        assert path.link is not old
        assert "does not know this link" in nova.all(Offline)[0].why
        vanish(first)


@pytest.mark.slow
async def test_a_stopped_server_is_detected_by_icmp_errors() -> None:
    path = ClientPath("uncoded", udp=True)
    async with (
        serve(udp=True) as serving,
        talker(serving.port, "Nova", "lobby", path=path, timeout=0.1) as nova,
    ):
        for server in serving.server._udp:
            server.close()
        nova.say("hello?")
        await nova.until(lambda: nova.all(Offline))

        assert "refused" in nova.all(Offline)[0].why
        vanish(serving)


async def test_a_link_moves_when_its_client_gets_another_port() -> None:
    path = ClientPath("rs:255,223", udp=True)
    async with (
        serve(rate=0, udp=True) as serving,
        postman(serving.port) as (man, port),
        talker(port, "Nova", "lobby", path=path) as nova,
    ):
        for i in range(3):
            nova.say(f"message {i}")
            await nova.until(lambda i=i: len(nova.texts()) == i + 1)
            man.move()
        nova.say("last")
        await nova.until(lambda: len(nova.texts()) == 4)

        assert nova.all(Offline) == []
        assert len(serving.peers) == 1


async def test_a_path_that_drops_long_datagrams_gets_short_ones() -> None:
    path = ClientPath("uncoded", udp=True)
    async with (
        serve(rate=0, udp=True) as serving,
        postman(serving.port) as (man, port),
        talker(port, "Nova", "lobby", path=path) as nova,
    ):
        man.longest = 1000
        texts = [f"message {i} " + "x" * 500 for i in range(40)]
        nova.say(*texts)
        await nova.until(lambda: len(nova.texts()) == 40)

        assert nova.texts() == texts
        assert path.link._writer.path_mtu._short_until > 0


async def test_silence_for_a_while_costs_nothing_but_time() -> None:
    path = ClientPath("rs:255,223", udp=True)
    async with (
        serve(rate=0, udp=True) as serving,
        postman(serving.port) as (man, port),
        talker(port, "Nova", "lobby", path=path) as nova,
    ):
        nova.say("one")
        await nova.until(lambda: nova.texts() == ["one"])
        man.deaf = True
        nova.say("two", "three")
        await asyncio.sleep(0.5)
        man.deaf = False
        await nova.until(lambda: nova.texts() == ["one", "two", "three"])

        assert nova.all(Offline) == []


@pytest.mark.slow
async def test_a_client_that_vanished_is_noticed_by_its_silence(monkeypatch) -> None:
    monkeypatch.setattr("netchat.chat.timers.SWEEP_INTERVAL", 0.1)
    monkeypatch.setattr("netchat.net.server_driver.LINGER", 0.2)
    path = ClientPath("uncoded", udp=True)
    async with (
        serve(udp=True, ping_after=0.2, silence_timeout=0.6) as serving,
        postman(serving.port) as (man, port),
        talker(port, "Nova", "lobby", path=path),
    ):
        man.deaf = True
        async with asyncio.timeout(20):
            while not serving.noted("away"):
                await asyncio.sleep(0.05)
            while serving.server._udp[0]._layers:
                await asyncio.sleep(0.05)

        assert len(serving.server._udp[0]._listener) == 0


async def test_bye_arrives_and_closes_the_link() -> None:
    path = ClientPath("rs:255,127+hamming:7,4", "bsc:1e-2", seed=7, udp=True)
    async with serve(udp=True) as serving, talker(serving.port, "Nova", "lobby", path=path) as nova:
        nova.say("hello")
        await nova.until(lambda: nova.texts() == ["hello"])
        await nova.client.bye()
        await nova.until(lambda: nova.all(SessionEnded))

        assert nova.all(SessionEnded)[0].wanted
        assert not serving.server.hub.state.shared.sessions
        async with asyncio.timeout(10):
            while serving.server._udp[0]._layers:
                await asyncio.sleep(0.01)


async def test_a_server_that_stops_tells_those_on_udp() -> None:
    path = ClientPath("rs:255,223", "bsc:1e-3", seed=8, udp=True)
    async with (
        serve(udp=True) as serving,
        talker(serving.port, "Nova", "lobby", path=path, timeout=0.1) as nova,
    ):
        await serving.server.stop()
        await nova.until(lambda: nova.all(Offline) or nova.all(SessionEnded))

        assert "shut" in (nova.all(Offline) + nova.all(SessionEnded))[0].why


async def test_a_missing_server_is_reported_at_once() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with pytest.raises(CannotConnect, match="No UDP server at 127"):
        async with ClientDriver("127.0.0.1", port, "Nova", path=ClientPath("uncoded", udp=True)):
            pass


async def test_a_server_that_does_not_answer_times_out(monkeypatch) -> None:
    monkeypatch.setattr("netchat.link.handshake.OPEN_TIMEOUT", 0.2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", 0))
        path = ClientPath("uncoded", udp=True)
        with pytest.raises(CannotConnect, match="no answer within"):
            async with ClientDriver("127.0.0.1", mute.getsockname()[1], "Nova", path=path):
                pass


async def test_every_address_of_a_name_is_tried() -> None:
    """`localhost` may resolve to ::1 first, where no server listens."""
    async with (
        serve(udp=True) as serving,
        ClientDriver("localhost", serving.port, "Nova", path=ClientPath("uncoded", udp=True)) as c,
    ):
        nova = Talker(c)
        await nova.enter()
        nova.stop()


async def test_a_machine_without_ipv6_takes_the_next_address(monkeypatch) -> None:
    def no_ipv6(family: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(97, "Address family not supported by protocol")
        return udp_socket(family)

    monkeypatch.setattr("netchat.net.udp.client.udp_socket", no_ipv6)
    both = [
        (socket.AF_INET6, socket.SOCK_DGRAM, 17, "", ("::1", 1, 0, 0)),
        (socket.AF_INET, socket.SOCK_DGRAM, 17, "", ("127.0.0.1", 1)),
    ]
    loop = asyncio.get_running_loop()

    async def found(*_: object, **__: object):
        return both

    monkeypatch.setattr(loop, "getaddrinfo", found, raising=False)
    with pytest.raises(CannotConnect, match="No UDP server"):
        await ClientPath("uncoded", udp=True).connect(asyncio.Protocol(), "both", 1)


async def test_a_link_replaced_while_disconnected_affects_no_other_client() -> None:
    """Bytes that wait for a paused reader are delivered later, even if the reader then closes."""
    transports = []

    class Choosy(asyncio.Protocol):
        def connection_made(self, transport) -> None:
            self.transport = transport
            transports.append(transport)
            transport.pause_reading()

        def data_received(self, _: bytes) -> None:
            self.transport.abort()

    def ask(client: Link) -> None:
        for datagram in client.blocks_to_send(0.0):
            server.datagram_received(datagram, here)
        # On a busy machine, the kernel delivers a little later, even on loopback.
        while select.select([asker], [], [], 0.2)[0]:
            client.receive_block(asker.recv(2000), 0.0)

    with udp_socket(socket.AF_INET) as sock, udp_socket(socket.AF_INET) as asker:
        sock.bind(("127.0.0.1", 0))
        asker.bind(("127.0.0.1", 0))
        here = asker.getsockname()
        work = LinkWork(asyncio.get_running_loop())
        server = UdpServer(sock, 10, Choosy, lambda _: block_code, work)
        first, second = (Link.client("uncoded", mtu=MTU) for _ in range(2))
        for _ in range(2):
            ask(first)
        first.send(b"unread")
        ask(first)
        ask(second)  # and is challenged
        transports[0].resume_reading()
        ask(second)
        for _ in range(100):  # a link that has used up its CPU time continues in a later turn
            if second.opened:
                break
            await asyncio.sleep(0.02)
            ask(second)
        assert second.opened
        assert list(server._layers) == list(server._listener._addresses)
        assert [transport.is_closing() for transport in transports] == [True, False]
        for transport in transports:
            transport.abort()
        await asyncio.sleep(0)


@pytest.fixture
async def listening(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[UdpServer, Link]]:
    """A server for which each datagram takes a millisecond, and its client, which is at "10.0.0.1"."""
    steps = itertools.count()
    monkeypatch.setattr("netchat.net.udp.server.time.thread_time", lambda: next(steps) * 1e-3)
    with udp_socket(socket.AF_INET) as sock:
        sock.bind(("127.0.0.1", 0))
        work = LinkWork(asyncio.get_running_loop())
        server = UdpServer(sock, 10, asyncio.Protocol, lambda _: block_code, work)
        sent: list[bytes] = []
        monkeypatch.setattr(server, "_send", lambda data, _: sent.append(data) or True)
        client = Link.client("uncoded", mtu=MTU)
        while not client.opened:
            for datagram in client.blocks_to_send(0.0):
                server.datagram_received(datagram, AT)
            for datagram in sent:
                client.receive_block(datagram, 0.0)
            sent.clear()
        yield server, client
        for layer in list(server._layers.values()):
            layer.abort()
        await asyncio.sleep(0)


AT = ("10.0.0.1", 1234)


def transfers(server: UdpServer, client: Link, data: bytes) -> bool:
    """Whether the server accepts a datagram of the client."""
    (link,) = server._layers
    client.send(data)
    delivered = link.stats.delivered
    for datagram in client.blocks_to_send(0.0):
        server.datagram_received(datagram, AT)
    return link.stats.delivered > delivered


@pytest.mark.parametrize("length", [100, 20])
async def test_datagrams_from_a_forged_address_close_no_link(
    listening: tuple[UdpServer, Link], length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, client = listening
    monkeypatch.setattr(server._work, "may_waste", lambda _: True)  # over a long time
    for number in range(600):
        server.datagram_received(bytes([number % 251]) * length, AT)
    (layer,) = server._layers.values()
    assert layer.wasted > ABUSE

    assert transfers(server, client, b"still here")
    assert not layer.is_closing()


async def test_an_address_that_wastes_time_does_not_stop_the_datagrams_of_another(
    listening: tuple[UdpServer, Link],
) -> None:
    server, client = listening
    (layer,) = server._layers.values()
    layer.wasted = 0.01  # on a bad line
    for number in range(1000):  # without a link, and as another link of another address
        server.datagram_received(bytes([number % 251]) * 50, ("10.0.0.2", 1))
        server._work._waste.spend(1e-3, "10.0.0.2", 1)

    assert transfers(server, client, b"still here")


async def test_an_address_that_wastes_time_does_not_keep_another_from_opening_a_link(
    listening: tuple[UdpServer, Link],
) -> None:
    server, _ = listening
    for number in range(1000):
        server.datagram_received(bytes([number % 251]) * 50, ("10.0.0.2", 1))
    challenged = server._listener.challenged
    for datagram in Link.client("uncoded", mtu=MTU).blocks_to_send(0.0):
        server.datagram_received(datagram, ("10.0.0.3", 1))

    assert server._listener.challenged == challenged + 1


async def test_one_address_leaves_links_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netchat.chat.fair_shares.GUARANTEED", 1)
    async with (
        serve(udp=True, max_half_open=4, max_users=4) as serving,
        contextlib.AsyncExitStack() as stack,
    ):
        loop = asyncio.get_running_loop()
        for _ in range(12):
            sock = stack.enter_context(udp_socket(socket.AF_INET))
            sock.bind(("127.0.0.9", 0))
            sock.connect(("127.0.0.1", serving.port))
            client = Link.client("uncoded", mtu=MTU)
            while not client.opened and not client.closed:
                for datagram in client.blocks_to_send(0.0):
                    sock.send(datagram)
                client.receive_block(await asyncio.wait_for(loop.sock_recv(sock, 2000), 10), 0.0)
        assert "your address already has its share" in client.closed
        path = ClientPath("uncoded", udp=True)
        async with talker(serving.port, "Nova", "lobby", path=path) as nova:
            nova.say("hello")
            await nova.until(lambda: nova.texts() == ["hello"])
        (server,) = serving.server._udp
        assert server._shares.counts["127.0.0.9"] == 6
        for layer in list(server._layers.values()):
            layer.abort()
        assert server._shares.counts == {}


async def test_no_address_at_all_is_an_error() -> None:
    with pytest.raises(OSError):
        await connect_udp("does-not-exist.invalid", 1, lambda: pytest.fail("no link is needed"))


def test_over_udp_there_is_always_a_link() -> None:
    with pytest.raises(ValueError, match="UDP requires a link"):
        ClientPath(None, "bsc:1e-3", udp=True)


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_the_checksum_is_off_and_datagrams_are_not_truncated(family: int) -> None:
    with udp_socket(family) as sock:
        if family == socket.AF_INET:
            assert sock.getsockopt(socket.SOL_SOCKET, 11) == 1
            assert sock.getsockopt(socket.IPPROTO_IP, 10) == 2
        else:
            assert sock.getsockopt(socket.IPPROTO_UDP, 101) == 1
            assert sock.getsockopt(socket.IPPROTO_UDP, 102) == 1
            assert sock.getsockopt(socket.IPPROTO_IPV6, 23) == 2


async def test_hostile_datagrams_are_answered_with_no_more_than_they_brought() -> None:
    rng = random.Random(4)
    async with serve(udp=True) as serving:
        client = Link.client("rs:255,223", mtu=MTU)
        (opening,) = client.blocks_to_send(0.0)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.setblocking(False)
            stranger.connect(("127.0.0.1", serving.port))
            sent = []
            for i in range(300):
                datagram = rng.randbytes(rng.choice((0, 1, 95, 96, 400, 1400)))
                if i % 3 == 0:
                    broken = bytearray(opening)
                    broken[rng.randrange(len(broken))] ^= 255
                    datagram = bytes(broken)
                sent.append(len(datagram))
                stranger.send(datagram)
                if i % 50 == 49:
                    await asyncio.sleep(0.05)
            stranger.send(opening)
            sent.append(len(opening))
            got: list[bytes] = []
            async with asyncio.timeout(20):
                while len(got) < 101:  # one for each readable datagram
                    with contextlib.suppress(BlockingIOError):
                        got.append(stranger.recv(65536))
                        continue
                    await asyncio.sleep(0.01)
            with pytest.raises(BlockingIOError):
                stranger.recv(65536)

        assert sum(map(len, got)) < sum(sent)
        assert max(map(len, got)) == HEADER_SIZE
        assert {read_header(data).header.kind for data in got} == {Kind.CHALLENGE}
        assert serving.peers == []
        async with raw(serving.port, "Nova") as nova:  # and the server still serves
            assert nova.got


async def test_a_link_inside_of_a_link_is_rubbish() -> None:
    from netchat.link.sync_marker import MARKER

    async with serve(udp=True) as serving:
        layers = []

        class Odd(asyncio.Protocol):
            def connection_made(self, transport) -> None:
                transport.write(MARKER * 10)

            def connection_lost(self, exc) -> None:
                layers.append(exc)

        await ClientPath("uncoded", udp=True).connect(Odd(), "127.0.0.1", serving.port)
        async with asyncio.timeout(10):
            while not layers:
                await asyncio.sleep(0.01)

        assert serving.noted("dismissed")


async def test_a_silent_client_is_disconnected_after_the_handshake_timeout() -> None:
    async with serve(udp=True, handshake_timeout=0.2) as serving:
        lost = asyncio.get_running_loop().create_future()

        class Mute(asyncio.Protocol):
            def connection_lost(self, exc) -> None:
                lost.set_result(exc)

        await ClientPath("uncoded", udp=True).connect(Mute(), "127.0.0.1", serving.port)
        assert len(serving.peers) == 1
        async with asyncio.timeout(10):
            await lost
            while serving.server._udp[0]._layers:
                await asyncio.sleep(0.01)

        assert not serving.peers
        assert len(serving.server._udp[0]._listener) == 0


async def test_links_of_one_address_are_counted_with_its_connections() -> None:
    async with serve(udp=True, max_per_address=1) as serving:
        path = ClientPath("uncoded", udp=True)
        async with talker(serving.port, "Nova", "lobby", path=path), raw(serving.port) as second:
            await second.end()

            assert "connections from 127.0.0.1" in second.got[0].text


async def test_a_forged_error_of_the_network_does_not_end_an_open_link(monkeypatch) -> None:
    """ICMP errors contain nothing that only the server could know."""
    monkeypatch.setattr("netchat.net.udp.client.PROOF_WITHIN", 0.05)
    path = ClientPath("rs:255,223", udp=True)
    async with (
        serve(udp=True) as serving,
        talker(serving.port, "Nova", "lobby", path=path) as nova,
    ):
        layer = nova.client._connection.transport
        socket_ = layer.lower._send.__self__
        for _ in range(3):
            heard = layer.link.stats.blocks_received
            socket_.error_received(ConnectionRefusedError(111, "forged"))
            while socket_._proof_timer is not None:
                await asyncio.sleep(0.01)
            assert layer.link.stats.blocks_received > heard
        nova.say("hello")
        await nova.until(lambda: nova.texts() == ["hello"])
        assert nova.all(Offline) == []
