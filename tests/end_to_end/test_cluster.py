"""A cluster under faults loses, duplicates and reorders nothing, and the check can tell."""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import sqlite3
from pathlib import Path

import pytest

from netchat.net.event_loop import run
from tests.end_to_end.cluster import Kinds, members_of, under_faults
from tests.end_to_end.cluster_faults import FAULTS
from tests.end_to_end.cluster_processes import ClusterProcesses, compare_histories
from tests.end_to_end.crash import read_history
from tests.end_to_end.crowd import Crowd, Member
from tests.end_to_end.name_race import NameRace
from tests.net.cluster.redis_process import needs_redis
from tests.web.page_client import NODE

#: Without the faults of the long form that only repeat these in another way.
SHORT = ("server killed", "Redis killed", "server paused", "network one-way, no replies")

#: Redis keeps only what the system happens to write.
FORGETFUL = ("--appendonly", "yes", "--appendfsync", "no")


@needs_redis
@pytest.mark.thorough
@pytest.mark.alone  # leases of five seconds need processes that get their share of the CPU
def test_nothing_is_lost_duplicated_or_reordered_under_faults(tmp_path: Path) -> None:
    kinds = Kinds(plain=5, link=0, terminal=1, page=int(NODE is not None))
    (tmp_path / "redis").mkdir()
    result = run(
        under_faults(
            tmp_path,
            tmp_path / "redis",
            {name: FAULTS[name] for name in SHORT},
            count=len(SHORT),
            messages=400,
            kinds=kinds,
            seed=262,  # short faults
        )
    )

    assert result.faults == []
    assert result.struck == dict.fromkeys(SHORT, 1)
    assert result.acknowledged >= 400
    assert result.deliveries > 5 * result.acknowledged
    assert result.names > 0


@needs_redis
def test_the_check_reports_what_redis_did_not_keep(tmp_path: Path) -> None:
    (tmp_path / "redis").mkdir()
    before, faults, losses = run(_crash_with_older_data(tmp_path))

    assert faults == []
    assert losses
    assert len([loss for loss in losses if "is on disk 0 times" in loss]) == before


async def _crash_with_older_data(folder: Path) -> tuple[int, list[str], list[str]]:
    """Let the machine of Redis crash, after which its disk has the data of an earlier moment.

    Returns:
        The number of messages that were acknowledged in between, the violations before the crash, and
        those in the history of a new server that starts from what is left.
    """
    source = random.Random(1)
    options = ("--cluster-durability", "none")
    cluster = ClusterProcesses(
        folder, folder / "redis", source, size=2, settings=FORGETFUL, options=options
    )
    async with cluster:
        crowd = Crowd(members_of(cluster.ports, Kinds(4, 0, 0, 0), None, source), source)
        await crowd.enter()
        await _say(crowd, 40)
        kept = crowd.acknowledged
        data, older = folder / "redis" / "appendonlydir", folder / "older"
        shutil.copytree(data, older)
        await _say(crowd, 40)
        faults = compare_histories(cluster.histories)
        faults += crowd.faults(read_history(cluster.histories[0]))

        cluster.redis.kill()
        shutil.rmtree(data)
        older.rename(data)
        await asyncio.to_thread(cluster.redis.start)
        # The servers have applied more, and must not continue on less.
        codes = [await asyncio.to_thread(server.wait) for server in cluster.servers]
        assert 0 not in codes
        await crowd.leave()
        new = cluster.server(folder / "new.db", cluster.networks[0])
        try:
            await asyncio.to_thread(new.start)
            await asyncio.to_thread(new.stop)  # its history has everything that it has applied
            losses = crowd.mismatches(read_history(folder / "new.db"))
        finally:
            new.kill()
        return crowd.acknowledged - kept, faults, losses


async def _say(crowd: Crowd, count: int) -> None:
    """Let the crowd have at least `count` more messages acknowledged."""
    goal = crowd.acknowledged + count
    talking = crowd.talk(rate=50)
    await crowd.until(lambda: crowd.acknowledged >= goal)
    for task in talking:
        task.cancel()
    await asyncio.gather(*talking, return_exceptions=True)
    await crowd.settle()


def _history(path: Path, *texts: str) -> Path:
    with contextlib.closing(sqlite3.connect(path)) as file, file:
        file.execute("CREATE TABLE room (id, code)")
        file.execute("CREATE TABLE event (room, seq, device, counter, time, frame)")
        file.execute("INSERT INTO room VALUES (1, 'lobby')")
        for seq, text in enumerate(texts, 1):
            file.execute("INSERT INTO event VALUES (1, ?, 7, ?, 0, ?)", (seq, seq, text))
    return path


def test_the_comparison_finds_every_difference(tmp_path: Path) -> None:
    same = [_history(tmp_path / name, "one", "two") for name in ("a", "b")]
    fewer = _history(tmp_path / "c", "one")
    others = _history(tmp_path / "d", "two", "one")

    assert compare_histories(same) == []
    assert compare_histories([*same, fewer]) == [
        "lobby: server 0 has 2 events, server 2 1; the first difference is after 1"
    ]
    assert compare_histories([others, *same])[0].endswith("the first difference is after 0")


def test_a_contest_for_a_name_needs_one_winner() -> None:
    race = NameRace([1, 2], random.Random(1))
    for answers in ((True, False), (True, None), (None, False), (None, None)):
        race.judge("Nova", answers)
    assert (race.decided, race.undecided, race.faults) == (2, 2, [])

    race.judge("Nova", (True, True))
    race.judge("Ada", (False, False))
    assert race.faults == ["2 clients got the name 'Nova'", "0 clients got the name 'Ada'"]


@pytest.mark.parametrize("kinds", [Kinds(), Kinds(1, 0, 0, 0)])
def test_every_server_has_a_client_that_never_moves(kinds: Kinds) -> None:
    members = members_of(
        [1, 2, 3], Kinds(kinds.plain, 0, kinds.terminal, 0), None, random.Random(1)
    )

    watchers = [member for member in members if member.is_silent]
    for port, watcher in enumerate(watchers, 1):
        assert isinstance(watcher, Member)
        watcher.client.servers.learn(["127.0.0.1:9"])
        watcher.client.servers.advance()
        assert watcher.client.servers.current == ("127.0.0.1", port)
    assert len(watchers) == 3
    assert len(members) == kinds.plain + kinds.terminal + 3
