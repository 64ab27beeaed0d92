"""`python -m tests.bench.fanout --members 100`: fan-out of netchat and other servers in one run.

Prints deliveries per second, the server's CPU time per delivery, and the ratio of netchat to each
server. Compare the CPU time: it does not depend on the generator, and little on the load of the
machine. Servers run on one core, the generator on another.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from netchat.net.event_loop import run
from tests.bench.crowd import FLOOR, NETCHAT, REDIS, Crowd, Dialect
from tests.end_to_end.processes import free_port

#: Upper bound: asyncio with one write per member and loop iteration, without parsing or history.
_FLOOR_SERVER = """
import asyncio, sys
from netchat.net.event_loop import run
members, batch = [], []
class P(asyncio.Protocol):
    def connection_made(self, t): self.t = t
    def data_received(self, d):
        if d == b"J\\n":
            members.append(self.t); self.t.write(b"K\\n"); return
        if not batch: asyncio.get_running_loop().call_soon(flush)
        batch.append(d)
def flush():
    d = b"".join(batch); batch.clear()
    for t in members: t.write(d)
async def main():
    s = await asyncio.get_running_loop().create_server(P, "127.0.0.1", int(sys.argv[1]), backlog=4096)
    await s.serve_forever()
run(main())
"""


def commands(port: int, folder: str) -> dict[str, tuple[Dialect, list[str]]]:
    serve = [
        sys.executable,
        "-m",
        "netchat",
        "serve",
        "--port",
        str(port),
        "--rate",
        "0",
        "--no-web",
    ]
    serve += ["--max-users", "20000"]
    redis = ["redis-server", "--port", str(port), "--save", "", "--maxclients", "15000"]
    return {
        "netchat": (NETCHAT, [*serve, "--history", f"{folder}/history.db"]),
        "netchat --ephemeral": (NETCHAT, [*serve, "--ephemeral"]),
        "redis pub/sub": (REDIS, redis),
        "uvloop floor": (FLOOR, [sys.executable, "-c", _FLOOR_SERVER, str(port)]),
    }


@asynccontextmanager
async def running(name: str) -> AsyncIterator[tuple[Dialect, int, int]]:
    """Run a server on the first core; yield its dialect, its port and its process number."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        dialect, command = commands(port, folder)[name]
        server = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder
        )
        try:
            with contextlib.suppress(AttributeError, OSError):
                os.sched_setaffinity(server.pid, {0})
            await wait_for(port)
            yield dialect, port, server.pid
        finally:
            server.terminate()
            server.wait(10)


async def measure(name: str, members: int, messages: int) -> dict[str, float]:
    async with running(name) as (dialect, port, pid):
        crowd = Crowd(dialect, port, members)
        await crowd.join()
        figures = await crowd.load(messages, pid)
        crowd.close()
        return figures


async def wait_for(port: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.05)
    raise TimeoutError(f"no server listens on port {port}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, default=100)
    parser.add_argument("--deliveries", type=int, default=20_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    names = list(commands(0, ""))
    if shutil.which("redis-server") is None:
        names.remove("redis pub/sub")
        print("redis-server is not installed: no comparison with it", file=sys.stderr)
    with contextlib.suppress(AttributeError, OSError):
        os.sched_setaffinity(0, {1})
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for _ in range(options.rounds):  # interleaved, so that load peaks affect all servers
        for name in names:
            messages = options.deliveries // options.members
            rounds[name].append(run(measure(name, options.members, messages)))
    table = {
        name: {key: statistics.median(r[key] for r in runs) for key in runs[0]}
        for name, runs in rounds.items()
    }
    if options.json:
        print(json.dumps({"members": options.members, "medians": table, "rounds": rounds}))
        return
    own = table["netchat"]
    print(f"{options.members} members, 10 senders, 64 bytes, 100 in flight; median of rounds")
    print(
        f"{'server':<22}{'deliveries/s':>14}{'CPU us each':>13}{'netchat/this: rate':>20}{'CPU':>7}"
    )
    for name, row in table.items():
        rate, cpu = row["deliveries_per_s"], row["cpu_us"]
        ratios = f"{own['deliveries_per_s'] / rate:>20.2f}{own['cpu_us'] / cpu:>7.2f}"
        print(f"{name:<22}{rate:>14,.0f}{cpu:>13.3f}{ratios}")


if __name__ == "__main__":
    main()
