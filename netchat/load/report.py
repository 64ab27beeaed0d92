"""What a run was asked for, and what came out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from netchat.load.faults import Faults

__all__ = ["DropReport", "Latency", "LinkUse", "LoadReport", "Progress", "ServerUse", "latency_of"]

#: Called a few times a second with the phase, how much of it is done, and how much there is.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Latency:
    """From when a message was due to when a member got it, in milliseconds.

    Attributes:
        samples: how many deliveries were timed.
        p50: half of them were at most as late.
        p99: 99 % of them.
        p999: 99.9 % of them.
        worst: all of them.
    """

    samples: int
    p50: float
    p99: float
    p999: float
    worst: float


def latency_of(samples: Sequence[float]) -> Latency | None:
    """Percentiles (nearest rank) of latencies in seconds; None if there are none."""
    if not samples:
        return None
    ranked = sorted(samples)

    def at(share: float) -> float:
        return round(ranked[max(0, math.ceil(share * len(ranked)) - 1)] * 1000, 3)

    return Latency(len(ranked), at(0.5), at(0.99), at(0.999), at(1))


@dataclass(frozen=True, slots=True)
class ServerUse:
    """What the server used.

    Attributes:
        cpu_seconds: CPU time while the messages were delivered.
        cpu_share: that time by the seconds it took; 1 is one core.
        cpu_us_per_delivery: that time by the deliveries, in microseconds.
        memory: resident bytes with everybody connected.
        memory_per_connection: bytes by which it grew, by the users who came. Tells something of a
            fresh server only: one that had a crowd before puts the next one in the same place.
    """

    cpu_seconds: float
    cpu_share: float
    cpu_us_per_delivery: float
    memory: int
    memory_per_connection: int


@dataclass(frozen=True, slots=True)
class DropReport:
    """How the crowd came back after it had lost all connections at one moment.

    Attributes:
        clients: how many lost theirs.
        back_seconds: until everybody was in the room again.
        seconds: until everybody also had everything.
        messages: said from that moment on, or under way then.
        missed: deliveries that waited for those who were away, and were made up for.
        retries: connections that the server refused or ended at first; each waits longer then.
    """

    clients: int
    back_seconds: float
    seconds: float
    messages: int
    missed: int
    retries: int


@dataclass(frozen=True, slots=True)
class LinkUse:
    """What the users' sides of their links did, all together.

    Attributes:
        link: the code that was asked for.
        udp: they went over UDP.
        channel: the channel.
        blocks_sent: blocks.
        blocks_received: blocks whose header could be read.
        bytes_sent: bytes, as they went into the channel.
        bytes_received: bytes, as they came out of it.
        wrong_bits: bits of those that were wrong, in what could be decoded.
        corrected_symbols: symbols that were corrected.
        failed_blocks: blocks that could not be decoded by themselves.
        retransmissions: blocks that were sent again.
    """

    link: str
    udp: bool
    channel: str | None
    blocks_sent: int
    blocks_received: int
    bytes_sent: int
    bytes_received: int
    wrong_bits: int
    corrected_symbols: int
    failed_blocks: int
    retransmissions: int


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What came out of one run.

    Attributes:
        server: host and port.
        users: how many were in the room.
        senders: how many of them spoke.
        messages: how many were said, in all, while it was measured.
        payload: bytes of each message's text.
        rate: messages a second that were asked for; None for as fast as echoes came.
        join_seconds: from the first connection until everybody was in the room.
        join_rate: users a second.
        seconds: from the first message until everybody had everything.
        deliveries: events that were received by all users, in that time.
        delivery_rate: of them a second.
        latency: how late they were.
        faults: what was not right, from the beginning to the end.
        complete: everything that was waited for came, in time.
        broken: connections on which bytes broke the protocol; they were made again. With a right
            server it is the network's doing: TCP's 16 bits of checksum do not find everything.
        reconnects: connections that were lost without being meant to be; their users came back.
        throttled: warnings of the server that a sender was too fast.
        load_share: CPU time of this program by the seconds; near 1 the figures are lower bounds.
        server_use: what the server used, if that can be seen.
        drop: how the crowd came back, if that was asked for.
        link: what the users' links did, if they had any.
        notes: what a reader of the figures has to know.
    """

    server: str
    users: int
    senders: int
    messages: int
    payload: int
    rate: float | None
    join_seconds: float
    join_rate: float
    seconds: float
    deliveries: int
    delivery_rate: float
    latency: Latency | None
    faults: Faults
    complete: bool
    broken: int
    reconnects: int
    throttled: int
    load_share: float
    server_use: ServerUse | None
    drop: DropReport | None
    link: LinkUse | None
    notes: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether every delivery was right: once, in order, unaltered, none missing."""
        return self.complete and not self.faults

    def as_dict(self) -> dict[str, Any]:
        """The report for JSON."""
        return {"ok": self.ok, **asdict(self)}
