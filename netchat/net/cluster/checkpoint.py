"""Checkpoints of a server, and the check that the stream still contains their positions."""

from __future__ import annotations

import json
from dataclasses import astuple, dataclass
from enum import Enum

from netchat.errors import ClusterError
from netchat.net.cluster.entry_filter import EntryFilter, LiveServer

__all__ = ["START", "Checkpoint", "Place", "locate", "order"]

#: Position before the first entry of a stream.
START = "0-0"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A position in the stream, with everything needed to continue there.

    A server stores it in the same transaction as the effects of the entries up to it.
    """

    cluster: str
    """Random identifier of the cluster's stream; empty before the first start."""
    position: str
    """Identifier of the last entry."""
    digest: str
    """Digest of that entry; empty at the start."""
    highest: int
    """Highest epoch that ever joined."""
    live: tuple[LiveServer, ...]
    """Live servers, in the order in which they joined."""

    @classmethod
    def start(cls) -> Checkpoint:
        """Return the checkpoint before the first entry."""
        return cls("", START, "", 0, ())

    def entry_filter(self) -> EntryFilter:
        """Return the filter at this position."""
        return EntryFilter(self.highest, {one.epoch: one for one in self.live})

    def encode(self) -> bytes:
        """Return the checkpoint as JSON, always the same for the same state."""
        live = [astuple(one) for one in self.live]
        return json.dumps([self.cluster, self.position, self.digest, self.highest, live]).encode()

    @classmethod
    def decode(cls, data: bytes) -> Checkpoint:
        """Decode a checkpoint.

        Raises:
            ClusterError: The data is not a checkpoint.
        """
        try:
            cluster, position, digest, highest, live = json.loads(data)
            servers = tuple(
                LiveServer(str(server), int(epoch), int(last), str(address))
                for server, epoch, last, address in live
            )
            order(position)
            return cls(str(cluster), position, str(digest), int(highest), servers)
        except (ValueError, TypeError, AttributeError):
            raise ClusterError("the checkpoint of the cluster's stream is damaged") from None


class Place(Enum):
    """Relation of a checkpoint's position to the entries that Redis has."""

    PRESENT = "present"
    """In the stream: continue there."""
    TRIMMED = "trimmed"
    """Before the stream's first entry: continue from the snapshot."""
    LOST = "lost"
    """Redis has lost entries that this server has applied."""


def locate(
    checkpoint: Checkpoint,
    cluster: str,
    found: str | None,
    first: str | None,
    snapshot: str | None,
) -> Place:
    """Decide whether a server can continue at its checkpoint.

    Args:
        checkpoint: The server's checkpoint.
        cluster: Identifier of the cluster in Redis.
        found: Digest of the stream's entry at the checkpoint's position; None without one.
        first: Position of the stream's first entry; None if the stream is empty.
        snapshot: Position of the snapshot in Redis; None without one.
    """
    if checkpoint.cluster not in ("", cluster):
        return Place.LOST
    if checkpoint.position == START:
        # Entries are trimmed up to a snapshot only.
        return Place.PRESENT if snapshot is None else Place.TRIMMED
    if found is not None:
        return Place.PRESENT if found == checkpoint.digest else Place.LOST
    at = order(checkpoint.position)
    is_trimmed = first is not None and snapshot is not None and at < order(first)
    return Place.TRIMMED if is_trimmed and at <= order(snapshot or START) else Place.LOST


def order(position: str) -> tuple[int, int]:
    """Return a position as a pair that compares like the stream's order.

    Raises:
        ValueError: The text is not a position.
    """
    time, _, sequence = position.partition("-")
    return int(time), int(sequence)
