"""Tests of the page's reconnects, run under node."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from netchat.web.site import PAGE

NODE = shutil.which("node")
SCRIPT = Path(__file__).with_name("connection.mjs")


def connections(*lasting: int, others: str = "") -> dict[str, list]:
    """Return the delays in ms after connections that were online for `lasting` ms, and their URLs."""
    assert NODE is not None
    command = [NODE, SCRIPT, PAGE / "connection.js", ",".join(map(str, lasting)), others]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)


@pytest.mark.skipif(NODE is None, reason="needs node")
def test_delays_grow_if_the_server_fails_right_after_welcome() -> None:
    waits = connections(10, 10, 10, 10, 10, 10, 10, 10)["waits"]
    assert waits == [200 * 2**i for i in range(6)] + [10_000] * 2


@pytest.mark.skipif(NODE is None, reason="needs node")
def test_a_stable_connection_resets_the_delay() -> None:
    assert connections(10, 10, 5000, 10)["waits"] == [200, 400, 200, 400]


@pytest.mark.skipif(NODE is None, reason="needs node")
def test_the_servers_of_a_cluster_take_turns() -> None:
    others = "https://b.example/,,javascript:alert(1),http://[::1]:8080/"
    assert connections(10, 10, 10, 10, others=others)["urls"] == [
        "ws://here/ws", "wss://b.example/ws", "ws://[::1]:8080/ws", "ws://here/ws",
    ]  # fmt: skip
