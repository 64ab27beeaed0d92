"""`netchat client --link … --channel …`, `/link` and `netchat load`, as processes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.cli.chatter import Chatter
from tests.end_to_end.processes import ROOT, Server


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with Server("--ephemeral", "--rate", "0") as server:
        yield server.port
        assert server.complaints == []


@pytest.mark.parametrize(
    ("link", "channel"), [("rs:255,223", "bsc:1e-3"), ("rs:255,127+hamming:7,4", "bsc:1e-2")]
)
def test_a_chat_over_a_noisy_line_is_as_if_nothing_were_wrong(
    port: int, link: str, channel: str
) -> None:
    lines = [f"line {number}" for number in range(500)]
    options = ("--link", link, "--channel", channel, "--seed", "1")
    with Chatter("Plain", port) as plain, Chatter("Nova", port, *options) as nova:
        plain.see("[join] Nova joined the chat")
        nova.say(*lines)
        plain.see(f"Nova: {lines[-1]}")
        nova.say("/link")
        nova.see("link")
        assert nova.end() == 0
        plain.end()

    said = [f"Nova: {line}" for line in lines]
    for one in (nova, plain):
        assert [line for line in one.out if line.startswith("Nova: ")] == said
    table = {line.split()[0]: line for line in nova.out[-10:]}
    assert list(table) == [
        "link", "reason", "recovery", "sent", "received", "repaired", "channel", "rate", "capacity",
        "goodput",
    ]  # fmt: skip
    assert table["link"] == f"link      {link}; open"
    assert table["reason"] == "reason    fixed, requested by the client"
    assert " 0 symbols" not in table["repaired"]
    assert f"simulated here: {channel}" in table["channel"]


def test_the_state_of_a_link_for_programs(port: int) -> None:
    options = ("--link", "hamming:7,4", "--channel", "bsc:1e-4", "--seed", "1", "--json")
    with Chatter("Log", port, *options) as log:
        log.say("hello", "/link")
        assert log.end() == 0

    (link,) = [json.loads(line) for line in log.out if json.loads(line)["type"] == "link"]
    assert link["open"] is True
    assert link["code_out"] == link["code_in"] == "hamming:7,4"
    assert link["channel"] == "bsc:1e-4"
    assert link["delivered"] > 0
    assert 0.4 < link["code_rate"] < 0.6
    assert not any(json.loads(line)["type"] == "answer" for line in log.out)


def test_without_a_link_there_is_no_link_to_show(port: int) -> None:
    with Chatter("Bare", port) as bare:
        bare.say("/link")
        bare.see(
            "There is no link: frames are sent uncoded. To use one, start with --link rs:255,223."
        )
        assert bare.end() == 0


def test_without_a_link_a_noisy_line_breaks_the_chat_and_says_why(port: int) -> None:
    options = ("--link", "none", "--channel", "bsc:1e-2", "--seed", "1", "--patience", "1s")
    with Chatter("Lost", port, *options) as lost:
        assert lost.end() == 3

    (told,) = [line for line in lost.err if line.startswith("netchat: ")]
    assert "CRC-32 says" in told or "broke the protocol" in told
    assert "detected the damage" in told
    assert "the channel bsc:1e-2 has flipped" in told
    assert "Try --link rs:255,223" in told


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--link", "turbo"), "a link cannot use the code 'turbo'"),
        (("--link", "my_code.py:Mine"), "a link cannot use the code"),
        (("--channel", "fog:1"), "'fog:1' is not a channel"),
        (("--channel", "bec:0.1"), "a byte stream supports only bit errors"),
    ],
)
def test_wrong_options_are_explained(port: int, options: tuple[str, str], told: str) -> None:
    with Chatter("Odd", port, *options) as odd:
        assert odd.end() == 2

    assert options[0] in "".join(odd.err)
    assert told in " ".join(" ".join(odd.err).split())


def test_ten_thousand_messages_arrive_exactly_once_over_a_noisy_line(port: int) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "netchat", "load", f"127.0.0.1:{port}", "--json"),
            *("--users", "2", "--messages", "10000", "--seed", "1"),
            *("--link", "rs:255,223", "--channel", "bsc:1e-3"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    report = json.loads(done.stdout)

    assert report["ok"]
    assert report["deliveries"] == 20_000
    assert report["reconnects"] == report["broken"] == 0
    link = report["link"]
    assert link["wrong_bits"] == pytest.approx(link["bytes_received"] * 8e-3, rel=0.1)
    assert link["corrected_symbols"] > 1000
