"""The status report of a link."""

from __future__ import annotations

import json

import pytest

from netchat.link.link import Link
from netchat.link.status_report import link_report
from tests.link.world import World


def test_the_report_of_an_open_link() -> None:
    world = World(Link.client("rs:255,223", "hamming:7,4"))
    world.carry(bytes(5000), b"hello")
    world.run(lambda: not world.client.buffered)
    world.client.send(b"not acknowledged yet")

    report = link_report(world.client, world.now)

    assert json.loads(json.dumps(report)) == report
    assert (report["open"], report["closed"], report["mode"]) == (True, "", "hybrid")
    assert (report["code_out"], report["code_in"]) == ("rs:255,223", "hamming:7,4")
    assert report["unacknowledged"] == 20
    assert report["round_trip"] == pytest.approx(0.02, abs=0.005)
    assert report["goodput_out"] > 0
    assert report["goodput_in"] == 10  # 5 bytes in a slot of half a second
    assert report["payload_sent"] == 5000
    assert report["capacity"] == 1
    assert 0.7 < report["efficiency"] < 0.88


def test_the_capacity_is_that_of_the_reported_bit_error_rate() -> None:
    world = World(Link.client("rs:255,127"))
    world.run(lambda: world.client.opened)
    world.channel("bsc:2e-2")
    world.carry(bytes(100_000), seconds=100)
    world.run(lambda: not world.client.buffered)

    report = link_report(world.client, world.now)

    assert report["capacity"] == pytest.approx(0.8586, abs=0.005)  # 1 - H(0.02)


def test_the_report_of_a_server_that_waits_for_open() -> None:
    report = link_report(Link.server(), 0.0)

    assert (report["open"], report["mode"]) == (False, None)
    assert (report["why"], report["code_out"]) == ("", "")
    assert report["bit_error_rate"] is None
    assert (report["efficiency"], report["capacity"]) == (None, None)
