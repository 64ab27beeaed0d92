"""Results of a load run."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from netchat.load.faults import Faults

__all__ = [
    "DropReport",
    "FilesReport",
    "Latency",
    "LinkUse",
    "LoadReport",
    "Progress",
    "ServerUse",
    "latency_of",
]

#: Called a few times per second with the phase, the number of steps done, and their total.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Latency:
    """Latency from a message's due time to its delivery, in milliseconds.

    Attributes:
        samples: Number of deliveries measured.
        p50: Median.
        p99: 99th percentile.
        p999: 99.9th percentile.
        worst: Maximum.
    """

    samples: int
    p50: float
    p99: float
    p999: float
    worst: float


def latency_of(samples: Sequence[float]) -> Latency | None:
    """Return percentiles (nearest rank) of latencies in seconds; None without samples."""
    if not samples:
        return None
    ranked = sorted(samples)

    def at(share: float) -> float:
        return round(ranked[max(0, math.ceil(share * len(ranked)) - 1)] * 1000, 3)

    return Latency(len(ranked), at(0.5), at(0.99), at(0.999), at(1))


@dataclass(frozen=True, slots=True)
class ServerUse:
    """CPU time and memory that the server used.

    Attributes:
        cpu_seconds: CPU time while the messages were delivered.
        cpu_share: CPU time divided by elapsed time; 1 is one core.
        cpu_us_per_delivery: CPU time per delivery in microseconds.
        memory: Resident memory in bytes, with all users connected.
        memory_per_connection: Growth of the memory per user in bytes. Meaningful only for a fresh
            server, because one that had many users before reuses their memory.
    """

    cpu_seconds: float
    cpu_share: float
    cpu_us_per_delivery: float
    memory: int
    memory_per_connection: int


@dataclass(frozen=True, slots=True)
class DropReport:
    """Recovery after all users lost their connections at once.

    Attributes:
        clients: Number of users that lost their connection.
        back_seconds: Seconds until all users were in the room again.
        seconds: Seconds until all users had also received everything.
        messages: Number of messages sent from that moment, or in flight then.
        missed: Number of deliveries that disconnected users missed and received later.
        retries: Number of connections that the server refused or closed at first.
    """

    clients: int
    back_seconds: float
    seconds: float
    messages: int
    missed: int
    retries: int


@dataclass(frozen=True, slots=True)
class FilesReport:
    """Transfers of one file during the run. Every receiver has compared the SHA-256.

    Attributes:
        size: Size of the file in bytes.
        receivers: Number of users that saved it at once.
        upload_seconds: Seconds until the file was on the server's disk and offered, hashing included.
        upload_rate: Bytes per second of that.
        download_seconds: Seconds from the offer until all receivers had the file.
        download_rate: Bytes per second of all receivers together.
    """

    size: int
    receivers: int
    upload_seconds: float
    upload_rate: float
    download_seconds: float
    download_rate: float


@dataclass(frozen=True, slots=True)
class LinkUse:
    """Counters of the users' sides of all links together.

    Attributes:
        link: Requested code or policy.
        udp: Whether the links ran over UDP.
        channel: Spec of the channel.
        blocks_sent: Blocks sent.
        blocks_received: Blocks received with a readable header.
        bytes_sent: Bytes sent, before the channel.
        bytes_received: Bytes received, after the channel.
        wrong_bits: Bit errors in everything that could be decoded.
        corrected_symbols: Corrected symbols.
        failed_blocks: Blocks that could not be decoded on their own.
        retransmissions: Retransmitted blocks.
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
    """Results of one load run.

    Attributes:
        server: Host and port of the server.
        users: Number of users in the room.
        senders: Number of users that sent messages.
        messages: Total number of messages sent during the measurement.
        payload: Length of each message's text in bytes.
        rate: Requested messages per second; None for as fast as the window allows.
        join_seconds: Seconds from the first connection until all users were in the room.
        join_rate: Users joined per second.
        seconds: Seconds from the first message until all users had received everything.
        deliveries: Number of events received by all users together in that time.
        delivery_rate: Deliveries per second.
        latency: Latency of the deliveries; None without samples.
        faults: Faulty deliveries of the whole run.
        complete: Whether everything arrived in time.
        broken: Connections with protocol errors, which were reconnected. With a correct server,
            the network caused them: TCP's 16-bit checksum does not detect all errors.
        reconnects: Unintended connection losses; the users reconnected.
        throttled: Number of TOO_FAST warnings from the server.
        load_share: CPU time of this program divided by elapsed time; near 1, the rates are lower
            bounds.
        server_use: CPU time and memory of the server; None if unknown.
        drop: Recovery from dropped connections; None if not requested.
        link: Counters of the users' links; None without links.
        files: Transfers of a file meanwhile; None if not requested.
        notes: Remarks needed to interpret the figures.
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
    files: FilesReport | None
    notes: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether every message was delivered exactly once, in order and unaltered."""
        return self.complete and not self.faults

    def as_dict(self) -> dict[str, Any]:
        """Return the report as a dictionary for JSON."""
        return {"ok": self.ok, **asdict(self)}
