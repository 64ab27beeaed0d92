"""`netchat demo`: show the main features with a real server and real sockets."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click

from netchat.chat.client_events import ClientEvent, Online, RoomEntered, RoomEvent
from netchat.chat.room_codes import show_code
from netchat.cli.render.frame_dump import frame_dump
from netchat.errors import NetchatError
from netchat.load.run import run_load
from netchat.net.client_driver import ClientDriver
from netchat.net.event_loop import run
from netchat.tui.lines import event_line
from netchat.wire import RoomKind, Send, encode
from netchat.wording import many

__all__ = ["demo"]

#: Timeout of one step of the demo, in seconds.
STEP_TIMEOUT = 15.0

#: Messages sent while the server is killed.
_MESSAGES = 50


@click.command(short_help="Show the main features, end to end, in under a minute.")
@click.option("--quick", is_flag=True, help="Skip the load test.")
def demo(quick: bool) -> None:
    """Show the main features, end to end, in under a minute.

    The demo starts a server on a free port. Three users join a room by its code and talk. One of
    them loses the connection, then the server is killed, and no message is lost. Finally it shows
    the bytes of one message and runs a short load test. It removes all its files.
    """
    with tempfile.TemporaryDirectory(prefix="netchat-demo-") as folder:
        server = _Server(Path(folder) / "history.db")
        try:
            run(_run_demo(server, quick=quick))
        finally:
            server.stop()


class _Server:
    """`netchat serve` in a separate process."""

    def __init__(self, history: Path) -> None:
        self._history = history
        self.port = 0
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        command = [
            sys.executable,
            "-m",
            "netchat.cli.child",
            "serve",
            "--no-web",
            "--log-json",
            "--rate",
            "0",
        ]
        command += ["--port", str(self.port), "--history", str(self._history)]
        # Log to a file: a pipe that is not read would block the server when it is full.
        log = self._history.with_name("server.log")
        with log.open("wb") as out:
            process = subprocess.Popen(  # noqa: S603 - our own command
                command, stdin=subprocess.PIPE, stderr=out
            )
        deadline = time.monotonic() + STEP_TIMEOUT
        while process.poll() is None and time.monotonic() < deadline:
            for line in log.read_text(encoding="utf-8").splitlines():
                note = json.loads(line) if line.endswith("}") else {}
                if note.get("event") == "listening":
                    self.port = note["port"]
                    return process
            time.sleep(0.02)
        process.kill()
        raise NetchatError(f"The demo's server did not start: {log.read_text(encoding='utf-8')}")

    def kill_and_restart(self) -> None:
        """Kill the server with SIGKILL and start it again."""
        self._process.kill()
        self._process.wait()
        self._process = self._start()

    def stop(self) -> None:
        """Shut the server down cleanly."""
        self._process.terminate()
        self._process.wait(STEP_TIMEOUT)


class _Actor:
    """User of the demo: a client, and the events it has received in the room."""

    def __init__(self, name: str, port: int, colour: str) -> None:
        self.client = ClientDriver("127.0.0.1", port, name)
        self.name, self.colour = name, colour
        self.room = ""
        self.log: list[tuple[int, str]] = []
        self.late = 0
        self.times_online = 0
        self._changed = asyncio.Event()

    async def follow(self) -> None:
        """Record events until the session ends."""
        async for event in self.client.events():
            self._handle(event)
            self._changed.set()

    def _handle(self, event: ClientEvent) -> None:
        if isinstance(event, Online):
            self.times_online += 1
        elif isinstance(event, RoomEntered) and event.kind is RoomKind.ROOM:
            self.room = event.room
        elif isinstance(event, RoomEvent) and event.event.room == self.room:
            chat_event = event.event
            self.log.append((chat_event.seq, event_line(chat_event).text))
            self.late += event.late

    @property
    def numbered(self) -> list[str]:
        """Numbered messages received so far: those sent while the server was killed."""
        return [line for _, line in self.log if ": message " in line]

    def say(self, text: str) -> None:
        """Send a message to the room."""
        self.client.core.say(self.room, text)
        self.client.flush()

    async def until(self, what: Callable[[], bool]) -> None:
        """Wait until a condition is true."""
        async with asyncio.timeout(STEP_TIMEOUT):
            while not what():
                self._changed.clear()
                await self._changed.wait()


def _title(text: str) -> None:
    click.secho(f"\n{text}", bold=True)


async def _run_demo(server: _Server, *, quick: bool) -> None:
    began = time.monotonic()
    _title(f"1. A server on 127.0.0.1:{server.port}, three users, one room")
    names = (("Nova", "cyan"), ("Sourav", "green"), ("Maya", "magenta"))
    actors = [_Actor(name, server.port, colour) for name, colour in names]
    nova, sourav, maya = actors
    async with nova.client, sourav.client, maya.client:
        following = [asyncio.create_task(a.follow()) for a in actors]
        nova.client.core.create()
        nova.client.flush()
        await nova.until(lambda: bool(nova.room))
        click.echo(f"   Nova created a room; the others join by its code: {show_code(nova.room)}")
        for actor in (sourav, maya):
            actor.client.core.join(show_code(nova.room))
            actor.client.flush()
            await actor.until(lambda a=actor: bool(a.room))  # type: ignore[misc]
        await nova.until(lambda: len(nova.log) == 3)
        for actor, text in ((sourav, "Hello everyone"), (nova, "Hi Sourav"), (maya, "Hi both")):
            actor.say(text)
            for listener in actors:
                await listener.until(lambda a=listener, t=text: t in a.log[-1][1])  # type: ignore[misc]
        _show(nova, 0)

        _title("2. Maya loses her connection; the others continue")
        seen = len(maya.log)
        maya.client.drop()
        sourav.say("Where is Maya?")
        nova.say("She will be back")
        await maya.until(lambda: maya.times_online == 2 and len(maya.log) == seen + 2)
        click.echo(f"   Maya is back and has received what she missed, {many(maya.late, 'event')}:")
        _show(maya, seen)

        _title("3. kill -9 the server in the middle of a conversation")
        for number in range(_MESSAGES):
            actors[number % 3].say(f"message {number}")
        await asyncio.to_thread(server.kill_and_restart)
        await asyncio.gather(*(a.until(lambda a=a: len(a.numbered) >= _MESSAGES) for a in actors))  # type: ignore[misc]
        _check_logs(actors)
        click.echo(
            f"   The server and all users are back: {_MESSAGES} messages sent meanwhile, 0 lost,"
        )
        click.echo("   0 duplicated, and all three users saw them in the same order.")

        _title("4. One message on the wire")
        for line in frame_dump(encode(Send(1, nova.room, "Hello everyone"))):
            click.echo(line)
        for actor in actors:
            await actor.client.bye()
        await asyncio.gather(*following)
    if not quick:
        _title("5. Load test: 100 users, 10 senders; every delivery is checked")
        await _load(server.port)
    click.secho(f"\nThat was netchat, in {time.monotonic() - began:.1f} seconds.", bold=True)
    click.echo("Next: netchat serve, then netchat client --name YOU in another terminal.")


def _show(actor: _Actor, begin: int) -> None:
    for seq, line in actor.log[begin:]:
        click.echo(f"   {click.style(f'{actor.name} sees {seq:>3}', fg=actor.colour)}  {line}")


def _check_logs(actors: list[_Actor]) -> None:
    """Check that every log is a contiguous part of one order, with each message once."""
    order = dict(actors[0].log)
    for actor in actors:
        numbers = [seq for seq, _ in actor.log]
        if numbers != list(range(numbers[0], numbers[0] + len(numbers))):
            raise NetchatError(f"{actor.name}'s log has a gap or a duplicate: {numbers}")
        if any(order.get(seq, line) != line for seq, line in actor.log):
            raise NetchatError(f"{actor.name} saw a different order than {actors[0].name}.")
        if len(actor.numbered) != _MESSAGES or len(set(actor.numbered)) != _MESSAGES:
            raise NetchatError(f"{actor.name} saw {len(actor.numbered)} of {_MESSAGES} messages.")


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
