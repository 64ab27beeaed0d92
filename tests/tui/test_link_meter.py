"""Samples and rows of a link pane, with two real links connected in memory."""

from __future__ import annotations

from types import SimpleNamespace

from netchat.link.link import Link
from netchat.tui.link_meter import LinkMeter


def test_without_a_link_there_is_nothing_to_show():
    for path in (None, SimpleNamespace(link=None, channel="bsc:1e-3")):
        meter = LinkMeter(SimpleNamespace(path=path))
        assert not meter.has_link
        assert not meter.sample(1.0)
        assert meter.rows(1.0) is None


def test_counters_and_samples_follow_a_noisy_link():
    client, server, now = Link.client("rs:255,223"), Link.server(), 1.0
    meter = LinkMeter(SimpleNamespace(path=SimpleNamespace(link=client, channel="bsc:1e-3")))
    assert meter.has_link
    rows = meter.rows(now)
    assert rows.state.startswith("rs:255,223 · not open yet")
    assert (meter.sample(now), meter.sample(now + 0.5)) == (True, False)
    sent = bytes(range(256)) * 4
    client.send(sent)
    received = b""
    for _ in range(10):
        now += 0.01
        client.tick(now)
        server.tick(now)
        data = bytearray(client.data_to_send(now))
        if len(data) > 200:
            data[120] ^= 0x40  # one wrong symbol
        server.receive(bytes(data), now)
        received += server.received(now)
        client.receive(server.data_to_send(now), now)
    assert received == sent
    rows = meter.rows(now)
    assert rows.state.startswith("rs:255,223 · open")
    blocks = client.stats.counters()["blocks_sent"]
    assert rows.blocks.startswith(f"{blocks:,} sent, ")
    assert rows.noise.endswith("simulated: bsc:1e-3")
    assert "0 symbols" in rows.repaired  # the server corrected one, the client none
    assert meter.sample(now + 1.0)
    assert meter.goodput_out[-1] > 0
    assert len(meter.goodput_out) == len(meter.goodput_in) == 3
    far = LinkMeter(SimpleNamespace(path=SimpleNamespace(link=server, channel=None)))
    assert far.rows(now).repaired.startswith("1 symbol, ")
    assert "simulated" not in far.rows(now).noise
