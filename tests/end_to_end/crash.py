"""`python -m tests.end_to_end.crash`: kill the server repeatedly under traffic, and count lost messages.

Many clients chat through a real server with a history on disk. At random times the server is killed
with SIGKILL and started again on the same port and file. In the end, every message that was
acknowledged must be in the file once, and in every member's log once, in the file's order.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path

from netchat.net.client_driver import ClientDriver
from netchat.net.event_loop import run
from netchat.wire import HEADER_SIZE, Event, Frame, decode
from tests.end_to_end.crowd import Crowd, Member
from tests.end_to_end.processes import Server, free_port

__all__ = ["Result", "crash", "read_history", "show_faults", "show_times"]

#: Maximum seconds of traffic between two kills, counted from the first message after a restart,
#: so that every kill hits a server that is carrying messages.
LONGEST_LIFE = 0.8


@dataclass
class Result:
    """Result of a crash test.

    Attributes:
        drops: Number of connections cut while the server was running.
        acknowledged: Number of messages with an echo; the test searched for every one.
        deliveries: Number of events checked in the members' logs.
        faults: Lost, duplicated and reordered messages; empty without faults.
        ready: Seconds from each kill until the new server listened.
        first: Seconds from each kill to the next acknowledgement.
        all_back: Seconds until all clients were connected and had caught up, for the kills that
            were not followed by another one before that.
        seconds: Total duration.
    """

    kills: int = 0
    drops: int = 0
    clients: int = 0
    acknowledged: int = 0
    deliveries: int = 0
    faults: list[str] = field(default_factory=list)
    ready: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    all_back: list[float] = field(default_factory=list)
    seconds: float = 0.0
    seed: int = 0


async def crash(
    folder: Path, kills: int = 20, clients: int = 50, messages: int = 20_000, seed: int = 1
) -> Result:
    """Do it.

    Args:
        folder: Folder of the history.
        kills: Minimum number of kills; more if `messages` needs more.
        clients: Number of clients.
        messages: Minimum number of acknowledged messages.
        seed: Random seed of the times of the kills (scheduling is not reproducible).
    """
    began, source = time.monotonic(), random.Random(seed)
    result = Result(clients=clients, seed=seed)
    history = folder / "history.db"
    # The rate limit is not tested here.
    with Server("--history", str(history), "--rate", "0", port=free_port()) as server:
        drivers = [ClientDriver("127.0.0.1", server.port, f"member{n:02}") for n in range(clients)]
        crowd = Crowd([Member(driver) for driver in drivers], source)
        await crowd.enter()
        talking = crowd.talk(rate=2000 / clients)
        watch: asyncio.Task[None] | None = None
        while result.kills < kills or crowd.acknowledged < messages:
            await asyncio.sleep(source.uniform(0, LONGEST_LIFE))
            for member in source.sample(crowd.members, clients // 10):
                member.drop()  # the network also fails now and then
                result.drops += 1
            if watch is not None and source.random() < 0.5:
                await watch  # every second time, all clients recover first
            if watch is not None:
                watch.cancel()
            result.kills += 1
            killed = time.monotonic()
            server.kill()
            await asyncio.to_thread(server.start)
            result.ready.append(time.monotonic() - killed)
            # Count only now: the clients have read the echoes that were sent before the kill.
            before = crowd.acknowledged
            watch = asyncio.create_task(_watch(crowd, result, killed))
            await crowd.until(lambda before=before: crowd.acknowledged > before)  # type: ignore[misc]
            result.first.append(time.monotonic() - killed)
        for task in talking:
            task.cancel()
        for end in await asyncio.gather(*talking, return_exceptions=True):
            if not isinstance(end, asyncio.CancelledError):
                raise AssertionError("a member fell silent") from end
        await crowd.settle()
        if watch is not None:
            await watch
        await crowd.leave()
        server.stop()
    result.acknowledged = crowd.acknowledged
    result.deliveries = sum(len(log) for m in crowd.members for log in m.logs.values())
    result.faults = crowd.faults(read_history(history))
    result.seconds = time.monotonic() - began
    return result


async def _watch(crowd: Crowd, result: Result, killed: float) -> None:
    await crowd.until(lambda: crowd.back == len(crowd.members))
    result.all_back.append(time.monotonic() - killed)


def read_history(path: Path) -> dict[str, list[Event]]:
    """Return the events of each room on disk, by room code."""
    rooms: dict[str, list[Event]] = {}
    with closing(sqlite3.connect(path)) as file:
        rows = file.execute(
            "SELECT code, frame FROM event JOIN room ON room.id = event.room"
            " ORDER BY event.room, seq"
        )
        for code, frame in rows:
            event = decode(Frame(frame[3], frame[HEADER_SIZE:]))
            assert isinstance(event, Event)
            rooms.setdefault(code, []).append(event)
    return rooms


def _show(result: Result) -> None:
    print(f"{result.kills} x kill -9 under {result.clients} clients, in {result.seconds:.0f} s")
    print(f"connections cut         {result.drops}")
    print(f"acknowledged messages   {result.acknowledged:,}")
    print(f"deliveries checked      {result.deliveries:,}")
    show_times("server listens again", result.ready, "kill")
    show_times("first acknowledgement", result.first, "kill")
    show_times("all clients back", result.all_back, "kill")
    show_faults("lost, twice, disordered", result.faults)


def show_times(label: str, times: Sequence[float], since: str) -> None:
    """Print the median and the maximum of some times, in seconds since an incident."""
    if times:
        print(
            f"{label:<23} median {statistics.median(times):.2f} s, longest {max(times):.2f} s"
            f" after the {since} ({len(times)} times)"
        )


def show_faults(label: str, faults: Sequence[str]) -> None:
    """Print the number of faults, and the first of them."""
    print(f"{label:<23} {len(faults)}")
    for fault in faults[:20]:
        print(f"  {fault}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.end_to_end.crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="netchat-crash-") as folder:
        result = run(
            crash(Path(folder), options.kills, options.clients, options.messages, options.seed)
        )
    print(json.dumps(asdict(result))) if options.json else _show(result)
    sys.exit(1 if result.faults else 0)


if __name__ == "__main__":
    main()
