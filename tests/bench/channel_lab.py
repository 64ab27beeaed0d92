"""`python -m tests.bench.channel_lab`: the time from a touch in the channel lab to its answer.

A server in its own process; visitors flip a bit of "Hi!" every second or so, each with a seed of its own, so
that no answer is known already. Measured alone, with a class of 60, and with a class of 60 of which ten run
measurements; beside that, the delay of chat messages. Prints percentiles in milliseconds.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import statistics
import subprocess
import sys
import time

from websockets.asyncio.client import connect

from netchat.net.event_loop import run
from tests.bench.fanout import wait_for
from tests.end_to_end.processes import free_port
from tests.web.serving import browser

#: Codes that the visitors look at.
CODES = (
    "hamming:7,4",
    "golay:24",
    "rs:15,11",
    "conv:7,5,k=24",
    "ldpc:ccsds,128",
    "polar:64,32,crc=6",
)

#: Codes and channel of the measurements.
MEASURED = {
    "codes": ["conv:voyager,k=64", "ldpc:ccsds,128"],
    "channel": "awgn:2:5:0.5",
    "target": 1000,
}


class Visitor:
    """Visitor that touches bits."""

    def __init__(self, socket, number: int) -> None:
        self._socket, self._random = socket, random.Random(number)
        self._id = 0

    async def touch(self) -> float:
        """Flip a bit, and return the seconds until the answer."""
        self._id += 1
        state = {
            "text": "Hi!", "code": self._random.choice(CODES), "channel": "bsc:0.01",
            "seed": random.randrange(2**31),
            "touched": {str(self._random.randrange(24)): "flip"},
        }  # fmt: skip
        began = time.perf_counter()
        await self._socket.send(json.dumps({"id": self._id, "do": "line", "state": state}))
        while True:
            found = json.loads(await self._socket.recv())
            if found["id"] == self._id and "busy" not in found:
                assert "line" in found, found
                return time.perf_counter() - began


async def _measure(port: int) -> None:
    """Run one measurement after another."""
    async with connect(f"ws://127.0.0.1:{port}/lab/ws", max_size=None) as socket:
        for number in range(10_000):
            request = {"id": number, "do": "run", "seed": random.randrange(10**6), **MEASURED}
            await socket.send(json.dumps(request))
            while not (found := json.loads(await socket.recv())).get("done"):
                assert "error" not in found, found


async def _chat(port: int, name: str, delays: list[float]) -> None:
    """Send a chat message every 50 ms, and measure until it comes back."""
    async with browser(port, name) as page:
        for counter in range(1, 100_000):
            began = time.perf_counter()
            await page.say(counter, "hello")
            delays.append(time.perf_counter() - began)
            await asyncio.sleep(0.05)


async def _class(port: int, visitors: int, seconds: float) -> list[float]:
    delays: list[float] = []

    async def one(number: int) -> None:
        async with connect(f"ws://127.0.0.1:{port}/lab/ws", max_size=None) as socket:
            visitor = Visitor(socket, number)
            await visitor.touch()  # its delay includes the start of the processes
            until = time.perf_counter() + seconds
            while time.perf_counter() < until:
                await asyncio.sleep(random.uniform(0.5, 1.5) if visitors > 1 else 0.05)
                delays.append(await visitor.touch())

    await asyncio.gather(*(one(number) for number in range(1, visitors + 1)))
    return delays


def _show(name: str, delays: list[float]) -> None:
    cuts = statistics.quantiles([1000 * delay for delay in delays], n=100)
    print(
        f"{name:44} p50 {cuts[49]:6.1f}   p95 {cuts[94]:6.1f}   p99 {cuts[98]:6.1f} ms   n = {len(delays)}"
    )


async def _main(seconds: float) -> None:
    chat, web = free_port(), free_port()
    serve = [sys.executable, "-m", "netchat", "serve", "--ephemeral", "--rate", "0"]
    serve += ["--port", str(chat), "--web-port", str(web)]
    process = subprocess.Popen(serve, stderr=subprocess.DEVNULL)
    try:
        await wait_for(web)
        for code in CODES:  # load the kernels
            async with connect(f"ws://127.0.0.1:{web}/lab/ws", max_size=None) as socket:
                await socket.send(json.dumps({"id": 1, "do": "line", "state": {"code": code}}))
                while "line" not in json.loads(await socket.recv()):
                    pass
        for name, visitors, measuring in (
            ("one visitor", 1, 0), ("60 visitors", 60, 0), ("60 visitors, 10 of them measure", 60, 10)
        ):  # fmt: skip
            chat_delays: list[float] = []
            tasks = [asyncio.create_task(_measure(web)) for _ in range(measuring)]
            tasks.append(
                asyncio.create_task(_chat(web, f"nova{visitors + measuring}", chat_delays))
            )
            delays = await _class(web, visitors, seconds)
            for task in tasks:
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(*tasks)
            _show(name, delays)
            _show(f"  chat messages beside {name}", chat_delays)
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    run(_main(parser.parse_args().seconds))
