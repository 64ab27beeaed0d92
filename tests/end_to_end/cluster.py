"""`python -m tests.end_to_end.cluster`: three servers and one Redis under faults, and what clients lose.

Many clients chat through the three servers of a cluster, while servers and Redis are killed and paused, the
network between them fails, and the disk of Redis fills up. In the end, every message that was
acknowledged must be in each server's history once, and in every member's log once, in the same order. All
the time, pairs of clients ask for the same name on two servers, and only one of them may get it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from netchat.net.client_driver import ClientDriver
from netchat.net.client_path import ClientPath
from netchat.net.event_loop import run
from netchat.net.server_list import ServerList
from tests.end_to_end.cluster_faults import DISK_FULL, FAULTS, Fault
from tests.end_to_end.cluster_processes import ClusterProcesses, compare_histories
from tests.end_to_end.crash import read_history, show_faults, show_times
from tests.end_to_end.crowd import Crowd, Member
from tests.end_to_end.name_race import NameRace
from tests.end_to_end.page_core import page_driver
from tests.end_to_end.small_disk import DiskUnavailable, small_disk
from tests.end_to_end.terminal_member import TerminalMember
from tests.net.cluster.redis_process import PROGRAM
from tests.web.page_client import NODE, Node

__all__ = ["Kinds", "Result", "members_of", "under_faults"]

#: Longest time from the end of a fault until messages are acknowledged again, in seconds.
RECOVERY = 60.0

#: Size of the disk of Redis in MiB: enough for a run, and quick to fill.
DISK = 256

#: Contests for names at the same time.
CONTESTS = 4

#: Messages per second of all clients together.
RATE = 400.0

#: Mean time of a fault with its recovery in seconds, for spreading the messages over the faults.
FAULT_SECONDS = 7.0


@dataclass(frozen=True)
class Kinds:
    """Numbers of clients by kind; each server also has a silent one that never moves.

    Attributes:
        plain: Python clients over TCP.
        link: Python clients over a noisy link.
        terminal: Processes of `netchat client --json`.
        page: Clients with the page's core, run by node.
    """

    plain: int = 18
    link: int = 3
    terminal: int = 3
    page: int = 3


@dataclass
class Result:
    """Result of a run.

    Attributes:
        struck: Number of faults by name.
        drops: Number of client connections cut.
        clients: Number of clients.
        acknowledged: Number of messages with an echo; the run searched for every one.
        deliveries: Number of events checked in the members' logs.
        names: Number of contested names that exactly one client got.
        undecided: Number of contested names without a winner, because of a fault.
        faults: Violations of the guarantees; empty without violations.
        first: Seconds from the end of each fault to the next acknowledgement.
        all_back: Seconds from the end of a fault until all clients had caught up, where no other
            fault followed before that.
        seconds: Total duration.
    """

    struck: Counter[str] = field(default_factory=Counter)
    drops: int = 0
    clients: int = 0
    acknowledged: int = 0
    deliveries: int = 0
    names: int = 0
    undecided: int = 0
    faults: list[str] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    all_back: list[float] = field(default_factory=list)
    seconds: float = 0.0
    seed: int = 0


class _OneServer(ServerList):
    """List of servers of a client that never moves."""

    def learn(self, addresses: Iterable[str]) -> None:
        """Ignore the other servers."""


def members_of(
    ports: Sequence[int], kinds: Kinds, node: Node | None, source: random.Random
) -> list[Member | TerminalMember]:
    """Return the members of a crowd, not connected yet.

    Args:
        ports: Ports of the servers; each client knows all of them, and starts at one of them.
        kinds: Numbers of clients by kind.
        node: Node process for the page's clients; None without such clients.
        source: Source of all randomness.
    """

    def known(number: int) -> list[int]:
        start = number % len(ports)
        return [*ports[start:], *ports[:start]]

    def driver(number: int, name: str, path: ClientPath | None = None) -> ClientDriver:
        first, *others = [("127.0.0.1", port) for port in known(number)]
        return ClientDriver(*first, name, path=path, others=others)

    members: list[Member | TerminalMember] = [
        Member(driver(number, f"plain{number:02}")) for number in range(kinds.plain)
    ]
    for number in range(kinds.link):
        path = ClientPath("rs:255,223", "bsc:1e-4", source.randrange(1 << 32))
        members.append(Member(driver(number, f"link{number:02}", path)))
    for number in range(kinds.terminal):
        addresses = [f"127.0.0.1:{port}" for port in known(number)]
        members.append(TerminalMember(addresses, f"terminal{number:02}"))
    if node is not None:
        members += [
            Member(page_driver(node, number, f"page{number:02}", known(number)))
            for number in range(kinds.page)
        ]
    for number, port in enumerate(ports):
        watcher = ClientDriver("127.0.0.1", port, f"watcher{number}")
        watcher.servers = _OneServer([("127.0.0.1", port)])
        members.append(Member(watcher, is_silent=True))
    return members


async def under_faults(
    folder: Path,
    redis_folder: Path,
    faults: Mapping[str, Fault],
    *,
    count: int,
    messages: int,
    kinds: Kinds,
    seed: int,
    logs: Path | None = None,
) -> Result:
    """Do it.

    Args:
        folder: Folder of the servers' histories.
        redis_folder: Folder of Redis.
        faults: The faults to choose from.
        count: Number of faults; each kind strikes equally often.
        messages: Minimum number of acknowledged messages.
        kinds: Numbers of clients by kind.
        seed: Random seed of the faults and of the traffic (scheduling is not reproducible).
        logs: Folder for the servers' histories and consoles; None keeps none.
    """
    began, source = time.monotonic(), random.Random(seed)
    result = Result(seed=seed)
    with contextlib.ExitStack() as stack:
        node = Node() if kinds.page else None
        if node is not None:
            stack.callback(node.close)
        async with ClusterProcesses(folder, redis_folder, source) as cluster:
            members = members_of(cluster.ports, kinds, node, source)
            crowd = Crowd(members, source)
            result.clients = len(members)
            try:
                await crowd.enter()
                await _strike(cluster, crowd, faults, count, messages, result)
                await crowd.settle()
                result.faults += await _check_rosters(crowd)
                # Before a terminal's client leaves: it ends its session, which is an event again.
                result.faults += compare_histories(cluster.histories)
                for number, path in enumerate(cluster.histories):
                    found = crowd.mismatches(read_history(path))
                    result.faults += [f"server {number}: {fault}" for fault in found]
                result.acknowledged = crowd.acknowledged
                result.deliveries = sum(len(log) for m in members for log in m.logs.values())
            finally:
                if logs is not None:
                    cluster.save(logs)
                await crowd.leave()
            result.faults += crowd.trouble()
            result.faults += await cluster.stop()
    result.seconds = time.monotonic() - began
    return result


async def _strike(
    cluster: ClusterProcesses,
    crowd: Crowd,
    faults: Mapping[str, Fault],
    count: int,
    messages: int,
    result: Result,
) -> None:
    """Let the crowd talk, and strike."""
    # Of its own, so that the faults and their durations depend on nothing else.
    source = random.Random(result.seed)
    speakers = sum(not member.is_silent for member in crowd.members)
    rate = min(RATE, 3 * messages / (count * FAULT_SECONDS))
    race = NameRace(cluster.ports, random.Random(result.seed))
    # Several at once: one waits for its timeout when a server is cut off.
    contests = [asyncio.create_task(race.run()) for _ in range(CONTESTS)]
    running = [*crowd.talk(rate / speakers), *contests]
    try:
        await _strike_in_turn(cluster, crowd, faults, count, result, source)
        await crowd.until(lambda: crowd.acknowledged >= messages, 60 + messages / rate)
    finally:
        for task in running:
            task.cancel()
        ends = await asyncio.gather(*running, return_exceptions=True)
    for end in ends:
        if not isinstance(end, asyncio.CancelledError):
            raise AssertionError("a member fell silent") from end
    result.names, result.undecided = race.decided, race.undecided
    result.faults += race.faults


async def _strike_in_turn(
    cluster: ClusterProcesses,
    crowd: Crowd,
    faults: Mapping[str, Fault],
    count: int,
    result: Result,
    source: random.Random,
) -> None:
    began = time.monotonic()
    watch: asyncio.Task[None] | None = None
    for name in _order(list(faults), count, source):
        await asyncio.sleep(source.uniform(0, 1))
        for member in source.sample(list(crowd.members), len(crowd.members) // 10):
            member.drop()  # the network between clients and servers also fails now and then
            result.drops += 1
        if watch is not None and (source.random() < 0.5 or watch.done()):
            await watch  # every second time, all clients recover first
        if watch is not None:
            watch.cancel()
        _progress(began, name)
        await faults[name](cluster, random.Random(source.random()))
        result.struck[name] += 1
        before, repaired = crowd.acknowledged, time.monotonic()
        watch = asyncio.create_task(_watch(crowd, result, repaired))
        await crowd.until(lambda before=before: crowd.acknowledged > before, RECOVERY)  # type: ignore[misc]
        result.first.append(time.monotonic() - repaired)
    if watch is not None:
        await watch


def _progress(began: float, text: str) -> None:
    """Show the progress of a run that takes minutes, to find a fault in the servers' logs."""
    print(f"{time.strftime('%T')} {time.monotonic() - began:6.1f} s  {text}", file=sys.stderr)


def _order(names: list[str], count: int, source: random.Random) -> list[str]:
    """Return a random order in which each fault strikes equally often."""
    order: list[str] = []
    while len(order) < count:
        order += source.sample(names, len(names))
    return order[:count]


async def _watch(crowd: Crowd, result: Result, repaired: float) -> None:
    try:
        await crowd.until(lambda: crowd.back == len(crowd.members), RECOVERY)
    except TimeoutError:
        missing = [f"{m.name} {m.trouble}" for m in crowd.members if not m.back]
        raise AssertionError(f"not back after {RECOVERY:.0f} s: {', '.join(missing)}") from None
    result.all_back.append(time.monotonic() - repaired)


async def _check_rosters(crowd: Crowd) -> list[str]:
    """Ask every server who is in each room, and compare with the members' own view."""
    expected: dict[str, list[str]] = {}
    for member in crowd.members:
        for room in member.rooms:
            expected.setdefault(room, []).append(member.name)
    faults = []
    for watcher in crowd.members:
        if isinstance(watcher, Member) and watcher.is_silent:
            watcher.ask_who()
            await crowd.until(lambda: len(watcher.rosters) == len(watcher.rooms))  # noqa: B023
            faults += [
                f"{watcher.name} sees {sorted(names)} in {room}, not {sorted(expected[room])}"
                for room, names in watcher.rosters.items()
                if sorted(names) != sorted(expected[room])
            ]
    return faults


def _show(result: Result) -> None:
    print(
        f"{result.struck.total()} faults under {result.clients} clients, in {result.seconds:.0f} s"
    )
    for name, times in sorted(result.struck.items()):
        print(f"  {name:<28} {times}")
    print(f"client connections cut  {result.drops}")
    print(f"acknowledged messages   {result.acknowledged:,}")
    print(f"deliveries checked      {result.deliveries:,}")
    print(f"contested names         {result.names} with one winner, {result.undecided} unanswered")
    show_times("first acknowledgement", result.first, "fault")
    show_times("all clients back", result.all_back, "fault")
    show_faults("violations", result.faults)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.end_to_end.cluster", description=__doc__)
    parser.add_argument("--faults", type=int, default=60)
    parser.add_argument("--messages", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument(
        "--logs", type=Path, help="copy the servers' consoles and histories to this folder"
    )
    options = parser.parse_args()
    if PROGRAM is None:
        parser.error("redis-server is not installed: apt-get install redis-server")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="netchat-")))
        faults = dict(FAULTS)
        try:
            redis_folder = stack.enter_context(small_disk(folder / "redis", DISK))
            faults |= DISK_FULL
        except DiskUnavailable as error:
            print(f"without a full disk of Redis: {error}", file=sys.stderr)
            redis_folder = folder / "redis"
            redis_folder.mkdir()
        if NODE is None:
            print("without the page's clients: node is not installed", file=sys.stderr)
        result = run(
            under_faults(
                folder,
                redis_folder,
                faults,
                count=options.faults,
                messages=options.messages,
                kinds=Kinds() if NODE is not None else Kinds(plain=21, page=0),
                seed=options.seed,
                logs=options.logs,
            )
        )
    print(json.dumps(asdict(result))) if options.json else _show(result)
    sys.exit(1 if result.faults else 0)


if __name__ == "__main__":
    main()
