"""The demo with one server: a lost connection, a killed server, and a load test."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

import click

from netchat.cli.demo.actor import Actor, check_logs, meet, show, talk, title
from netchat.cli.demo.processes import DemoServer
from netchat.cli.render.frame_dump import frame_dump
from netchat.errors import NetchatError
from netchat.load.run import run_load
from netchat.net.event_loop import run
from netchat.wire import Send, encode
from netchat.wording import many

__all__ = ["run_single_server"]

#: Messages sent while the server is killed.
_MESSAGES = 50


def run_single_server(*, quick: bool) -> None:
    """Run the demo.

    Args:
        quick: Whether to skip the load test.

    Raises:
        NetchatError: A check failed.
    """
    with (
        tempfile.TemporaryDirectory(prefix="netchat-demo-") as folder,
        DemoServer("server", Path(folder) / "history.db") as server,
    ):
        server.wait()
        run(_run(server, quick=quick))


async def _run(server: DemoServer, *, quick: bool) -> None:
    began = time.monotonic()
    title(f"1. A server on 127.0.0.1:{server.port}, three users, one room")
    names = (("Nova", "cyan"), ("Sourav", "green"), ("Maya", "magenta"))
    actors = [Actor(name, server.port, colour) for name, colour in names]
    nova, sourav, maya = actors
    async with nova.client, sourav.client, maya.client:
        following = [asyncio.create_task(a.follow()) for a in actors]
        await meet(actors)
        await talk(actors, [(sourav, "Hello everyone"), (nova, "Hi Sourav"), (maya, "Hi both")])
        show(nova, 0)

        title("2. Maya loses her connection; the others continue")
        seen = len(maya.log)
        maya.client.drop()
        sourav.say("Where is Maya?")
        nova.say("She will be back")
        await maya.until(lambda: maya.times_online == 2 and len(maya.log) == seen + 2)
        click.echo(f"   Maya is back and has received what she missed, {many(maya.late, 'event')}:")
        show(maya, seen)

        title("3. kill -9 the server in the middle of a conversation")
        for number in range(_MESSAGES):
            actors[number % 3].say(f"message {number}")
        await asyncio.to_thread(server.kill_and_restart)
        await asyncio.gather(*(a.until(lambda a=a: len(a.numbered) >= _MESSAGES) for a in actors))  # type: ignore[misc]
        check_logs(actors, _MESSAGES)
        click.echo(
            f"   The server and all users are back: {_MESSAGES} messages sent meanwhile, 0 lost,"
        )
        click.echo("   0 duplicated, and all three users saw them in the same order.")

        title("4. One message on the wire")
        for line in frame_dump(encode(Send(1, nova.room, "Hello everyone"))):
            click.echo(line)
        for actor in actors:
            await actor.client.bye()
        await asyncio.gather(*following)
    if not quick:
        title("5. Load test: 100 users, 10 senders; every delivery is checked")
        await _load(server.port)
    click.secho(f"\nThat was netchat, in {time.monotonic() - began:.1f} seconds.", bold=True)
    click.echo("Next: netchat serve, then netchat client --name YOU in another terminal.")


async def _load(port: int) -> None:
    report = await run_load("127.0.0.1", port, users=100, senders=10, messages=500)
    if not report.ok:
        raise NetchatError(f"A delivery went wrong: {report.faults}")
    click.echo(
        f"   {many(report.deliveries, 'delivery', 'deliveries')}, each exactly once and in order: "
        f"{report.delivery_rate:,.0f} per second, each message on disk before delivery."
    )
    if report.latency is not None:
        click.echo(f"   Half of them arrived within {report.latency.p50:.1f} ms.")
