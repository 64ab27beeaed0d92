"""A member of a crowd that is `netchat client --json` in a process of its own, used through pipes."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections.abc import Sequence

from netchat.wire import Event, EventKind
from tests.end_to_end.crowd import WINDOW
from tests.end_to_end.processes import ROOT, TIMEOUT

__all__ = ["TerminalMember"]

_UNEXPECTED = ("missed", "undelivered", "ended", "error", "declined", "name-refused")


class TerminalMember:
    """Member with the interface of `tests.end_to_end.crowd.Member`.

    Args:
        addresses: Addresses of the servers, HOST:PORT.
        name: User name.
    """

    is_silent = False

    def __init__(self, addresses: Sequence[str], name: str) -> None:
        self._addresses = ",".join(addresses)
        self.name = name
        self.rooms: list[str] = []
        self.logs: dict[str, list[Event]] = {}
        self.said: dict[int, tuple[str, str]] = {}
        self.trouble: list[str] = []
        self.acknowledged = 0
        self.back = False

    async def connect(self) -> None:
        """Start the process, and record events from now on."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "netchat", "client", self._addresses, "--name", self.name),
            *("--json", "--no-state", "--patience", "10m"),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        self._listening = asyncio.create_task(self._listen())

    async def leave(self) -> None:
        """Close its standard input; the client must then end with exit code 0."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(TIMEOUT):
                code = await self._process.wait()
                await self._listening
        except TimeoutError:
            self._process.kill()
            code = await self._process.wait()
        if code:
            self.trouble.append(f"the client ended with exit code {code}")

    def join(self, room: str) -> None:
        """Enter a room; it joins the lobby by itself."""
        if room != "lobby":
            self._write(f"/join {room}")

    def drop(self) -> None:
        """Keep the connection: nothing outside the process can cut it."""

    async def talk(self, source: random.Random, rate: float) -> None:
        """Send a message to the last room at random times, about `rate` times per second."""
        while True:
            await asyncio.sleep(source.expovariate(rate))
            if len(self.said) - self.acknowledged < WINDOW:
                text = f"{self.name} says {len(self.said) + 1}"
                self.said[len(self.said) + 1] = self.rooms[-1], text
                self._write(text)

    @staticmethod
    def view(event: Event) -> Event:
        """Return what the client prints of an event."""
        return Event(event.seq, 0, 0, 0, event.kind, event.room, event.sender, event.text)

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self._note(json.loads(line))

    def _note(self, event: dict[str, str]) -> None:
        kind = event["type"]
        if kind.upper() in EventKind.__members__:
            number, room = EventKind[kind.upper()], event["room"]
            shown = Event(int(event["seq"]), 0, 0, 0, number, room, event["sender"], event["text"])
            self.logs.setdefault(room, []).append(shown)
            self.acknowledged += number == EventKind.CHAT and bool(event["own"])
        elif kind == "entered":
            self.rooms.append(event["room"])
        elif kind in ("online", "offline"):
            self.back = kind == "online"
        elif kind in _UNEXPECTED and not (kind == "ended" and event["wanted"]):
            self.trouble.append(json.dumps(event))
