"""Throughput over time."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from netchat import wire
from netchat.packets import read, read_capture
from netchat.packets.views.throughput import Throughput, _rate
from tests.packets.story import decoded

CAPTURES = Path(__file__).parents[3] / "captures"


def test_every_byte_is_in_one_interval() -> None:
    path = CAPTURES / "room-of-three.pcapng"
    plot = Throughput()
    for item in read_capture(path):
        plot.add(item)
    rows = list(plot.as_dicts())
    assert 20 < len(rows) <= 40
    messages = list(read(path))
    for name, way in (("to_server", True), ("to_client", False)):
        chosen = [m for m in messages if m.to_server == way]
        assert sum(row[name]["bytes"] for row in rows) == sum(m.size for m in chosen)
        assert sum(row[name]["messages"] for row in rows) == len(chosen)
    for row in rows:
        inside = [
            m.size for m in messages if m.to_server
            and row["time"] <= m.conversation.elapsed(m.time) / 1e9 < row["time"] + row["seconds"]
        ]  # fmt: skip
        assert row["to_server"]["bytes"] == sum(inside)


def test_lines() -> None:
    plot = Throughput()
    for item in read_capture(CAPTURES / "retransmission.pcapng", trace=True):
        plot.add(item)
    head, names, *lines = plot.lines()
    assert "intervals of 0.016 s" in head
    assert names.split() == ["seconds", "→", "to", "server", "←", "to", "client"]
    assert lines[0].startswith("      0.000  ")
    (marked,) = [line for line in lines if " *1" in line]
    assert marked.lstrip().startswith("0.304")
    assert sum("█" * 24 in line for line in lines) == 1


def test_nothing_to_plot() -> None:
    assert list(Throughput().lines()) == ["No message to plot."]


@pytest.mark.parametrize("seconds", [0.001, 1, 1e6])
def test_memory_is_bounded(seconds: float) -> None:
    plot, ping = Throughput(), decoded(wire.Ping(1))
    choose = random.Random(1)
    for _ in range(2000):
        late = round(choose.random() * seconds * 1e9)
        plot.add(ping._replace(time=ping.conversation.began + late))
    rows = list(plot.as_dicts())
    assert len(rows) <= 40
    assert sum(row["to_server"]["messages"] + row["to_client"]["messages"] for row in rows) == 2000


def test_rates() -> None:
    rates = [999, 1500, 2_500_000, 3.5e9, 4.5e12]
    assert list(map(_rate, rates)) == ["999 B/s", "1.5 kB/s", "2.5 MB/s", "3.5 GB/s", "4500 GB/s"]
