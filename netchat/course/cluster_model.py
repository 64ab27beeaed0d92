"""A model of a cluster: three chat servers that share one log, on an unreliable network, in memory.

    run = run_cluster(seed=1)
    print(run.histories["east"])                       # what the users of east see
    run = run_cluster(seed=1, without="once")          # the same, without one line of the protocol

The protocol is netchat's (`docs/CLUSTER.md`), reduced to the lines that `LINES` names. Everything happens in
ticks, and all randomness comes from the seed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from netchat.net.cluster.entries import (
    BatchRecord,
    ExpiredRecord,
    JoinedRecord,
    Record,
    pack_commands,
)
from netchat.net.cluster.entry_filter import CommandBatch, EntryFilter

__all__ = ["LINES", "ClusterRun", "LoggedBatch", "Said", "counted_batches", "run_cluster"]

SERVERS = ("east", "west", "north")

#: Lines of the protocol that `run_cluster` can leave out.
LINES: dict[str, str] = {
    "once": "A command counts only if its device has not sent it before.",
    "next": "A batch counts only if its number is the next one of its server.",
    "resend": "A server appends a batch again until it comes back in the log.",
    "acknowledge": "A server acknowledges a message only when it comes back in the log.",
    "order": "A server shows a message when it comes back in the log, and not before.",
}

_WORDS = (
    "anchor", "basil", "cedar", "delta", "ember", "fjord", "grove", "harbor", "iris", "jade", "karst",
    "lagoon", "maple", "nectar", "opal", "pebble", "quartz", "reef", "saffron", "tundra", "umber",
    "violet", "willow", "yarrow", "zephyr",
)  # fmt: skip

#: Probabilities per tick, and per append.
_SAYS, _READS, _REQUEST_LOST, _REPLY_LOST, _HANGS_UP, _CRASHES = (
    0.06,
    0.35,
    0.12,
    0.12,
    0.012,
    0.006,
)

#: Ticks until a server repeats an append without a reply.
_TIMEOUT = 6


class Said(NamedTuple):
    """A message of a user."""

    user: str
    """The user, with one device."""
    counter: int
    """Number of the message on this device, from 1."""
    text: str
    """The text: different in each message."""


class LoggedBatch(NamedTuple):
    """A batch in the log."""

    server: str
    """Server that appended it, with the number of its start: `east 1`."""
    number: int
    """Number of the batch, from 1."""
    messages: tuple[Said, ...]
    """The messages in it."""


@dataclass
class ClusterRun:
    """Result of a run, after the network has been repaired and everything has settled."""

    sent: list[Said] = field(default_factory=list)
    """All messages, in the order in which the users sent them."""
    log: list[LoggedBatch] = field(default_factory=list)
    """All entries of the log, whether or not they count."""
    histories: dict[str, list[Said]] = field(default_factory=dict)
    """The messages that each server shows, in its order."""
    sent_at: dict[Said, int] = field(default_factory=dict)
    """Tick at which each message was sent."""
    acknowledged: dict[Said, int] = field(default_factory=dict)
    """Tick at which each user learned that the message has arrived."""
    trace: list[str] = field(default_factory=list)
    """Reports of the users and servers, one line each."""


class _Client:
    """A user and the messages that no server has acknowledged."""

    def __init__(self, name: str, server: str) -> None:
        self.name, self.server = name, server
        self.counter = 0
        self.outbox: list[Said] = []
        self.transmitted = 0


class _ClusterServer:
    """A server: what it has applied, and its batches that have not come back."""

    def __init__(self, name: str) -> None:
        self.name, self.start = name, 1
        self.restart()
        self.start = 1

    def restart(self) -> None:
        """Forget everything but the name, as after a crash."""
        self.start += 1
        self.inbox: list[Said] = []
        self.pending: list[tuple[int, tuple[Said, ...]]] = []
        self.number = 0
        self.asked: dict[int, int] = {}
        self.position = 0
        self.last: dict[str, int] = {}
        self.counters: dict[str, int] = {}
        self.history: list[Said] = []

    @property
    def identity(self) -> str:
        return f"{self.name} {self.start}"


class _Model:
    """The users, the servers, and the network between them and the log."""

    def __init__(self, seed: int, without: str, cut: tuple[int, int]) -> None:
        self.random = random.Random(seed)
        self.without, self.cut = without, cut
        self.run, self.tick = ClusterRun(), 0
        self.servers = {name: _ClusterServer(name) for name in SERVERS}
        names = self.random.sample(("Altair", "Deneb", "Mira", "Nova", "Orion", "Vega"), 4)
        homes = [*SERVERS, self.random.choice(SERVERS)]
        self.clients = [_Client(*pair) for pair in zip(names, homes, strict=True)]
        self.texts = self._new_texts()

    def _new_texts(self) -> Iterator[str]:
        used = set[str]()
        while True:
            text = " ".join(self.random.sample(_WORDS, 2))
            if text not in used:
                used.add(text)
                yield text

    def report(self, who: str, what: str) -> None:
        self.run.trace.append(f"{self.tick:4}  {who:7} {what}")

    def step(self, *, is_calm: bool) -> None:
        self.tick += 1
        for client in self.clients:
            if not is_calm and self.random.random() < _SAYS:
                client.counter += 1
                said = Said(client.name, client.counter, next(self.texts))
                client.outbox.append(said)
                self.run.sent.append(said)
                self.run.sent_at[said] = self.tick
            if not is_calm and self.random.random() < _HANGS_UP:
                other = self.random.choice([name for name in SERVERS if name != client.server])
                self.report(
                    client.name, f"lost the connection to {client.server}, moves to {other}"
                )
                client.server, client.transmitted = other, 0
            self.transmit(client)
        for server in self.servers.values():
            if not is_calm and self.random.random() < _CRASHES:
                self.crash(server)
            self.append(server, is_calm=is_calm)
            if is_calm or self.random.random() < _READS:
                self.read(server)

    def transmit(self, client: _Client) -> None:
        server = self.servers[client.server]
        for said in client.outbox[client.transmitted :]:
            self.report(client.name, f"sends {said.counter} '{said.text}' to {server.name}")
            server.inbox.append(said)
            if self.without == "order":
                self.show(server, said)
            if self.without == "acknowledge":
                self.acknowledge(said, server)
        client.transmitted = len(client.outbox)

    def crash(self, server: _ClusterServer) -> None:
        self.report(server.name, "crashes, starts again, and reads the log from the beginning")
        server.restart()
        for client in self.clients:
            if client.server == server.name:
                client.server = self.random.choice([n for n in SERVERS if n != server.name])
                client.transmitted = 0
                self.report(client.name, f"lost the connection, moves to {client.server}")

    def append(self, server: _ClusterServer, *, is_calm: bool) -> None:
        if server.inbox:
            server.number += 1
            server.pending.append((server.number, tuple(server.inbox)))
            server.inbox = []
        if server.name == "east" and self.cut[0] <= self.tick < self.cut[1]:
            return
        for number, messages in server.pending:
            asked = server.asked.get(number)
            if asked is not None and (self.without == "resend" or self.tick - asked < _TIMEOUT):
                continue
            again = " again" if asked is not None else ""
            server.asked[number] = self.tick
            text = ", ".join(f"'{said.text}'" for said in messages)
            is_lost = not is_calm and self.random.random() < _REQUEST_LOST
            if not is_lost:
                self.run.log.append(LoggedBatch(server.identity, number, messages))
            has_reply = not is_lost and (is_calm or self.random.random() >= _REPLY_LOST)
            self.report(
                server.name,
                f"appends batch {number}{again}: {text}" + ("" if has_reply else ", no reply"),
            )

    def read(self, server: _ClusterServer) -> None:
        if server.name == "east" and self.cut[0] <= self.tick < self.cut[1]:
            return
        for entry in self.run.log[server.position :]:
            server.position += 1
            last = server.last.get(entry.server, 0)
            counts = entry.number > last if self.without == "next" else entry.number == last + 1
            if not counts:
                continue
            server.last[entry.server] = entry.number
            if entry.server == server.identity:
                server.pending = [one for one in server.pending if one[0] > entry.number]
            for said in entry.messages:
                self.apply(server, said, is_own=entry.server == server.identity)

    def apply(self, server: _ClusterServer, said: Said, *, is_own: bool) -> None:
        last = server.counters.get(said.user, 0)
        is_new = said.counter == last + 1 or self.without in ("next", "resend", "acknowledge")
        is_new = is_new and said.counter > last if self.without != "once" else True
        if is_new:
            server.counters[said.user] = max(last, said.counter)
            if self.without != "order" or not is_own:
                self.show(server, said)
        self.acknowledge(said, server)

    def show(self, server: _ClusterServer, said: Said) -> None:
        if self.without != "order" or said not in server.history:
            server.history.append(said)

    def acknowledge(self, said: Said, server: _ClusterServer) -> None:
        for client in self.clients:
            if client.name == said.user and client.server == server.name and said in client.outbox:
                at = client.outbox.index(said)
                del client.outbox[at]
                client.transmitted -= client.transmitted > at
                self.run.acknowledged[said] = self.tick
                self.report(server.name, f"acknowledges {said.user} {said.counter}")


def run_cluster(
    seed: int, *, without: str = "", ticks: int = 220, cut: tuple[int, int] = (0, 0)
) -> ClusterRun:
    """Run a cluster on a bad network, then repair the network and let everything settle.

    Args:
        seed: Random seed.
        without: Line of the protocol to leave out, a key of `LINES`; empty for none.
        ticks: Duration of the bad part.
        cut: First tick of a partition between the server east and the log, and the tick after its end.

    Raises:
        ValueError: The protocol has no such line.
    """
    if without and without not in LINES:
        raise ValueError(f"unknown line {without!r}; must be one of {', '.join(LINES)}")
    model = _Model(seed, without, cut)
    for _ in range(ticks):
        model.step(is_calm=False)
    for _ in range(6 * _TIMEOUT):
        model.step(is_calm=True)
    model.run.histories = {name: server.history for name, server in model.servers.items()}
    return model.run


def counted_batches(entries: Sequence[tuple[str, int, str | int]]) -> list[int]:
    """Return the positions of the batches that count, by the rules of netchat's servers.

    Args:
        entries: `("joined", epoch, server)`, `("expired", epoch, reason)` and `("batch", epoch, number)`.
    """
    rules, found = EntryFilter(), []
    for position, (kind, epoch, detail) in enumerate(entries):
        record: Record
        match kind:
            case "joined":
                record = JoinedRecord(epoch, str(detail), 1, "")
            case "expired":
                record = ExpiredRecord(epoch, "lease")
            case _:
                record = BatchRecord(epoch, int(detail), pack_commands([b""]))
        counted = rules.apply(str(position), record)
        found += [position] if any(isinstance(one, CommandBatch) for one in counted) else []
    return found
