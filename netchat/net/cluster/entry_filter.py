"""The rules that decide which entries of the stream count, by their order alone.

Every server applies them to the same entries and reaches the same result:

- `joined` starts an epoch if its number is above that of all earlier ones. It ends an earlier epoch of
  the same server, so that a restarted server need not wait for its old lease to expire.
- `expired` ends an epoch. A second one, and everything that the epoch's server appends afterwards, is
  ignored: a paused server that resumes cannot disturb the others (its epoch is the fencing token).
- A batch counts if its number is the next one of a live epoch. A server that does not know whether an
  append succeeded repeats it and all later ones, like go-back-N: duplicates and batches after a gap are
  ignored.

The state is one record per live server, whatever the length of the stream.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from netchat.net.cluster.entries import (
    BatchRecord,
    ExpiredRecord,
    JoinedRecord,
    Record,
    unpack_commands,
)

__all__ = ["CommandBatch", "Entry", "EntryFilter", "LiveServer", "ServerExpired", "ServerJoined"]


@dataclass(frozen=True, slots=True)
class LiveServer:
    """A server from its `joined` to its `expired`."""

    server: str
    """Identifier of the server."""
    epoch: int
    """Epoch of its lease."""
    last: int
    """Sequence number of its last batch."""
    address: str
    """Address for clients, or empty."""


@dataclass(frozen=True, slots=True)
class CommandBatch:
    """Commands that every server applies at this position."""

    position: str
    """Identifier of the entry in the stream."""
    server: str
    """Server that appended the batch."""
    epoch: int
    """Epoch of that server's lease."""
    number: int
    """Number that `append` returned on that server."""
    commands: tuple[bytes, ...]
    """The commands, in order."""


@dataclass(frozen=True, slots=True)
class ServerJoined:
    """A server that joined the cluster."""

    position: str
    """Identifier of the entry in the stream."""
    server: str
    """Identifier of the server."""
    epoch: int
    """Epoch of its lease."""
    address: str
    """Address for clients, or empty."""


@dataclass(frozen=True, slots=True)
class ServerExpired:
    """A server whose epoch ended. Its clients have to resume elsewhere, or when it joins again."""

    position: str
    """Identifier of the entry in the stream."""
    server: str
    """Identifier of the server."""
    epoch: int
    """Epoch that ended."""
    reason: str
    """`lease`, `left`, or `superseded` by a new epoch of the same server."""


Entry = CommandBatch | ServerJoined | ServerExpired


class EntryFilter:
    """State of the rules at one position of the stream.

    Args:
        highest: Highest epoch that ever joined.
        live: Live servers by epoch.
    """

    __slots__ = ("highest", "live")

    def __init__(self, highest: int = 0, live: dict[int, LiveServer] | None = None) -> None:
        self.highest = highest
        """Highest epoch that ever joined."""
        self.live = dict(live or {})
        """Live servers by epoch, in the order in which they joined."""

    def apply(self, position: str, record: Record) -> list[Entry]:
        """Return what a record means at its position; nothing if it does not count.

        Raises:
            ForeignEntry: A batch is damaged. The state is unchanged.
        """
        match record:
            case BatchRecord(epoch, number, commands):
                one = self.live.get(epoch)
                if one is None or number != one.last + 1:
                    return []
                batch = CommandBatch(position, one.server, epoch, number, unpack_commands(commands))
                self.live[epoch] = replace(one, last=number)
                return [batch]
            case JoinedRecord(epoch, server, first, address):
                if epoch <= self.highest:
                    return []
                self.highest = epoch
                old = [one for one in self.live.values() if one.server == server]
                ended = [self._end(position, one, "superseded") for one in old]
                self.live[epoch] = LiveServer(server, epoch, first - 1, address)
                return [*ended, ServerJoined(position, server, epoch, address)]
            case ExpiredRecord(epoch, reason):
                one = self.live.get(epoch)
                return [] if one is None else [self._end(position, one, reason)]

    def _end(self, position: str, one: LiveServer, reason: str) -> ServerExpired:
        del self.live[one.epoch]
        return ServerExpired(position, one.server, one.epoch, reason)
