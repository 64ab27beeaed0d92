"""`netchat serve --udp` and `--udp` of client and load, as processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.cli.chatter import Chatter
from tests.end_to_end.processes import ROOT, Server, free_port

LINK = ("--udp", "--link", "rs:255,223", "--channel", "bsc:1e-3", "--seed", "1")


def load(port: int, *options: str) -> dict:
    done = subprocess.run(
        [*(sys.executable, "-m", "netchat", "load", f"127.0.0.1:{port}", "--json"), *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_a_chat_over_udp_survives_a_server_that_is_killed(tmp_path: Path) -> None:
    """No message is lost or duplicated, and the order is the same for all users."""
    options = ("--udp", "--history", str(tmp_path / "history.db"), "--rate", "0")
    lines = [f"line {number}" for number in range(300)]
    with (
        Server(*options, port=free_port()) as server,
        Chatter("Plain", server.port) as plain,
        Chatter("Nova", server.port, *LINK, state=tmp_path) as nova,
    ):
        plain.see("[join] Nova joined the chat")
        nova.say(*lines[:150])
        plain.see("Nova: line 20")
        server.kill()
        nova.say(*lines[150:])
        server.start()
        plain.see(f"Nova: {lines[-1]}")
        nova.say("/link")
        nova.see("link      rs:255,223; open")
        assert nova.end() == 0
        plain.end()
        assert server.complaints == []

    said = [f"Nova: {line}" for line in lines]
    for one in (nova, plain):
        assert [line for line in one.out if line.startswith("Nova: ")] == said


def test_links_that_adapt_and_every_delivery_is_right() -> None:
    with Server("--ephemeral", "--udp", "--rate", "0") as server:
        options = ("--users", "3", "--senders", "2", "--messages", "600", "--seed", "1")
        report = load(server.port, *options, "--udp", "--link", "adaptive", "--channel", "bsc:5e-3")
        over_tcp = load(server.port, *options, "--link", "adaptive", "--channel", "bsc:5e-3")
        assert server.complaints == []

    for one in (report, over_tcp):
        assert one["ok"]
        assert one["deliveries"] == 3600
        assert one["reconnects"] == one["broken"] == 0
        assert one["link"]["link"] == "adaptive"
        assert one["link"]["corrected_symbols"] > 500
    assert report["link"]["udp"] is True
    assert over_tcp["link"]["udp"] is False


def test_a_udp_port_that_is_taken_is_named() -> None:
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "netchat", "serve", "--ephemeral", "--udp", "--port", str(port)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )

    assert done.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{port}" in done.stderr
