"""Transcript and ladder of one conversation."""

from __future__ import annotations

import os
import subprocess
import sys

from netchat import wire
from netchat.packets import PcapngWriter
from netchat.packets.browse import conversations
from netchat.packets.browse.conversations import follow_lines, ladder_around
from tests.end_to_end.processes import ROOT
from tests.packets.opened import opened
from tests.packets.segments import Talk

CAPTURED = ROOT / "captures"
PORTS = frozenset({6464})


def inspect(*arguments: str) -> list[str]:
    command = [sys.executable, "-m", "netchat", "inspect", *arguments]
    environment = os.environ | {"COLUMNS": "100"}
    done = subprocess.run(
        command, capture_output=True, encoding="utf-8", check=True, timeout=60, env=environment
    )
    return done.stdout.splitlines()


def test_the_transcript_is_that_of_inspect():
    path = CAPTURED / "room-of-three.pcapng"
    capture = opened(path)
    conversation = capture.items.conversations[0]
    lines = follow_lines(capture, conversation)
    assert lines == inspect(str(path), "--follow", "--user", conversation.user)
    assert len(lines) > 5
    capture.close()


def test_the_ladder_is_that_of_inspect():
    path = CAPTURED / "retransmission.pcapng"
    capture = opened(path)
    assert len(capture.items.conversations) == 1
    lines = [line.text for line in ladder_around(capture, 5, PORTS, 100)]
    assert lines == inspect(str(path), "--ladder")
    assert len(lines) > 5
    capture.close()


def test_a_long_ladder_begins_before_the_selected_packet(tmp_path, monkeypatch):
    monkeypatch.setattr(conversations, "MAX_ROWS", 60)
    monkeypatch.setattr(conversations, "_BEFORE", 10)
    path = tmp_path / "long.pcapng"
    talk = Talk().open()
    talk.say(0, wire.encode(wire.Hello(0, bytes(16), b"", "Nova", "test", ())))
    for number in range(200):
        talk.say(0, wire.encode(wire.Send(number, "lobby", f"text {number}")))
    with PcapngWriter(path) as out:
        for packet in talk.packets:
            out.write(packet)
    capture = opened(path)
    number = next(n for n in range(1, 999) if "text 150" in str(capture.packets[n].data))
    text = "\n".join(line.text for line in ladder_around(capture, number, PORTS, 100))
    assert "text 150" in text
    assert "Nova" in text.split("\n")[0]  # known from before
    assert "text 1 " not in text
    capture.close()


def test_a_packet_without_a_chat_has_no_ladder(tmp_path):
    capture = opened(CAPTURED / "two-users.pcapng")
    assert ladder_around(capture, 999, PORTS, 100) == []
    capture.close()
