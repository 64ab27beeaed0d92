"""A chat between people who are acted by the real client and the real server, packet by packet.

    chat = Conversation(variant.seed("capture"))
    chat.enter("Nova")
    chat.enter("Orion")
    chat.say("Nova", "lobby", "Hello Orion!")
    capture = chat.capture()

The rules of netchat run on both sides (`netchat.chat`), in memory and by a clock of their own, so
the same seed gives the same bytes anywhere; `netchat.packets.encapsulate` puts them into packets.
"""

from __future__ import annotations

import contextlib
import random
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from netchat.chat import credentials, outbox, server_state
from netchat.chat import room_codes as codes
from netchat.chat.client import ChatClient
from netchat.chat.effects import Fanout, Write
from netchat.chat.hub import Hub
from netchat.chat.model import Connection
from netchat.chat.settings import Settings
from netchat.course.capture import Capture
from netchat.net.history.memory_history import MemoryHistory
from netchat.packets.encapsulate import Encapsulation
from netchat.wire import FrameReader

__all__ = ["LOBBY", "Conversation"]

LOBBY = "lobby"

#: When conversations begin: seconds since 1970; a Monday in term.
BEGIN = 1_760_000_000.0

#: Seconds from the user's key to the server, and that the server takes until its answer leaves.
_WAY, _WORK = 0.004, 0.0006

#: Seconds between two messages that leave at the same time.
_BURST = 0.0002

#: Two threads that replace and restore the same thing would leave the wrong one behind.
_PATCHING = threading.RLock()


@dataclass(eq=False)
class _Person:
    """Somebody in the conversation, and their connection."""

    core: ChatClient
    connection: Connection
    host: str
    port: int
    first: tuple[int, int]
    reader: FrameReader = field(default_factory=FrameReader)
    down: bytearray = field(default_factory=bytearray)
    said: list[tuple[float, bool, bytes]] = field(default_factory=list)
    left: float = 0.0


class Conversation:
    """People who talk, and the packets that this makes.

    Args:
        seed: where all chance comes from: tokens, room codes, ports, sequence numbers, pauses.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._history = MemoryHistory()
        self._now = 0.0
        self._people: dict[str, _Person] = {}
        self._net = f"10.{self._random.randrange(1, 250)}.{self._random.randrange(1, 250)}"
        with self._chance():
            self._hub = Hub(Settings(), self._history, self._history.load(), 0.0, BEGIN)

    @property
    def server(self) -> str:
        """The server's address."""
        return f"{self._net}.2"

    def address(self, name: str) -> str:
        """The address of somebody's machine."""
        return self._people[name].host

    def enter(self, name: str, room: str = LOBBY) -> None:
        """Somebody connects, and joins a room."""
        host = f"{self._net}.{len(self._people) + 10}"
        port = self._random.randrange(32768, 61000)
        with self._chance():
            core = ChatClient(name)
        first = self._random.randrange(2**32), self._random.randrange(2**32)
        person = _Person(core, Connection(f"{host}:{port}"), host, port, first)
        self._people[name] = person
        self._pause()
        self._hub.connect(person.connection, self._now)
        core.connected()
        self._settle()
        self.join(name, room)

    def join(self, name: str, room: str) -> None:
        """Somebody joins one room more."""
        self._people[name].core.join(room)
        self._settle()

    def create(self, name: str) -> str:
        """Somebody makes a room; returns its code."""
        core = self._people[name].core
        before = set(core.memory.rooms)
        core.create()
        self._settle()
        (code,) = set(core.memory.rooms) - before
        return code

    def say(self, name: str, room: str, *texts: str) -> None:
        """Somebody says something; several texts leave at the same time."""
        self._pause()
        for text in texts:
            self._people[name].core.say(room, text)
            self._settle(wait=text is texts[-1])

    def tell(self, name: str, other: str, text: str) -> None:
        """Somebody says something to another one in private."""
        self._pause()
        self._people[name].core.send_private(other, text)
        self._settle()

    def leave(self, name: str, why: str = "") -> None:
        """Somebody says goodbye."""
        self._pause()
        person = self._people[name]
        person.core.bye(why)
        self._settle()
        self._hub.lost(person.connection, self._now)
        person.left = self._now
        self._settle()

    def capture(self) -> Capture:
        """All packets of it, in the order of time."""
        packets = []
        for person in self._people.values():
            begun = person.said[0][0] - 0.003
            wire = Encapsulation(
                person.host,
                self.server,
                client_port=person.port,
                now=BEGIN + begun,
                first=person.first,
            )
            for time, by_server, data in person.said:
                wire.send(data, by_server=by_server, at=BEGIN + time)
            if person.left:
                wire.close()
            packets += wire.packets
        return Capture(sorted(packets, key=lambda packet: float(packet.time)))

    def _pause(self) -> None:
        """Time in which somebody thinks, or types."""
        self._now += self._random.uniform(0.4, 2.5)

    def _settle(self, *, wait: bool = True) -> None:
        """Let everybody hear what is to be heard."""
        with self._chance():
            moved = True
            while moved:
                moved = self._to_server()
                self._carry_out()
                if not wait:  # what follows leaves before any answer comes
                    self._now += _BURST
                    return
                self._now += _WAY
                while (batch := self._hub.take_batch()) is not None:
                    self._history.write([batch])
                    self._hub.commit(batch)
                    self._carry_out()
                moved |= self._to_clients()

    def _to_server(self) -> bool:
        moved = False
        for person in self._people.values():
            data = person.core.data_to_send()
            if data and not person.left:
                moved = True
                person.said.append((self._now, False, data))
                frames = person.reader.feed(data)
                self._hub.receive(person.connection, frames, self._now)
        return moved

    def _to_clients(self) -> bool:
        moved = False
        self._now += _WORK
        for person in self._people.values():
            data = bytes(person.down)
            if data and not person.left:
                moved = True
                person.said.append((self._now, True, data))
                person.core.feed(data)
                person.core.take_events()
            person.down.clear()
        return moved

    def _carry_out(self) -> None:
        people = {person.connection: person for person in self._people.values()}
        for output in self._hub.take_effects():
            if isinstance(output, Write):
                people[output.to].down += output.data
            elif isinstance(output, Fanout):
                for connection in output.to:
                    people[connection].down += output.data

    @contextlib.contextmanager
    def _chance(self) -> Iterator[None]:
        """What is secret elsewhere comes from the seed here: nobody relies on it."""
        seeded = _Seeded(self._random)
        with _PATCHING, contextlib.ExitStack() as stack:
            for module in (codes, outbox, credentials, server_state):
                stack.enter_context(patch.object(module, "secrets", seeded))
            yield


class _Seeded:
    """Stands in for the module `secrets`, for this thread: a server in another one keeps its own."""

    def __init__(self, chance: random.Random) -> None:
        self._own = {
            "token_bytes": chance.randbytes,
            "randbits": chance.getrandbits,
            "choice": chance.choice,
        }
        self._thread = threading.get_ident()

    def __getattr__(self, name: str) -> Any:
        return self._own[name] if threading.get_ident() == self._thread else getattr(secrets, name)
