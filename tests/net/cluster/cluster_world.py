"""A cluster in memory: several chat servers on a simulated log, without sockets and without a clock.

Each server sends and reads when the test says so, so that a test can delay, repeat and interleave
everything, and can end a server's epoch at any point.
"""

from __future__ import annotations

from netchat.net.cluster.checkpoint import Checkpoint
from netchat.net.cluster.entries import BatchRecord, ExpiredRecord, Record
from netchat.net.cluster.log_state import LogState
from netchat.net.cluster.member import apply_entry
from tests.chat.world import User, World

__all__ = ["ClusterServer", "ClusterWorld"]


class ClusterServer(World):
    """A server of a simulated cluster, and its clients."""

    def __init__(self, cluster: ClusterWorld, name: str, **settings: float | str) -> None:
        super().__init__(is_clustered=True, **settings)
        self.cluster = cluster
        self.log = LogState(name, f"{name}:6464", Checkpoint.start(), 1 << 20)
        self.at = 0
        self.hub.state.proposals.is_available = True
        self.join()

    def join(self) -> None:
        """Start a new epoch."""
        self.cluster.epochs += 1
        self.log.join(self.cluster.epochs)
        self.cluster.add(self.log.joined_record())

    def send(self) -> bool:
        """Append all new proposals to the stream; return whether there were any."""
        proposals = self.hub.state.proposals
        while (taken := proposals.take())[0]:
            batch, commands = taken
            proposals.appended(self.log.window.append(commands), batch)
        batches = self.log.window.take(1 << 30) if self.log.epoch is not None else []
        for one in batches:
            self.cluster.add(BatchRecord(self.log.epoch, one.number, one.commands))
        return bool(batches)

    def resend(self) -> None:
        """Append everything that has not come back again, as after a lost connection to Redis."""
        self.log.window.rewind()
        self.send()

    def read(self, count: int = 1 << 30) -> bool:
        """Apply the next entries of the stream; return whether there were any."""
        entries = self.cluster.stream[self.at : self.at + count]
        self.at += len(entries)
        received = self.log.receive(entries)
        for entry in received.entries:
            apply_entry(self.hub, entry, is_own=self.log.owns(entry), now=self.now)
        if received.rejected is not None:
            self.hub.drop_proposals(one.number for one in received.rejected)
        self.cluster.check(self.at, self.hub.state.shared.digest())
        if self.log.epoch is None:
            self.join()
        self._carry_out()
        self.settle()
        return bool(entries)

    def add_user(self, user: User) -> None:
        """Connect a client to this server."""
        self.users.append(user)
        self.connect(user)


class ClusterWorld:
    """A stream and its servers.

    Args:
        names: Names of the servers.
        settings: Settings of all of them.
    """

    def __init__(self, *names: str, **settings: float | str) -> None:
        self.stream: list[tuple[str, list[bytes]]] = []
        self.epochs = 0
        self._digests: dict[int, bytes] = {}
        self.servers = [ClusterServer(self, name, **settings) for name in names]
        self.settle()

    def add(self, record: Record) -> None:
        """Append an entry to the stream."""
        self.stream.append((f"{len(self.stream) + 1}-0", record.fields()))

    def check(self, at: int, digest: bytes) -> None:
        """Check that all servers have the same state after the same entries."""
        assert self._digests.setdefault(at, digest) == digest, f"states differ after {at} entries"

    def expire(self, server: ClusterServer) -> None:
        """Append the end of a server's epoch, as another server does when its lease is missing."""
        if server.log.epoch is not None:
            self.add(ExpiredRecord(server.log.epoch, "lease"))

    def settle(self) -> None:
        """Let all servers send and read until nothing is left; reconnect clients with a session."""
        is_active = True
        while is_active:
            is_active = False
            for server in self.servers:
                server.now += 1  # ends pauses
                server.settle()
                is_active |= server.send()
                is_active |= server.read()
                for user in server.users:
                    if user.link is None and not user.core.ended:
                        server.connect(user)
                        is_active = True

    def move(self, user: User, server: ClusterServer) -> None:
        """Cut a client's connection, and connect the client to a server."""
        for other in self.servers:
            if user in other.users:
                if user.link is not None:
                    other.hang_up(user.link)
                other.users.remove(user)
        server.add_user(user)
