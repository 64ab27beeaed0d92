"""`python -m tests.bench.tls`: TLS of netchat and of Redis in one run.

Prints the server's CPU time per delivery and per join, the memory of an idle connection, and handshakes per
second of the server's CPU time, full ones and resumed ones, each with the connection's opening and its end.
All servers use the same certificate. As root, servers and generator run with real-time priority
(`chrt -f 10`), so that other programs take no CPU time from them.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from netchat.net.event_loop import run
from netchat.net.tls.server import TlsServer
from tests.bench.attacks import PRIORITY, can_raise_priority, raise_priority
from tests.bench.crowd import NETCHAT, REDIS, TIMEOUT, Crowd, Dialect
from tests.bench.fanout import wait_for
from tests.end_to_end.processes import free_port

#: Handshakes in progress at a time: with one, the server would start each on a cold cache.
AT_ONCE = 32

#: Command that gives a server real-time priority; empty for none.
_priority: list[str] = []

PLAIN, TLS, REDIS_TLS = "netchat", "netchat --tls", "redis --tls-port"


def command(name: str, port: int, folder: Path, tls: TlsServer) -> list[str]:
    """Return the command of a server."""
    chain, key, ca = map(str, (tls.files.chain, tls.files.key, tls.files.ca))
    if name == REDIS_TLS:
        files = ["--tls-cert-file", chain, "--tls-key-file", key, "--tls-ca-cert-file", ca]
        return [
            "redis-server", "--port", "0", "--tls-port", str(port), *files,
            "--tls-auth-clients", "no", "--save", "", "--maxclients", "15000",
        ]  # fmt: skip
    serve = [sys.executable, "-m", "netchat", "serve", "--port", str(port), "--rate", "0"]
    serve += ["--no-web", "--max-users", "20000", "--history", str(folder / "history.db")]
    return serve if name == PLAIN else [*serve, "--tls-cert", chain, "--tls-key", key]


@asynccontextmanager
async def running(name: str, tls: TlsServer) -> AsyncIterator[tuple[Dialect, int, int]]:
    """Run a server on the first core; yield its dialect, its port and its process number."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            [*_priority, *command(name, port, Path(folder), tls)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
        )
        try:
            with contextlib.suppress(AttributeError, OSError):
                os.sched_setaffinity(server.pid, {0})
            await wait_for(port)
            yield REDIS if name == REDIS_TLS else NETCHAT, port, server.pid
        finally:
            server.terminate()
            server.wait(10)


def client(tls: TlsServer) -> ssl.SSLContext:
    """Return a client's context of Python's own, which verifies the certificate."""
    context = ssl.create_default_context(cafile=str(tls.files.ca))
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


async def fan_out(name: str, members: int, messages: int, tls: TlsServer) -> dict[str, float]:
    """Return deliveries per second and the CPU time of each, and the memory per idle connection."""
    async with running(name, tls) as (dialect, port, pid):
        context = None if name == PLAIN else client(tls)
        crowd = Crowd(dialect, port, members, tls=context)
        process = psutil.Process(pid)
        memory = process.memory_info().rss
        before = sum(process.cpu_times()[:2])
        await crowd.join()
        joined = sum(process.cpu_times()[:2]) - before
        kib = (process.memory_info().rss - memory) / members / 1024
        figures = await crowd.load(messages, pid)
        crowd.close()
        return {**figures, "kib": kib, "join_ms": joined / members * 1e3}


class _Handshake:
    """One connection of a client that performs a handshake."""

    def __init__(self, context: ssl.SSLContext, port: int, session: ssl.SSLSession | None) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), TIMEOUT)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, session=session)
        self.is_done()

    def is_done(self) -> bool:
        """Continue with what has arrived."""
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        finally:
            self.socket.sendall(self.outgoing.read())
        return True

    def receive(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("the server closed a connection during the handshake")
        self.incoming.write(data)


def perform(
    context: ssl.SSLContext, port: int, session: ssl.SSLSession | None = None
) -> ssl.SSLSession:
    """Perform `AT_ONCE` handshakes at once; return the session of the last one."""
    clients = [_Handshake(context, port, session) for _ in range(AT_ONCE)]
    for client in clients:
        client.receive()
        while not client.is_done():
            client.receive()
        assert client.tls.session_reused is (session is not None)
    for client in clients:
        client.receive()  # the ticket
        with contextlib.suppress(ssl.SSLWantReadError):
            client.tls.read(1)
        client.socket.close()
    last = clients[-1].tls.session
    assert last is not None
    return last


async def handshakes(name: str, count: int, tls: TlsServer) -> dict[str, float]:
    """Return handshakes per second of the server's CPU time."""
    async with running(name, tls) as (_, port, pid):
        context, process = client(tls), psutil.Process(pid)
        # The client's work is not measured; verifying takes it longer than the server's whole handshake.
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        session = perform(context, port)
        found = {}
        for kind, known in (("full", None), ("resumed", session)):
            before = sum(process.cpu_times()[:2])
            for _ in range(count // AT_ONCE):
                perform(context, port, known)
            found[kind] = count // AT_ONCE * AT_ONCE / (sum(process.cpu_times()[:2]) - before)
        return found


def medians(rounds: list[dict[str, float]]) -> dict[str, float]:
    """Return the median of each figure."""
    return {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--deliveries", type=int, default=2_000_000)
    parser.add_argument("--handshakes", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    names = [PLAIN, TLS, REDIS_TLS]
    if shutil.which("redis-server") is None:
        names.remove(REDIS_TLS)
        print("redis-server is not installed: no comparison with it", file=sys.stderr)
    with contextlib.suppress(AttributeError, OSError):
        os.sched_setaffinity(0, {1})
    if can_raise_priority():
        raise_priority()
        _priority[:] = PRIORITY
    result: dict[str, dict[str, dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        tls = TlsServer(folder=Path(folder) / "tls")
        for members in options.members:
            rounds: dict[str, list[dict[str, float]]] = {name: [] for name in names}
            for _ in range(options.rounds):  # interleaved, so that load peaks affect all servers
                for name in names:
                    messages = options.deliveries // members
                    rounds[name].append(run(fan_out(name, members, messages, tls)))
            result[f"{members} members"] = {name: medians(found) for name, found in rounds.items()}
        rounds = {name: [] for name in names if name != PLAIN}
        for _ in range(options.rounds):
            for name, found in rounds.items():
                found.append(run(handshakes(name, options.handshakes, tls)))
        result["handshakes"] = {name: medians(found) for name, found in rounds.items()}
    if options.json:
        print(json.dumps(result))
        return
    print("10 senders, 64 bytes, 100 in flight; medians of rounds")
    for title, table in result.items():
        print(title)
        for name, row in table.items():
            if title == "handshakes":
                print(
                    f"  {name:<18} full {row['full']:>7,.0f}/s  resumed {row['resumed']:>7,.0f}/s"
                )
            else:
                print(
                    f"  {name:<18}{row['deliveries_per_s']:>12,.0f} deliveries/s "
                    f"{row['cpu_us']:>8.3f} us CPU each {row['kib']:>7.1f} KiB per connection "
                    f"{row['join_ms']:>6.2f} ms CPU per join"
                )


if __name__ == "__main__":
    main()
