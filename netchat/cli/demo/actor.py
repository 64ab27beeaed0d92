"""Users of the demo: each is a client that records what it receives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import click

from netchat.chat.client_events import ClientEvent, NameRejected, Online, RoomEntered, RoomEvent
from netchat.chat.room_codes import show_code
from netchat.cli.demo.processes import STEP_TIMEOUT
from netchat.errors import NetchatError
from netchat.net.client_driver import ClientDriver
from netchat.tui.lines import event_line
from netchat.wire import RoomKind

__all__ = ["Actor", "check_logs", "meet", "show", "talk", "title"]


class Actor:
    """User of the demo: a client, and the events it has received in the room."""

    def __init__(self, name: str, port: int, colour: str) -> None:
        self.client = ClientDriver("127.0.0.1", port, name)
        self.name, self.colour = name, colour
        self.room = ""
        self.log: list[tuple[int, str]] = []
        self.late = 0
        self.times_online = 0
        self.rejection = ""
        self._changed = asyncio.Event()

    async def follow(self) -> None:
        """Record events until the session ends."""
        async for event in self.client.events():
            self._handle(event)
            self._changed.set()

    def _handle(self, event: ClientEvent) -> None:
        if isinstance(event, Online):
            self.times_online += 1
        elif isinstance(event, NameRejected):
            self.rejection = event.why
        elif isinstance(event, RoomEntered) and event.kind is RoomKind.ROOM:
            self.room = event.room
        elif isinstance(event, RoomEvent) and event.event.room == self.room:
            chat_event = event.event
            self.log.append((chat_event.seq, event_line(chat_event).text))
            self.late += event.late

    @property
    def port(self) -> int:
        """Port of the server that the client uses."""
        return self.client.servers.current[1]

    @property
    def numbered(self) -> list[str]:
        """Numbered messages received so far: those sent while a server was killed."""
        return [line for _, line in self.log if ": message " in line]

    def say(self, text: str) -> None:
        """Send a message to the room."""
        self.client.core.say(self.room, text)
        self.client.flush()

    async def until(self, what: Callable[[], bool]) -> None:
        """Wait until a condition is true.

        Raises:
            NetchatError: It is not true in time.
        """
        try:
            async with asyncio.timeout(STEP_TIMEOUT):
                while not what():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError as error:
            last = self.log[-1][1] if self.log else "nothing"
            raise NetchatError(
                f"{self.name} has waited for {STEP_TIMEOUT:.0f} s; last seen: {last}"
            ) from error


def title(text: str) -> None:
    """Print the title of a step."""
    click.secho(f"\n{text}", bold=True)


def show(actor: Actor, begin: int) -> None:
    """Print the events that a user has received, from a position in its log on."""
    for seq, line in actor.log[begin:]:
        click.echo(f"   {click.style(f'{actor.name} sees {seq:>3}', fg=actor.colour)}  {line}")


async def meet(actors: Sequence[Actor]) -> None:
    """Let the first user create a room, and the others join it by its code, one by one."""
    host, *guests = actors
    host.client.core.create()
    host.client.flush()
    await host.until(lambda: bool(host.room))
    click.echo(
        f"   {host.name} created a room; the others join by its code: {show_code(host.room)}"
    )
    for guest in guests:
        guest.client.core.join(show_code(host.room))
        guest.client.flush()
        await guest.until(lambda a=guest: bool(a.room))  # type: ignore[misc]
    await host.until(lambda: len(host.log) == len(actors))
    last = host.log[-1]
    for guest in guests:
        await guest.until(lambda a=guest: last in a.log)  # type: ignore[misc]


async def talk(actors: Sequence[Actor], texts: Sequence[tuple[Actor, str]]) -> None:
    """Let users send messages, each after everyone has received the one before."""
    for actor, text in texts:
        actor.say(text)
        for listener in actors:
            await listener.until(lambda a=listener, t=text: t in a.log[-1][1])  # type: ignore[misc]


def check_logs(actors: Sequence[Actor], messages: int) -> None:
    """Check that every log is a contiguous part of one order, with each numbered message once.

    Raises:
        NetchatError: A log has a gap, a duplicate or another order.
    """
    order = dict(actors[0].log)
    for actor in actors:
        numbers = [seq for seq, _ in actor.log]
        if numbers != list(range(numbers[0], numbers[0] + len(numbers))):
            raise NetchatError(f"{actor.name}'s log has a gap or a duplicate: {numbers}")
        if any(order.get(seq, line) != line for seq, line in actor.log):
            raise NetchatError(f"{actor.name} saw a different order than {actors[0].name}.")
        if len(actor.numbered) != messages or len(set(actor.numbered)) != messages:
            raise NetchatError(f"{actor.name} saw {len(actor.numbered)} of {messages} messages.")
