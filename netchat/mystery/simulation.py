"""A mystery without root: simulated hosts, netchat's own rules, and the captures of all cables."""

from __future__ import annotations

import functools
import heapq
import itertools
import math
from collections.abc import Callable

from netchat.chat.client import ChatClient
from netchat.chat.connection import Connection
from netchat.chat.credentials import DEVICE_KEY_SIZE
from netchat.chat.effects import Fanout, Write
from netchat.chat.hub import Hub
from netchat.chat.outbox import ClientState
from netchat.chat.settings import Settings
from netchat.errors import PeerError
from netchat.mystery.capture_recorder import CableCapture, HostClock
from netchat.mystery.drawing import PERIOD, Mystery
from netchat.mystery.fault import HOSTS
from netchat.mystery.faulty_line import FaultyLine
from netchat.mystery.network_host import SimulatedHost
from netchat.mystery.script import CALL_PORT, CAPACITY, calls, says
from netchat.mystery.tcp_peer import SimulatedTcp
from netchat.net.history.memory_history import MemoryHistory
from netchat.wire import DEFAULT_PORT, FrameReader

__all__ = ["BEGIN", "simulate"]

#: Begin of every simulated mystery, in seconds since 1970.
BEGIN = 1_795_000_000

#: Seconds that the server needs for a batch.
_WORK = 0.0004

_ROOM = "lobby"


class _Clock:
    """Simulated time, and what is to happen."""

    def __init__(self) -> None:
        self.now = 0.0
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (self.now + seconds, next(self._numbers), action))

    def run(self, until: float) -> None:
        while self._queue and self._queue[0][0] <= until:
            self.now, _, action = heapq.heappop(self._queue)
            action()


class _NetworkSimulation:
    """Three hosts, six lines and a chat."""

    def __init__(self, mystery: Mystery) -> None:
        self._mystery, self._clock = mystery, _Clock()
        self._random = mystery.random("simulation")
        fault = mystery.fault
        self.captures = {
            host: CableCapture(
                host,
                HostClock(
                    BEGIN * 1_000_000_000, fault.size if mystery.at("clock-skew", host) else 0.0
                ),
            )
            for host in HOSTS
        }
        self._lines = {
            (one, other): FaultyLine(mystery, one, other, self._record)
            for one, other in itertools.permutations(HOSTS, 2)
        }
        self._hosts = {
            host: SimulatedHost(number, functools.partial(self._transmit, host))
            for number, host in enumerate(HOSTS, 1)
        }
        self._scheduled: dict[FaultyLine, float] = {}
        self._history = MemoryHistory()
        self._hub = Hub(
            Settings(), self._history, self._history.load(), 0.0, float(BEGIN), rng=self._random
        )
        self._server_ends: dict[Connection, SimulatedTcp] = {}

    def run(self) -> None:
        for host, name in zip(HOSTS[1:], self._names(), strict=True):
            self._clock.after(0.05 + 0.1 * self._random.random(), self._client(host, name))
        for (one, other), datagrams in calls(self._mystery).items():
            for datagram in datagrams:
                send = functools.partial(
                    self._hosts[one].send_datagram,
                    HOSTS.index(other) + 1,
                    (CALL_PORT, CALL_PORT),
                    datagram.data,
                )
                self._clock.after(datagram.time, send)
        self._clock.run(PERIOD)

    def _names(self) -> list[str]:
        return self._random.sample(("Altair", "Deneb", "Mira", "Nova", "Orion", "Vega"), 2)

    # The network.

    def _record(self, host: str, seconds: float, frame: bytes) -> None:
        self.captures[host].add(seconds, frame)

    def _transmit(self, one: str, to: int, frame: bytes) -> None:
        other = HOSTS[to - 1]
        line = self._lines[one, other]
        line.put(frame, self._clock.now)
        self._schedule(line, other)

    def _schedule(self, line: FaultyLine, other: str) -> None:
        """Let a line's next frame arrive at its time."""
        if line.due < self._scheduled.get(line, math.inf):
            self._scheduled[line] = line.due
            wait = max(0.0, line.due - self._clock.now)
            self._clock.after(wait, functools.partial(self._arrive, line, other))

    def _arrive(self, line: FaultyLine, other: str) -> None:
        self._scheduled.pop(line, None)
        # A little later, because the sum of now and the wait may round down.
        for frame in line.take(self._clock.now + 1e-9):
            self._hosts[other].receive(frame)
        self._schedule(line, other)

    # The chat.

    def _client(self, host: str, name: str) -> Callable[[], None]:
        """Connect both ends of a client's connection; return the action that opens it."""
        number, port = HOSTS.index(host) + 1, self._random.randrange(32768, 61000)
        slow = self._mystery.at("slow-reader", host)
        core = ChatClient(name, ClientState(device_key=self._random.randbytes(DEVICE_KEY_SIZE)))
        connection, reader = Connection(f"10.64.0.{number}:{port}"), FrameReader()
        is_broken = [False]

        def to_client(data: bytes) -> None:
            try:
                core.feed(data)
                core.take_events()
            except PeerError:  # damage that no checksum of TCP detected
                is_broken[0] = True
            flush()

        def to_server(data: bytes) -> None:
            try:
                frames = reader.feed(data)
            except PeerError:
                is_broken[0] = True
                return
            self._hub.receive(connection, frames, self._clock.now)
            self._clock.after(_WORK, self._carry_out)

        def flush() -> None:
            data = core.data_to_send()
            if data and not is_broken[0]:
                client.send(data)

        def say(text: str) -> None:
            if _ROOM in core.memory.rooms:  # not before the room was joined
                core.say(_ROOM, text)
                flush()

        ports = port, DEFAULT_PORT
        client = SimulatedTcp(
            self._clock,
            lambda seq, ack, flags, window, data: self._hosts[host].send_segment(
                1, ports, (seq, ack), flags, window, data
            ),
            to_client,
            self._random,
            capacity=CAPACITY if slow else 65535,
            read_rate=self._mystery.fault.size if slow else None,
        )
        server = SimulatedTcp(
            self._clock,
            lambda seq, ack, flags, window, data: self._hosts["h1"].send_segment(
                number, ports[::-1], (seq, ack), flags, window, data
            ),
            to_server,
            self._random,
        )
        self._hosts[host].connections[1, port, DEFAULT_PORT] = client.receive
        self._hosts["h1"].connections[number, DEFAULT_PORT, port] = server.receive
        self._server_ends[connection] = server
        for each in says(self._mystery, host):
            self._clock.after(each.time, functools.partial(say, each.text))

        def open_connection() -> None:
            self._hub.connect(connection, self._clock.now)
            core.connected()
            core.join(_ROOM)
            client.connect()
            flush()

        return open_connection

    def _carry_out(self) -> None:
        while (batch := self._hub.take_batch()) is not None:
            self._history.write([batch])
            self._hub.commit(batch)
        for output in self._hub.take_effects():
            if isinstance(output, Write):
                self._server_ends[output.to].send(output.data)
            elif isinstance(output, Fanout):
                for connection in output.to:
                    self._server_ends[connection].send(output.data)


def simulate(mystery: Mystery) -> dict[str, CableCapture]:
    """Return the captures of all three hosts' cables, 24 s long.

    Equal mysteries give equal captures. It takes about a second.
    """
    simulation = _NetworkSimulation(mystery)
    simulation.run()
    return simulation.captures
