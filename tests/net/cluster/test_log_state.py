"""Exactly once, in order: servers that append to one stream over connections that fail."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netchat.net.cluster.checkpoint import Checkpoint
from netchat.net.cluster.entries import BatchRecord, ExpiredRecord
from netchat.net.cluster.entry_filter import CommandBatch
from netchat.net.cluster.log_state import LogState


class Server:
    """A server whose connection to the stream can lose a suffix of what it sends."""

    def __init__(self, stream: list[list[bytes]], name: str) -> None:
        self.stream, self.name = stream, name
        self.state = LogState(name, "", Checkpoint.start(), 1000)
        self.appended: list[bytes] = []
        self.rejected: list[bytes] = []
        self.applied: list[bytes] = []
        self.read = 0
        self.old: list[list[bytes]] = []

    def append(self) -> None:
        command = b"%s %d" % (self.name.encode(), len(self.appended))
        self.appended.append(command)
        self.state.window.append([command])

    def send(self, epochs, arriving: int, late: bool) -> None:
        """Connect again and send everything pending; a prefix arrives, and the rest maybe later."""
        state = self.state
        if state.epoch is None:
            state.join(next(epochs))
        state.window.rewind()
        records = [] if state.is_live else [state.joined_record()]
        records += [
            BatchRecord(state.epoch, one.number, one.commands) for one in state.window.take(1 << 20)
        ]
        fields = [record.fields() for record in records]
        self.stream += fields[:arriving]
        if late:
            self.old += fields[arriving:]

    def deliver_old(self) -> None:
        self.stream += self.old
        self.old = []

    def receive(self, count: int) -> None:
        end = min(self.read + count, len(self.stream))
        raw = [(f"{n + 1}-0", self.stream[n]) for n in range(self.read, end)]
        self.read = end
        received = self.state.receive(raw)
        assert not received.foreign
        assert not received.is_superseded
        for entry in received.entries:
            self.applied += entry.commands if isinstance(entry, CommandBatch) else ()
        for one in received.rejected or ():
            self.rejected.append(one.commands[4:])


STEPS = st.tuples(
    st.integers(0, 2),
    st.sampled_from(["append", "append", "send", "old", "receive", "expire"]),
    st.integers(0, 6),
    st.booleans(),
)


@given(st.lists(STEPS, max_size=60))
def test_every_batch_counts_once_or_is_rejected(steps) -> None:
    stream: list[list[bytes]] = []
    epochs = iter(range(1, 1000))
    servers = [Server(stream, name) for name in ("east", "west", "north")]
    for number, step, count, flag in steps:
        server = servers[number]
        match step:
            case "append":
                server.append()
            case "send":
                server.send(epochs, count, flag)
            case "old":
                server.deliver_old()
            case "receive":
                server.receive(count)
            case "expire" if server.state.epoch:
                stream.append(ExpiredRecord(server.state.epoch, "lease").fields())
    for server in servers:
        server.deliver_old()
    for _ in range(5):  # each round may cost an epoch: one that expired, one that was overtaken
        for server in servers:
            server.receive(1 << 20)
            server.send(epochs, 1 << 20, False)
    for server in servers:
        server.receive(1 << 20)
    assert servers[0].applied == servers[1].applied == servers[2].applied
    order = servers[0].applied
    for server in servers:
        counted = [one for one in order if one.startswith(server.name.encode())]
        assert counted == [one for one in server.appended if one not in server.rejected]
        assert not len(server.state.window)


def test_a_restored_state_knows_whether_its_batches_counted() -> None:
    stream: list[list[bytes]] = []
    east, west = Server(stream, "east"), Server(stream, "west")
    epochs = iter(range(1, 9))
    for _ in range(3):
        east.append()
    east.send(epochs, 3, False)  # the join and two of three batches
    west.receive(9)
    assert east.state.restore(west.state.checkpoint) is None
    assert [one.number for one in east.state.window.clear()] == [3]

    stream.append(ExpiredRecord(1, "lease").fields())
    west.receive(9)
    east.append()
    rejected = east.state.restore(west.state.checkpoint)
    assert [one.number for one in rejected or ()] == [4]
    assert east.state.epoch is None


def test_a_join_that_is_still_in_the_stream_survives_a_snapshot() -> None:
    stream: list[list[bytes]] = []
    east, west = Server(stream, "east"), Server(stream, "west")
    west.send(iter([1]), 9, False)
    west.receive(9)
    east.append()
    east.send(iter([2]), 9, False)
    assert east.state.restore(west.state.checkpoint) is None
    east.read = 1
    east.receive(9)
    assert east.applied == [b"east 0"]
