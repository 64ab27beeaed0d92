"""Proposals: commands that wait for their position in the log of a cluster."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from netchat.chat.commands import ChatCommand, Post, PostSealed, encode_command
from netchat.chat.connection import Connection

__all__ = ["Proposal", "Proposals"]

#: Bytes of commands at which a batch ends.
BATCH_BYTES = 64 * 1024

#: Maximum number of proposals that a connection has pending; at this number, the server stops reading from
#: it.
MAX_PENDING = 256

#: Commands of messages. They do not wait for each other.
_MESSAGES = (Post, PostSealed)


class Proposal(NamedTuple):
    """A command, and whom to answer when it comes back from the log."""

    command: ChatCommand
    connection: Connection | None
    request: object


class Proposals:
    """The pending proposals of one server, in the order in which they were made.

    Attributes:
        is_available: Whether the log accepts commands now.
        has_space: Whether it accepts more of them.
        has_joined: Whether this server has applied the log up to its own start. Before that, it does
            not know the clients' sessions.
    """

    def __init__(self) -> None:
        self.is_available = False
        self.has_space = True
        self.has_joined = False
        self._new: deque[Proposal] = deque()
        self._appended: dict[int, Sequence[Proposal]] = {}

    def __len__(self) -> int:
        return len(self._new) + sum(map(len, self._appended.values()))

    def add(self, proposal: Proposal) -> None:
        """Add a proposal to those that the driver appends next."""
        if proposal.connection is not None:
            proposal.connection.proposals += 1
            proposal.connection.moves += type(proposal.command) not in _MESSAGES
        self._new.append(proposal)

    def take(self) -> tuple[list[Proposal], list[bytes]]:
        """Return the next proposals to append as one batch, and their encoded commands."""
        batch: list[Proposal] = []
        commands: list[bytes] = []
        size = 0
        while self._new and size < BATCH_BYTES:
            proposal = self._new.popleft()
            command = encode_command(proposal.command)
            batch.append(proposal)
            commands.append(command)
            size += len(command)
        return batch, commands

    def appended(self, number: int, batch: Sequence[Proposal]) -> None:
        """Record the number of the batch in which proposals were appended."""
        self._appended[number] = batch

    def returned(self, number: int) -> Sequence[Proposal]:
        """Return the proposals of a batch that has come back, which are no longer pending.

        The list is empty if this server has started from a snapshot since it appended them.
        """
        batch = self._appended.pop(number, ())
        _count_off(batch)
        return batch

    def drop(self, numbers: Iterable[int]) -> list[Connection]:
        """Forget batches that will not come back, and return the connections that wait for them.

        The new proposals of closed connections are dropped, too: their clients repeat them, perhaps
        on another server, and must not have them accepted here after that.
        """
        dropped = [proposal for number in numbers for proposal in self.returned(number)]
        stale = [p for p in self._new if p.connection is not None and p.connection.closing]
        _count_off(stale)
        self._new = deque(p for p in self._new if p.connection is None or not p.connection.closing)
        return list(dict.fromkeys(p.connection for p in dropped if p.connection is not None))

    def allowed(self, connection: Connection) -> int:
        """Return the number of frames of a connection that may be handled now."""
        if connection.deferred or not (self.has_space and self.has_joined):
            return 0
        return max(0, MAX_PENDING - connection.proposals)


def _count_off(batch: Iterable[Proposal]) -> None:
    """Count proposals as no longer pending on their connections."""
    for proposal in batch:
        if proposal.connection is not None:
            proposal.connection.proposals -= 1
            proposal.connection.moves -= type(proposal.command) not in _MESSAGES
