"""The demo with three servers that form one chat: one is killed, and its users move to another."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import click

from netchat.chat.room_codes import show_code
from netchat.cli.demo.actor import Actor, check_logs, meet, show, talk, title
from netchat.cli.demo.processes import DemoRedis, DemoServer
from netchat.errors import NetchatError
from netchat.net.event_loop import run
from netchat.net.history.sqlite_history import SqliteHistory

__all__ = ["check_histories", "run_cluster"]

#: Messages sent before and after the kill, by all users together.
_MESSAGES = 60

#: Largest number of bytes to read from a history.
_HISTORY_BYTES = 1 << 20


def run_cluster() -> None:
    """Run the demo.

    Raises:
        NetchatError: redis-server or redis-py is not installed, or a check failed.
    """
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="netchat-demo-") as name,
        contextlib.ExitStack() as stack,
    ):
        folder = Path(name)
        redis = DemoRedis(folder)
        title("1. Redis keeps one log; three servers apply it and form one chat")
        stack.enter_context(redis)
        redis.wait()
        click.echo("   redis-server is running, with appendonly yes and appendfsync always")
        servers = [
            stack.enter_context(DemoServer(name, folder / f"{name}.db", redis.url))
            for name in ("east", "west", "north")
        ]
        for server in servers:
            server.wait()
            click.echo(f"   {server.name:<6} 127.0.0.1:{server.port}, history {server.name}.db")
        room, last = run(_run(servers))
        for server in servers:
            server.stop()
        check_histories([server.history for server in servers], room, last)
        click.echo(
            f"   The room's events 1 to {last} are the same bytes in east.db, west.db and north.db."
        )
    click.secho(f"\nThat was a cluster, in {time.monotonic() - began:.1f} seconds.", bold=True)
    click.echo("Next: docs/CLUSTER.md shows how to start one.")


async def _run(servers: Sequence[DemoServer]) -> tuple[str, int]:
    """Show the chat; return the room's code and the sequence number of its last checked event."""
    names = {server.port: server.name for server in servers}
    east, west, north = servers
    title("2. Six users, two on each server, in one room")
    cast = (
        ("Nova", "cyan", east), ("Sourav", "green", east),
        ("Maya", "magenta", west), ("Ravi", "yellow", west),
        ("Lyra", "blue", north), ("Orion", "red", north),
    )  # fmt: skip
    actors = [Actor(name, server.port, colour) for name, colour, server in cast]
    nova, sourav, maya, ravi, lyra, orion = actors
    async with contextlib.AsyncExitStack() as stack:
        for actor in actors:
            await stack.enter_async_context(actor.client)
        following = [asyncio.create_task(a.follow()) for a in actors]
        await meet(actors)
        seen = [len(actor.log) for actor in actors]
        await talk(
            actors, [(sourav, "Hello from east"), (maya, "Hi from west"), (orion, "And from north")]
        )
        for actor, begin in ((nova, seen[0]), (ravi, seen[3]), (lyra, seen[4])):
            click.echo(f"   on {names[actor.port]}:")
            show(actor, begin)

        title("3. Two users ask two servers for the same name at the same moment")
        await _ask_for_one_name(east, north)

        title("4. kill -9 west in the middle of a conversation")
        for number in range(_MESSAGES // 2):
            actors[number % len(actors)].say(f"message {number}")
        await asyncio.to_thread(west.kill)
        for number in range(_MESSAGES // 2, _MESSAGES):
            actors[number % len(actors)].say(f"message {number}")
        await asyncio.gather(*(a.until(lambda a=a: len(a.numbered) >= _MESSAGES) for a in actors))  # type: ignore[misc]
        check_logs(actors, _MESSAGES)
        for actor in (maya, ravi):
            if actor.port == west.port:
                raise NetchatError(f"{actor.name} has not moved to another server.")
            click.echo(f"   {actor.name} lost west and continues on {names[actor.port]}.")
        click.echo(
            f"   {_MESSAGES} messages sent meanwhile, 0 lost, 0 duplicated, and all six users"
        )
        click.echo("   saw them in the same order.")

        title("5. west starts again, at the position in the log that its history has")
        last = nova.log[-1][0]
        await asyncio.to_thread(west.launch)
        await asyncio.to_thread(west.wait)
        nova.say("Welcome back, west")
        await orion.until(lambda: "Welcome back" in orion.log[-1][1])
        for actor in actors:
            await actor.client.bye()
        await asyncio.gather(*following)
    return nova.room, last


async def _ask_for_one_name(*servers: DemoServer) -> None:
    """Let one user per server ask for the same name; check that exactly one gets it."""
    twins = [Actor("Vega", server.port, "white") for server in servers]
    async with contextlib.AsyncExitStack() as stack:
        await asyncio.gather(*(stack.enter_async_context(twin.client) for twin in twins))
        following = [asyncio.create_task(twin.follow()) for twin in twins]
        for twin in twins:
            await twin.until(lambda a=twin: bool(a.times_online or a.rejection))  # type: ignore[misc]
        results = [bool(twin.times_online) for twin in twins]
        for server, twin in zip(servers, twins, strict=True):
            what = "Vega joins" if twin.times_online else f"refused: {twin.rejection}"
            click.echo(f"   {server.name:<6} {what}")
        if results.count(True) != 1:
            raise NetchatError(f"{results.count(True)} users got the name Vega.")
        for twin, task in zip(twins, following, strict=True):
            if twin.times_online:
                await twin.client.bye()
            task.cancel()


def check_histories(paths: Sequence[Path], room: str, last: int) -> None:
    """Check that histories have the same events of a room.

    Args:
        paths: History files of servers that have ended.
        room: Code of the room.
        last: Sequence number of the last event to compare.

    Raises:
        NetchatError: They differ, or lack events.
    """
    first, *others = [_frames(path, room, last) for path in paths]
    if len(first) != last or any(frames != first for frames in others):
        counts = ", ".join(f"{path.name}: {len(_frames(path, room, last))}" for path in paths)
        raise NetchatError(
            f"The histories of room {show_code(room)} differ up to event {last}; events: {counts}"
        )


def _frames(path: Path, room: str, last: int) -> list[bytes]:
    with contextlib.closing(SqliteHistory(path)) as history:
        ids = {row.code: row.id for row, _, _ in history.load().rooms}
        return history.read(ids[room], 1, last, _HISTORY_BYTES)[0] if room in ids else []
