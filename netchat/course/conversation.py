"""A simulated chat: the real client and server rules, packet by packet.

    chat = SimulatedConversation(variant.seed("capture"))
    chat.enter("Nova")
    chat.enter("Orion")
    chat.say("Nova", "lobby", "Hello Orion!")
    capture = chat.capture()

netchat's rules run on both sides (`netchat.chat`), in memory and in simulated time. All randomness
comes from the seed, so equal seeds give equal bytes anywhere. `netchat.packets.encapsulate` wraps them
in packets.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from netchat.chat.client import ChatClient
from netchat.chat.connection import Connection
from netchat.chat.credentials import DEVICE_KEY_SIZE
from netchat.chat.effects import Fanout, Write
from netchat.chat.hub import Hub
from netchat.chat.outbox import ClientState
from netchat.chat.settings import Settings
from netchat.course.capture import Capture
from netchat.net.history.memory_history import MemoryHistory
from netchat.packets.encapsulate import Encapsulation
from netchat.wire import FrameReader

__all__ = ["LOBBY", "SimulatedConversation"]

LOBBY = "lobby"

#: Start of every conversation, in seconds since 1970.
BEGIN = 1_760_000_000.0

#: One-way delay to the server, and the server's processing time, in seconds.
_WAY, _WORK = 0.004, 0.0006

#: Seconds between two messages that leave at the same time.
_BURST = 0.0002


@dataclass(eq=False)
class _Person:
    """A user in the conversation, with their client and connection."""

    core: ChatClient
    connection: Connection
    host: str
    port: int
    first: tuple[int, int]
    reader: FrameReader = field(default_factory=FrameReader)
    down: bytearray = field(default_factory=bytearray)
    said: list[tuple[float, bool, bytes]] = field(default_factory=list)
    left: float = 0.0


class SimulatedConversation:
    """Users who chat, and the packets that this produces.

    Args:
        seed: Random seed for tokens, room codes, ports, sequence numbers and pauses.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._history = MemoryHistory()
        self._now = 0.0
        self._people: dict[str, _Person] = {}
        self._net = f"10.{self._random.randrange(1, 250)}.{self._random.randrange(1, 250)}"
        self._hub = Hub(
            Settings(), self._history, self._history.load(), 0.0, BEGIN, rng=self._random
        )

    @property
    def server(self) -> str:
        """The server's address."""
        return f"{self._net}.2"

    def address(self, name: str) -> str:
        """Return the address of a user's machine."""
        return self._people[name].host

    def enter(self, name: str, room: str = LOBBY) -> None:
        """Connect a user, and join a room."""
        host = f"{self._net}.{len(self._people) + 10}"
        port = self._random.randrange(32768, 61000)
        core = ChatClient(name, ClientState(device_key=self._random.randbytes(DEVICE_KEY_SIZE)))
        first = self._random.randrange(2**32), self._random.randrange(2**32)
        person = _Person(core, Connection(f"{host}:{port}"), host, port, first)
        self._people[name] = person
        self._pause()
        self._hub.connect(person.connection, self._now)
        core.connected()
        self._settle()
        self.join(name, room)

    def join(self, name: str, room: str) -> None:
        """Join another room."""
        self._people[name].core.join(room)
        self._settle()

    def create(self, name: str) -> str:
        """Create a room as a user; return its code."""
        core = self._people[name].core
        before = set(core.memory.rooms)
        core.create()
        self._settle()
        (code,) = set(core.memory.rooms) - before
        return code

    def say(self, name: str, room: str, *texts: str) -> None:
        """Send texts to a room; several texts leave at the same time."""
        self._pause()
        for text in texts:
            self._people[name].core.say(room, text)
            self._settle(wait=text is texts[-1])

    def tell(self, name: str, other: str, text: str) -> None:
        """Send a private text to another user."""
        self._pause()
        self._people[name].core.send_private(other, text)
        self._settle()

    def leave(self, name: str, why: str = "") -> None:
        """Send BYE, and close the user's connection."""
        self._pause()
        person = self._people[name]
        person.core.bye(why)
        self._settle()
        self._hub.lost(person.connection, self._now)
        person.left = self._now
        self._settle()

    def capture(self) -> Capture:
        """Return all packets, in the order of time."""
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
        """Let the time pass in which a user thinks or types."""
        self._now += self._random.uniform(0.4, 2.5)

    def _settle(self, *, wait: bool = True) -> None:
        """Deliver data in both directions until no more is pending."""
        moved = True
        while moved:
            moved = self._to_server()
            self._carry_out()
            if not wait:  # the next text leaves before any answer arrives
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
