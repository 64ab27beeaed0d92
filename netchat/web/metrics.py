"""Metrics of a server, in the format of Prometheus."""

from __future__ import annotations

import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from netchat.chat.server_log import ServerLog
from netchat.net.link.link_totals import LinkSums
from netchat.net.server_driver import ServerDriver
from netchat.net.time_histogram import BOUNDS, TimeHistogram
from netchat.version import __version__
from netchat.wire import RoomKind

__all__ = ["LINK_METRICS", "Metrics"]

#: Counters of links: name of the metric, counter of `netchat.link.LinkStats`, help.
LINK_METRICS = (
    ("link_blocks_received", "blocks_received", "Blocks received over links"),
    ("link_blocks_sent", "blocks_sent", "Blocks sent over links"),
    ("link_received_bytes", "bytes_received", "Bytes received over links, with coding"),
    ("link_sent_bytes", "bytes_sent", "Bytes sent over links, with coding"),
    ("link_corrected_symbols", "corrected_symbols", "Symbols that the codes of links corrected"),
    ("link_failed_blocks", "failed_blocks", "Blocks that could not be decoded by themselves"),
    ("link_combined_blocks", "combined_blocks", "Blocks decoded together with earlier copies"),
    ("link_retransmissions", "retransmissions", "Blocks that links retransmitted"),
    ("link_resyncs", "resyncs", "Times that links regained synchronisation"),
    ("link_lost_bytes", "lost_bytes", "Bytes that never arrived over links without repeats"),
)


class Metrics:
    """Figures of a server, read when Prometheus asks for them.

    Args:
        chat: The chat server.
        notes: Its log.
    """

    def __init__(self, chat: ServerDriver, notes: ServerLog) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_ServerCollector(chat, notes))
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """Return all metrics, and the content type.

        Args:
            accept: The request's Accept header, which selects the format.
        """
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type


class _ServerCollector(Collector):
    """Reads the figures of a chat server; nothing is copied between two scrapes."""

    def __init__(self, chat: ServerDriver, notes: ServerLog) -> None:
        self._chat = chat
        self._notes = notes
        self._started = time.time()

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics."""
        yield InfoMetricFamily("netchat", "Version of netchat", value={"version": __version__})
        links = self._chat.links()
        yield from self._gauges(links)
        yield from self._counters(links)
        traffic = self._chat.traffic
        yield _histogram(
            "delivery_latency_seconds",
            "Time from reading a request until its event was sent to the room's members",
            traffic.latency,
        )
        yield _histogram(
            "commit_seconds",
            "Time from handing a batch to the history until it was durable",
            traffic.commits,
        )

    def _gauges(self, links: LinkSums) -> Iterator[Metric]:
        chat, state = self._chat, self._chat.state
        users = GaugeMetricFamily("netchat_users", "Users of this server", labels=["state"])
        users.add_metric(["connected"], len(state.attached))
        users.add_metric(["away"], len(state.away))
        yield users
        rooms = [room.kind for room in state.shared.rooms.values()]
        private = rooms.count(RoomKind.PRIVATE)
        kinds = GaugeMetricFamily("netchat_rooms", "Rooms", labels=["kind"])
        kinds.add_metric(["private"], private)
        kinds.add_metric(["sealed"], rooms.count(RoomKind.SEALED))
        kinds.add_metric(["open"], len(rooms) - private - rooms.count(RoomKind.SEALED))
        yield kinds
        waiting = len(state.batch.rows)
        for name, text, value in (
            ("accounts", "Registered accounts", len(state.shared.accounts)),
            ("connections", "Connections, including those without a user", len(state.connections)),
            ("half_open_connections", "Connections that have not sent HELLO", len(state.half_open)),
            ("slow_readers", "Connections that do not read", len(state.stalled_connections)),
            ("lagging_connections", "Connections that catch up", len(state.catching_up)),
            ("waiting_events", "Events that wait for the next commit", waiting),
            ("links", "Connections over links", links.open),
            ("ready", "Whether the server can store and deliver messages", not chat.problem()),
            ("start_time_seconds", "Start of the server, in seconds since 1970", self._started),
        ):
            yield GaugeMetricFamily(f"netchat_{name}", text, value=float(value))
        if chat.cluster is not None:
            servers = len(state.shared.servers)
            yield GaugeMetricFamily(
                "netchat_cluster_servers", "Servers of the cluster", value=servers
            )

    def _counters(self, links: LinkSums) -> Iterator[Metric]:
        chat, traffic = self._chat, self._chat.traffic
        for name, text, value in (
            ("messages", "Messages sent to rooms, each counted once", traffic.messages),
            ("deliveries", "Events sent to members of rooms", chat.state.deliveries),
            ("received_bytes", "Bytes received from clients", traffic.bytes_in),
            ("sent_bytes", "Bytes sent to clients", traffic.bytes_out),
            ("stalls", "Times that a client stopped reading", traffic.stalls),
            ("warnings", "Warnings in the log", self._notes.warnings),
            *((name, text, links.counters[key]) for name, key, text in LINK_METRICS),
        ):
            yield CounterMetricFamily(f"netchat_{name}", text, value=value)


def _histogram(name: str, text: str, times: TimeHistogram) -> HistogramMetricFamily:
    bounds = [*map(str, BOUNDS), "+Inf"]
    return HistogramMetricFamily(
        f"netchat_{name}",
        text,
        buckets=list(zip(bounds, map(float, times.cumulative()), strict=True)),
        sum_value=times.total,
    )
