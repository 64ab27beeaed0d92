"""Proposals: commands that wait for their place in the log of a cluster."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from netchat.chat.commands import Command
from netchat.chat.connection import Connection

__all__ = ["Proposal", "Proposals"]

#: Proposals that a connection may have pending; at this number, the server stops reading from it.
MAX_PENDING = 256


class Proposal(NamedTuple):
    """A command, and whom to answer when it comes back from the log."""

    command: Command
    connection: Connection | None
    request: object


class Proposals:
    """The pending proposals of one server, in the order in which they were made.

    Attributes:
        is_available: Whether the log accepts commands now.
        has_space: Whether it accepts commands of clients: too many may be pending.
    """

    def __init__(self) -> None:
        self.is_available = False
        self.has_space = True
        self._new: list[Proposal] = []
        self._appended: dict[int, Sequence[Proposal]] = {}

    def __len__(self) -> int:
        return len(self._new) + sum(map(len, self._appended.values()))

    def add(self, proposal: Proposal) -> None:
        """Add a proposal to those that the driver appends next."""
        if proposal.connection is not None:
            proposal.connection.proposals += 1
        self._new.append(proposal)

    def take(self) -> list[Proposal]:
        """Return the proposals to append now."""
        new, self._new = self._new, []
        return new

    def appended(self, number: int, batch: Sequence[Proposal]) -> None:
        """Record the number of the batch in which proposals were appended."""
        self._appended[number] = batch

    def returned(self, number: int) -> Sequence[Proposal]:
        """Return the proposals of a batch that has come back, which are no longer pending."""
        batch = self._appended.pop(number, ())
        for proposal in batch:
            if proposal.connection is not None:
                proposal.connection.proposals -= 1
        return batch

    def drop(self, numbers: Iterable[int]) -> list[Connection]:
        """Forget batches that will not come back, and return the connections that wait for them."""
        dropped = [proposal for number in numbers for proposal in self.returned(number)]
        return list(dict.fromkeys(p.connection for p in dropped if p.connection is not None))

    def allowed(self, connection: Connection) -> int:
        """Return the number of frames of a connection that may be handled now."""
        if connection.session is None:
            return 0 if connection.proposals else 1  # nothing may follow HELLO before its answer
        return max(0, MAX_PENDING - connection.proposals) if self.has_space else 0
