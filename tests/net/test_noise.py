"""The noise proxy between plain sockets, and between a chat client and a server."""

import asyncio
import contextlib
import json
import signal
import socket
import subprocess
import sys

import pytest
from click.testing import CliRunner

from netchat.channels.impairment import Impairments
from netchat.cli.main import cli
from netchat.errors import NetchatError
from netchat.load.run import run_load
from netchat.net.noise import proxy as noise_proxy
from netchat.net.noise import udp_relay
from netchat.net.noise.proxy import NoiseProxy
from tests.net.serving import serve

TIMEOUT = 20


@contextlib.asynccontextmanager
async def echo():
    """A server that echoes everything, even after the client's FIN."""

    async def say_back(reader, writer):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write(b"the end")
        writer.close()

    server = await asyncio.start_server(say_back, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[:2]


class Told(list):
    """The events that a proxy has reported; `proxy` is that proxy."""


@contextlib.asynccontextmanager
async def proxied(target, udp=False, host="127.0.0.1", seed=1, **wish):
    """Run a proxy; yield its address and the events that it reports."""
    told = Told()
    proxy = NoiseProxy(target, Impairments(**wish), seed, told.append)
    address = await proxy.start(host, 0, udp=udp)
    told.proxy = proxy
    try:
        yield address, told
    finally:
        await proxy.stop()


async def said(address, data):
    """Send bytes and FIN, and return the bytes that come back."""
    reader, writer = await asyncio.open_connection(*address)
    writer.write(data)
    writer.write_eof()
    async with asyncio.timeout(TIMEOUT):
        answer = await reader.read()
    writer.close()
    return answer


async def until(true):
    async with asyncio.timeout(TIMEOUT):
        while not true():
            await asyncio.sleep(0.01)


def closed(told):
    return [event for event in told if event["event"] == "closed"]


async def test_it_passes_everything_on_also_half_closed():
    data = bytes(range(256)) * 40_000  # ten times what may be in transit
    async with echo() as server, proxied(server) as (address, told):
        assert await said(address, data) == data + b"the end"
        await until(lambda: closed(told))
    (end,) = closed(told)
    assert end["to_server"] == {"bytes": len(data), "flipped": 0}
    assert end["to_client"] == {"bytes": len(data) + 7, "flipped": 0}
    assert "problem" not in end


async def test_both_directions_are_damaged_at_the_requested_rate_and_counted():
    async with echo() as server, proxied(server, channel="bsc:1e-3") as (address, told):
        answer = await said(address, bytes(100_000))
        again = await said(address, bytes(100_000))
        await until(lambda: len(closed(told)) == 2)
    wrong = sum(byte.bit_count() for byte in answer[:100_000])
    first, second = closed(told)
    assert 600 < first["to_server"]["flipped"] < 1000
    assert 600 < first["to_client"]["flipped"] < 1000
    # A bit that is flipped twice is correct again.
    assert first["to_server"]["flipped"] + first["to_client"]["flipped"] - wrong < 30
    assert answer != again
    assert first["to_server"]["flipped"] != second["to_server"]["flipped"]


async def test_a_seed_repeats_the_damage():
    answers = []
    for seed in (5, 5, 6):
        async with echo() as server, proxied(server, seed=seed, channel="bsc:1e-3") as (address, _):
            answers.append(await said(address, bytes(10_000)))
    assert answers[0] == answers[1] != answers[2]


async def test_a_delay_is_each_way():
    async with echo() as server, proxied(server, delay=0.05) as (address, _):
        begun = asyncio.get_running_loop().time()
        assert await said(address, b"x") == b"xthe end"
        assert asyncio.get_running_loop().time() - begun >= 0.1


@pytest.mark.parametrize("delay", [0.0, 0.01])
@pytest.mark.slow
async def test_a_client_that_stops_reading_pauses_the_sender(delay):
    taken = 0

    async def only_say(reader, writer):
        nonlocal taken
        with contextlib.suppress(OSError):
            while True:
                writer.write(bytes(65536))
                await writer.drain()
                taken += 65536

    server = await asyncio.start_server(only_say, "127.0.0.1", 0)
    async with server, proxied(server.sockets[0].getsockname()[:2], delay=delay) as (address, _):
        reader, writer = await asyncio.open_connection(*address, limit=1024)
        before = -1
        async with asyncio.timeout(TIMEOUT):
            while taken != before or not taken:
                before = taken
                await asyncio.sleep(0.3)
        # Buffered: 1 MiB in the proxy, and the kernel buffers of four sockets.
        assert taken < 32 * 1024 * 1024
        async with asyncio.timeout(TIMEOUT):
            await reader.readexactly(taken)  # then forwarding continues
        writer.close()


async def test_connections_made_at_once_have_numbers_of_their_own():
    async with echo() as server, proxied(server) as (address, told):
        answers = await asyncio.gather(*(said(address, b"x") for _ in range(10)))
        await until(lambda: len(closed(told)) == 10)
    assert answers == [b"xthe end"] * 10
    for event in ("connected", "closed"):
        numbers = [each["number"] for each in told if each["event"] == event]
        assert sorted(numbers) == list(range(1, 11))


async def test_datagrams_in_flight_are_limited_by_their_bytes(monkeypatch):
    monkeypatch.setattr(noise_proxy, "MAX_WAITING", 10_000)
    async with datagrams(delay=0.1) as (client, got, told):
        for _ in range(50):
            client.sendto(bytes(744))
        await until(lambda: got)
        (session,) = told.proxy._numbers
        await until(lambda: session.out.packets == 50)
        assert session.out.overflowed == 40
        await until(lambda: len(got) == 10)


async def test_a_tcp_port_whose_udp_port_is_in_use_is_released():
    for _ in range(20):  # another program may use the TCP port
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            proxy = NoiseProxy(("127.0.0.1", 1), Impairments())
            with pytest.raises(OSError):
                await proxy.start(*taken.getsockname(), udp=True)
            with contextlib.suppress(OSError), socket.create_server(taken.getsockname()):
                return
    raise AssertionError("no TCP port was released")


async def test_a_reset_is_passed_on():
    async def reset(reader, writer):
        await reader.read(1)
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        writer.close()

    server = await asyncio.start_server(reset, "127.0.0.1", 0)
    async with server, proxied(server.sockets[0].getsockname()[:2]) as (address, told):
        reader, writer = await asyncio.open_connection(*address)
        writer.write(b"x")
        async with asyncio.timeout(TIMEOUT):
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
        writer.close()
        await until(lambda: closed(told))
    assert "reset" in closed(told)[0]["problem"].lower()


async def test_without_a_server_the_client_is_disconnected_and_reported():
    with socket.create_server(("127.0.0.1", 0)) as free:
        nobody = free.getsockname()
    async with proxied(nobody) as (address, told):
        reader, writer = await asyncio.open_connection(*address)
        async with asyncio.timeout(TIMEOUT):
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
        writer.close()
        await until(lambda: closed(told))
    assert "the server cannot be reached" in closed(told)[0]["problem"]


async def test_a_crowd_of_connections_is_refused(monkeypatch):
    monkeypatch.setattr(noise_proxy, "MAX_CONNECTIONS", 1)
    async with echo() as server, proxied(server) as (address, told):
        _, first = await asyncio.open_connection(*address)
        await until(lambda: told)
        reader, second = await asyncio.open_connection(*address)
        async with asyncio.timeout(TIMEOUT):
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
        first.close()
        second.close()
        await until(lambda: closed(told))
        assert await said(address, b"room again") == b"room againthe end"
    assert [event["event"] for event in told][:2] == ["connected", "refused"]


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
async def test_ipv6():
    async with echo() as server, proxied(server, udp=True, host="::1") as (address, told):
        assert await said(address, b"six") == b"sixthe end"
    assert told[0]["client"].startswith("[::1]:")


class Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.transport.sendto(data, addr)


class Collect(asyncio.DatagramProtocol):
    def __init__(self):
        self.got = []

    def datagram_received(self, data, addr):
        self.got.append(data)


@contextlib.asynccontextmanager
async def datagrams(**options):
    """Yield a client's transport, received bytes, and reported events, through a proxy to an echo server."""
    loop = asyncio.get_running_loop()
    server, _ = await loop.create_datagram_endpoint(Echo, local_addr=("127.0.0.1", 0))
    target = server.get_extra_info("sockname")
    async with proxied(target, udp=True, **options) as (address, told):
        client, collected = await loop.create_datagram_endpoint(Collect, remote_addr=address)
        yield client, collected.got, told
        client.close()
    server.close()


def passed(way):
    return way["packets"] - way["lost"] + way["duplicated"]


async def test_lost_duplicated_reordered_and_damaged_datagrams_are_counted():
    wish = {"loss": 0.1, "duplicate": 0.1, "reorder": 0.1, "channel": "bsc:1e-4"}
    async with datagrams(**wish) as (client, got, told):
        for number in range(500):
            client.sendto(number.to_bytes(2, "big") + bytes(98))
            await asyncio.sleep(0)
        (session,) = told.proxy._numbers
        await until(lambda: session.out.packets == 500)
        await until(lambda: session.back.packets == passed(session.out.as_dict()))
        await until(lambda: len(got) == passed(session.back.as_dict()))
    (end,) = closed(told)
    out, back = end["to_server"], end["to_client"]
    assert out["packets"] == 500
    for way in (out, back):
        assert 20 < way["lost"] < 90
        assert 20 < way["duplicated"] < 90
        assert way["reordered"] > 0
        assert way["flipped"] > 0
    order = [int.from_bytes(each[:2], "big") for each in got]
    assert order != sorted(order)


async def test_addresses_beyond_the_limit_are_refused_and_silent_ones_forgotten(monkeypatch):
    monkeypatch.setattr(udp_relay, "MAX_SESSIONS", 1)
    async with datagrams() as (client, got, told):
        client.sendto(b"one")
        await until(lambda: got == [b"one"])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.sendto(b"two", client.get_extra_info("peername"))
        client.sendto(b"three")
        await until(lambda: got == [b"one", b"three"])
        assert told.proxy._datagrams.refused == 1
        told.proxy._datagrams._forget_idle()
        assert not closed(told)
        monkeypatch.setattr(udp_relay, "IDLE", 0.0)
        await until(lambda: told.proxy._datagrams._forget_idle() or closed(told))
        monkeypatch.undo()
        client.sendto(b"four")
        await until(lambda: got[-1] == b"four")
    assert [event["event"] for event in told] == ["connected", "closed"] * 2


async def test_a_chat_over_a_link_does_not_notice():
    wish = {"channel": "bsc:1e-4", "delay": 0.001}
    async with serve(rate=0) as server, proxied(("127.0.0.1", server.port), **wish) as (at, told):
        report = await run_load(*at, users=2, messages=100, link="rs:255,223")
        await until(lambda: len(closed(told)) == 2)
    assert report.ok
    assert report.link.wrong_bits > 0
    assert sum(end["to_client"]["flipped"] for end in closed(told)) > 0


@pytest.mark.slow
def test_as_a_command():
    with echo_process() as port:
        command = [sys.executable, "-m", "netchat", "noise", "0", f"127.0.0.1:{port}"]
        with subprocess.Popen(
            [*command, "--channel", "bsc:0.01", "--json"], stdout=subprocess.PIPE, text=True
        ) as process:
            listening = json.loads(process.stdout.readline())
            assert listening["damage"] == "bsc:0.01"
            with socket.create_connection(("127.0.0.1", listening["port"]), TIMEOUT) as sock:
                sock.sendall(bytes(1000))
                answer = b""
                while len(answer) < 1000:
                    answer += sock.recv(1000)
            process.send_signal(signal.SIGINT)
            told, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0
    total = json.loads(told.splitlines()[-1])
    assert total["event"] == "total"
    assert total["to_server"]["bytes"] == 1000
    assert total["to_server"]["flipped"] > 20
    assert any(answer)


def test_it_ends_when_its_output_is_closed():
    command = [sys.executable, "-m", "netchat", "noise", "0", "127.0.0.1:1", "--json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        port = json.loads(process.stdout.readline())["port"]
        process.stdout.close()
        with socket.create_connection(("127.0.0.1", port), TIMEOUT):
            _, said = process.communicate(timeout=TIMEOUT)
    assert said == ""


@contextlib.contextmanager
def echo_process():
    """Accept one connection and send one answer; no event loop is needed."""
    import threading

    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                while data := connection.recv(65536):
                    connection.sendall(data)

        thread = threading.Thread(target=answer)
        thread.start()
        yield server.getsockname()[1]
        thread.join(TIMEOUT)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["7000", "--loss", "0.1"], "require --udp"),
        (["7000", "--channel", "bec:0.1"], "supports only bit errors"),
        (["nowhere"], "[IPV6]:PORT, with PORT from 0 to 65535, got 'nowhere'"),
        (["7000", "host:port"], "is not a valid address"),
    ],
)
def test_wrong_usage(arguments, says):
    done = CliRunner().invoke(cli, ["noise", *arguments])
    assert done.exit_code == 2
    assert says in " ".join(done.output.split())


def test_an_address_of_another_machine():
    done = CliRunner().invoke(cli, ["noise", "192.0.2.1:7000"], standalone_mode=False)
    assert isinstance(done.exception, NetchatError)
    assert "cannot listen on 192.0.2.1:7000" in str(done.exception)
