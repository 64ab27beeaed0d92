"""Clients that send continuously, and record everything that they receive."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from netchat.chat.client_events import (
    EventsMissed,
    RoomEntered,
    RoomEvent,
    RosterReceived,
    SessionEnded,
    Undelivered,
)
from netchat.net.backoff import STABLE_AFTER, Backoff
from netchat.net.client_driver import ClientDriver
from netchat.wire import Event, EventKind

__all__ = ["Crowd", "Member"]

#: Maximum number of unacknowledged messages per member.
WINDOW = 8


@dataclass
class Member:
    """A client and its records.

    Attributes:
        client: The real client, as `netchat client` uses it.
        rooms: Rooms that it sends to.
        logs: Every event that it reported, by room, in order.
        said: Room and text of every message that it has sent, by counter.
        trouble: Unexpected events.
        rosters: The last list of each room's members that it asked for, sorted by name.
        is_silent: Whether it only listens.
    """

    client: ClientDriver
    is_silent: bool = False
    rooms: list[str] = field(default_factory=list)
    logs: dict[str, list[Any]] = field(default_factory=dict)
    said: dict[int, tuple[str, str]] = field(default_factory=dict)
    trouble: list[str] = field(default_factory=list)
    rosters: dict[str, list[str]] = field(default_factory=dict)
    _listening: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        # Servers are killed every second, and the clients must not back off longer each time.
        self.client._backoff = _Backoff()

    @property
    def name(self) -> str:
        return self.client.core.name

    @property
    def acknowledged(self) -> int:
        """Number of its messages that were acknowledged."""
        return len(self.said) - self.client.core.unsent

    @property
    def back(self) -> bool:
        """Whether it is connected and has caught up in all its rooms."""
        core = self.client.core
        return core.online and all(view.is_caught_up for view in core.memory.rooms.values())

    async def connect(self) -> None:
        """Connect, and record events from now on."""
        await self.client.__aenter__()
        self._listening = asyncio.create_task(self._listen())

    async def leave(self) -> None:
        """Close the connection."""
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
            await self.client.__aexit__(None, None, None)

    def join(self, room: str) -> None:
        """Enter a room."""
        self.client.core.join(room)
        self.client.flush()

    def ask_who(self) -> None:
        """Ask for the members of each of its rooms."""
        self.rosters.clear()
        for room in self.rooms:
            self.client.core.who(room)
        self.client.flush()

    def drop(self) -> None:
        """Cut the connection, as a network failure would."""
        self.client.drop()

    @staticmethod
    def view(event: Event) -> object:
        """Return what this kind of client reports of an event."""
        return event

    async def _listen(self) -> None:
        async for event in self.client.events():
            match event:
                case RoomEvent(event=event):
                    log = self.logs.setdefault(event.room, [])
                    if log and event.seq != log[-1].seq + 1:
                        self.trouble.append(
                            f"{time.strftime('%T')} {self.client.servers.current}: event {event.seq}"
                            f" of {event.room} followed {log[-1].seq}"
                        )
                    log.append(event)
                case RoomEntered(room=room):
                    self.rooms.append(room)
                case RosterReceived(room=room, members=members):
                    names = self.rosters[room] = [member.name for member in members]
                    if len(set(names)) < len(names):
                        self.trouble.append(f"two members of {room} have the same name: {names}")
                case EventsMissed() | Undelivered() | SessionEnded():
                    self.trouble.append(repr(event))
                case _:
                    pass

    async def talk(self, source: random.Random, rate: float) -> None:
        """Send a message at random times, about `rate` times per second."""
        core = self.client.core
        while True:
            await asyncio.sleep(source.expovariate(rate))
            if core.unsent < WINDOW:
                room = source.choice(self.rooms)
                text = f"{self.name} says {len(self.said) + 1}"
                self.said[core.say(room, text)] = room, text
                self.client.flush()


class _Backoff(Backoff):
    """Backoff that is reset by every WELCOME, however short the connection was."""

    def online(self, now: float) -> None:
        super().online(now - STABLE_AFTER)


class Crowd:
    """All members: each is in the lobby and in one of three other rooms.

    Args:
        members: The members, not connected yet; the first three create the rooms.
        source: Source of all randomness.
    """

    def __init__(self, members: Sequence[Member], source: random.Random) -> None:
        self._source = source
        self.members = members

    async def enter(self) -> None:
        """Connect all members, and let them join their rooms."""
        for member in self.members:
            await member.connect()
            member.join("lobby")
        founders = self.members[:3]
        await self.until(lambda: all("lobby" in m.rooms for m in self.members))
        for founder in founders:
            founder.client.core.create()
            founder.client.flush()
        await self.until(lambda: all(len(f.rooms) == 2 for f in founders))
        codes = [founder.rooms[1] for founder in founders]
        for number, member in enumerate(self.members[3:]):
            member.join(codes[number % 3])
        await self.until(lambda: all(len(m.rooms) == 2 for m in self.members))

    def talk(self, rate: float) -> list[asyncio.Task[None]]:
        """Let each member send `rate` messages per second, until the tasks are cancelled."""
        return [
            asyncio.create_task(m.talk(random.Random(self._source.random()), rate))
            for m in self.members
            if not m.is_silent
        ]

    @property
    def acknowledged(self) -> int:
        """Number of acknowledged messages."""
        return sum(member.acknowledged for member in self.members)

    @property
    def back(self) -> int:
        """Number of members that are connected and have caught up."""
        return sum(member.back for member in self.members)

    async def until(self, reached: Callable[[], bool], timeout: float = 60.0) -> None:
        """Wait until `reached()` is true.

        Raises:
            TimeoutError: It did not become true within `timeout` seconds.
        """
        async with asyncio.timeout(timeout):
            while not reached():
                await asyncio.sleep(0.005)

    async def settle(self) -> None:
        """Wait until every message is acknowledged and all members have the same last event."""
        await self.until(lambda: self.back == len(self.members))
        await self.until(lambda: all(m.acknowledged == len(m.said) for m in self.members))

        def level() -> bool:
            ends: dict[str, set[int]] = {}
            for member in self.members:
                for room, log in member.logs.items():
                    ends.setdefault(room, set()).add(log[-1].seq)
            return all(len(end) == 1 for end in ends.values())

        await self.until(level)

    async def leave(self) -> None:
        """Close every connection."""
        for member in self.members:
            await member.leave()

    def faults(self, history: dict[str, list[Event]]) -> list[str]:
        """Return all violations of the delivery contract, compared with the server's history.

        Args:
            history: The events of each room, by code, in order.
        """
        return self.trouble() + self.mismatches(history)

    def trouble(self) -> list[str]:
        """Return all unexpected events of the members."""
        return [f"{m.name}: {trouble}" for m in self.members for trouble in m.trouble]

    def mismatches(self, history: dict[str, list[Event]]) -> list[str]:
        """Return the differences between a history and what the members have sent and received."""
        faults = []
        for room, events in history.items():
            if [event.seq for event in events] != list(range(1, len(events) + 1)):
                faults.append(f"{room}: the numbers on disk have a hole")
        for member in self.members:
            for room, log in member.logs.items():
                first = log[0].seq
                expected = [member.view(e) for e in history.get(room, [])[first - 1 :]]
                if log == expected:
                    continue
                pairs = enumerate(zip(log, expected, strict=False))
                at = next((i for i, (a, b) in pairs if a != b), min(len(log), len(expected)))
                faults.append(
                    f"{member.name} in {room}: {len(log)} events, not {len(expected)}; the first"
                    f" difference is number {at}: {log[at : at + 1]}, not {expected[at : at + 1]}"
                )
        return faults + self._lost_or_twice(history)

    def _lost_or_twice(self, history: dict[str, list[Event]]) -> list[str]:
        found: dict[tuple[str, str, str], int] = {}
        for room, events in history.items():
            for event in events:
                if event.kind == EventKind.CHAT:
                    key = event.sender, room, event.text
                    found[key] = found.get(key, 0) + 1
        faults = []
        for member in self.members:
            for room, text in member.said.values():
                times = found.pop((member.name, room, text), 0)
                if times != 1:
                    faults.append(f"{text!r} in {room} is on disk {times} times")
        return faults + [f"{key} is on disk, but no member sent it" for key in found]
