"""`netchat client` in a pipe, against a real server: exact output and exit codes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from netchat.wire import (
    Error,
    ErrorCode,
    EventKind,
    Hello,
    Join,
    Message,
    Pong,
    RoomKind,
    Send,
    encode,
)
from tests.cli.chatter import Chatter
from tests.end_to_end.processes import ROOT, Server, free_port


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with Server("--ephemeral") as server:
        yield server.port


@contextmanager
def raw(port: int, *messages: Message) -> Iterator[socket.socket]:
    """Send raw frames that the real client would not send."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as peer:
        peer.sendall(b"".join(map(encode, messages)))
        yield peer


def hello(name: str) -> Hello:
    return Hello(0, os.urandom(16), b"", name, "bare bytes", ())


def test_output_matches_the_example(port):
    with Chatter("Nova", port) as nova:
        nova.see("[join] Nova joined the chat")
        with Chatter("Sourav", port) as sourav:
            sourav.say("Hello everyone")
            nova.see("Sourav: Hello everyone")
            nova.say("/msg sourav psst")
            sourav.see("Nova -> you: psst")
            assert nova.end() == 0
            sourav.see("[leave] Nova left the chat")
            assert sourav.end() == 0
            assert sourav.out == [
                "[join] Sourav joined the chat",
                "Sourav: Hello everyone",
                "Nova -> you: psst",
                "[leave] Nova left the chat",
            ]
        assert nova.out == [
            "[join] Nova joined the chat",
            "[join] Sourav joined the chat",
            "Sourav: Hello everyone",
            "you -> Sourav: psst",
        ]
        assert nova.err == [
            f"[online] you are Nova on 127.0.0.1:{port}",
            "[room] you are in the lobby",
            "[who] no one else is here yet",
        ]
        assert sourav.err[-1] == "[who] 2 in the lobby: Nova, Sourav"


def test_client_exits_after_every_line_is_delivered_in_order(port):
    lines = [f"line {number}" for number in range(1000)]
    with Chatter("Pipe", port) as chatter:
        chatter.say(*lines, "the last, without a line feed")
        assert chatter.end() == 0
        said = [line.removeprefix("Pipe: ") for line in chatter.out if line.startswith("Pipe: ")]
        assert said == [*lines, "the last, without a line feed"]


def run(port: int, *options: str, stdin: int | IO[str]) -> subprocess.CompletedProcess[str]:
    """Run a client whose standard input is not a pipe."""
    command = (sys.executable, "-m", "netchat", "client", f"127.0.0.1:{port}", "--no-state")
    return subprocess.run(
        [*command, *options],
        cwd=ROOT,
        stdin=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_standard_input_can_be_a_file(port, tmp_path):
    file = tmp_path / "lines"
    file.write_text("from a file\n")
    with file.open() as lines:
        done = run(port, "--name", "File", stdin=lines)
    assert done.returncode == 0
    assert done.stdout == "[join] File joined the chat\nFile: from a file\n"


def test_input_that_is_not_utf_8_is_reported(port, tmp_path):
    file = tmp_path / "lines"
    file.write_bytes(b"\xef\xbb\xbfhello\n\xe9t\xe9\n")
    with file.open() as lines:
        done = run(port, "--name", "Latin", stdin=lines)
    assert done.returncode == 0
    assert done.stdout == "[join] Latin joined the chat\nLatin: hello\nLatin: \ufffdt\ufffd\n"
    assert "[input] Line 2 of the input is not UTF-8: byte 1 is 0xe9." in done.stderr


def test_closed_standard_input_is_empty(port):
    command = f"{sys.executable} -m netchat client 127.0.0.1:{port} --name Closed --no-state <&-"
    done = subprocess.run(
        ["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, "[join] Closed joined the chat\n")


def test_commands_run_in_order_with_messages(port):
    with Chatter("Maker", port) as chatter:
        chatter.say(
            "in the lobby", "/create", "in the room", "/who", "/history 2", "/leave", "back"
        )
        chatter.say("/nick Baker", "as Baker", "quit", "never sent")
        assert chatter.wait() == 0
        events = [line for line in chatter.out if "[who]" not in line and ":0" not in line[:6]]
    assert [line for line in events if line[2:3] != ":"] == [
        "[join] Maker joined the chat",
        "Maker: in the lobby",
        "[join] Maker joined the room",
        "Maker: in the room",
        "Maker: back",
        "[rename] Maker is now Baker",
        "Baker: as Baker",
    ]
    history = [line[7:] for line in chatter.out if line[2:3] == ":"]
    assert history == ["[join] Maker joined the room", "#2 Maker: in the room"]
    assert (
        sum(line.startswith("[who] 1 in ") and line.endswith(": Maker") for line in chatter.out)
        == 1
    )


def test_an_unknown_room_is_an_error_and_nothing_is_sent(port):
    with Chatter("Lost", port, "--room", "ZZZZZ-ZZZZZ") as chatter:
        chatter.say("hello?")
        assert chatter.end() == 1
        assert chatter.out == []
        chatter.see("There is no room with the code ZZZZZZZZZZ", err=True)


def test_a_taken_name_is_an_error_with_a_suggestion(port):
    with Chatter("Taken", port) as first:
        first.see("[join] Taken")
        with Chatter("taken", port) as second:
            assert second.wait() == 1
            assert second.out == []
            assert second.err == [
                "netchat: The name taken is taken; choose another one. taken2 is free."
            ]


def test_an_invalid_name_is_an_error_with_a_suggestion(port):
    with Chatter("no spaces!", port) as chatter:
        assert chatter.wait() == 1
        assert "Try nospaces." in chatter.err[0]


def test_a_pipe_requires_a_name(port):
    done = run(port, stdin=subprocess.DEVNULL)
    assert done.returncode == 2
    assert "--name" in done.stderr


def test_an_invalid_address_is_a_usage_error():
    command = [sys.executable, "-m", "netchat", "client", "127.0.0.1:99999", "--name", "Nova"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "'127.0.0.1:99999' is not a valid address: write HOST, HOST:PORT" in done.stderr


def test_no_server_is_an_error_with_a_hint():
    port = free_port()
    with Chatter("Nova", port) as chatter:
        assert chatter.wait() == 3
        assert chatter.err == [
            f"netchat: No server at 127.0.0.1:{port} (Connection refused). "
            "Start one there with: netchat serve"
        ]


@contextmanager
def listener(answer: bytes) -> Iterator[Chatter]:
    """Run a client against a listener that sends the same bytes to every connection."""
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        Chatter("Nova", other.getsockname()[1]) as chatter,
    ):
        peer, _ = other.accept()
        with peer:
            peer.sendall(answer)
            yield chatter


def test_a_peer_that_is_not_a_chat_server_is_an_error():
    with listener(b"HTTP/1.1 400 Bad Request\r\n\r\n") as chatter:
        assert chatter.wait() == 3
        assert (
            "is not a netchat server: it speaks HTTP, so this is probably the port"
            in chatter.err[0]
        )
        assert "frame at byte" not in chatter.err[0]


def test_a_damaged_answer_is_not_taken_for_another_service():
    frame = encode(Pong(1))
    with listener(frame[:-1] + bytes([frame[-1] ^ 1])) as chatter:
        assert chatter.wait() == 3
        assert "could not be understood: the data was damaged on the way: PONG" in chatter.err[0]
        assert "Try --link rs:255,223" in chatter.err[0]


def test_rejected_lines_are_reported_and_the_rest_is_sent(port):
    with Chatter("Clumsy", port) as chatter:
        chatter.say("x" * 20_000, "beep \x07", "/frob", "/msg Stranger hi", "still here")
        assert chatter.end() == 1
        assert chatter.out == ["[join] Clumsy joined the chat", "Clumsy: still here"]
        for text in (
            "[error] A message must be at most 16384 bytes, got 20000. Send it in parts.",
            "[error] The message contains the control character U+0007",
            "[error] Unknown command /frob",
            "[not delivered] 'hi': There is no user named Stranger",
        ):
            chatter.see(text, err=True)


def test_hostile_text_cannot_forge_a_line_or_control_the_terminal(port):
    evil = "hi\n[leave] Nova left the chat\n\u202egnissap"
    with Chatter("Victim", port) as victim:
        victim.see("[join] Victim")
        messages = (hello("Eve"), Join(1, 0, 0, "lobby"), Send(1, "lobby", evil))
        with raw(port, *messages, Send(2, "lobby", "\x1b[2J"), Send(3, "lobby", "done")):
            victim.see("Eve: done")
        assert "Eve: hi\\n[leave] Nova left the chat\\n\\u202egnissap" in victim.out
        assert not any("\x1b" in line or line.startswith("[leave] Nova") for line in victim.out)


def test_a_hostile_server_cannot_control_the_terminal():
    error = Error(ErrorCode.BAD_FRAME, 0, 0, "\x1b[2Jno\nnetchat: fine", "")
    with listener(encode(error)) as chatter:
        assert chatter.wait() == 1
        assert chatter.err == ["netchat: \\x1b[2Jno\\nnetchat: fine"]


def test_a_killed_client_resumes_with_nothing_lost(tmp_path):
    port = free_port()
    history, state = tmp_path / "history.db", tmp_path / "state"
    with Server("--history", str(history), port=port) as server, Chatter("Nova", port) as nova:
        nova.see("[join] Nova")
        with Chatter("Sourav", port, state=state) as sourav:
            sourav.say("before")
            nova.see("Sourav: before")
            sourav.see("Sourav: before")
            server.kill()
            sourav.see("[offline]", err=True)
            sourav.say("while the server was down")
            _wait_for_bytes(state, b"while the server was down")
            assert sourav.signal(signal.SIGKILL) == -signal.SIGKILL
        server.start()
        nova.say("what was missed")
        nova.see("Nova: what was missed")
        with Chatter("Sourav", port, state=state) as sourav:
            sourav.say("after")
            assert sourav.end() == 0
            assert sourav.out == [
                "Nova: what was missed",
                "Sourav: while the server was down",
                "Sourav: after",
            ]
            sourav.see("session resumed", err=True)
        nova.see("[leave] Sourav")
        assert nova.end() == 0
        assert nova.out.count("Sourav: while the server was down") == 1
        assert nova.out[-1] == "[leave] Sourav left the chat"


def _wait_for_bytes(state: Path, wanted: bytes) -> None:
    deadline = time.monotonic() + 20
    while not any(wanted in file.read_bytes() for file in state.glob("netchat/*")):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_undelivered_messages_are_counted_after_the_timeout():
    with Server("--ephemeral") as server, Chatter("Nova", server.port, "--patience", "1s") as nova:
        nova.see("[join] Nova")
        server.kill()
        nova.see("[offline]", err=True)
        nova.say("one", "two")
        assert nova.wait() == 3
        assert nova.err[-2] == "[not delivered] 2 messages"
        assert nova.err[-1].startswith(f"netchat: 127.0.0.1:{server.port}: gave up: No server")
        assert nova.out == ["[join] Nova joined the chat"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_signals_leave_cleanly(port, number, code):
    name = f"Leaver{code}"
    with Chatter(f"Watcher{code}", port) as watcher:
        watcher.see("[join] Watcher")
        with Chatter(name, port) as leaver:
            watcher.see(f"[join] {name}")
            leaver.see(f"[join] {name}")
            assert leaver.signal(number) == code
            watcher.see(f"[leave] {name} left the chat")
            assert not any("Traceback" in line for line in leaver.err)


def test_the_client_leaves_when_its_reader_exits(port):
    command = (
        f"{sys.executable} -m netchat client 127.0.0.1:{port} --name Head --no-state | head -1"
    )
    with Chatter("Speaker", port) as speaker:
        speaker.see("[join] Speaker")
        with subprocess.Popen(
            ["sh", "-c", command],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as head:
            speaker.see("[join] Head")
            # A pipe reports that its reader has exited only at the next write.
            for number in range(10):
                speaker.say(f"line {number}")
                time.sleep(0.1)
            speaker.see("[leave] Head left the chat")
            out, err = head.communicate(timeout=30)
        assert out == "[join] Head joined the chat\n"
        assert "Traceback" not in err
        assert "Exception" not in err


def test_json_has_one_object_per_event(port):
    with Chatter("Robot", port, "--json") as robot:
        robot.see('"people"')  # on a busy machine, the echo may arrive before it
        robot.say("beep", "/rooms", "/frob")
        assert robot.end() == 1
        assert robot.err == []
        objects = [json.loads(line) for line in robot.out]
    types = [o["type"] for o in objects]
    assert types[:5] == ["online", "entered", "room-state", "join", "people"]
    assert types[-1] == "ended"
    (chat,) = [o for o in objects if o["type"] == "chat"]
    assert chat.pop("time") == pytest.approx(time.time(), abs=60)
    assert chat.pop("seq") > 0
    assert chat == {
        "type": EventKind.CHAT.name.lower(),
        "room": "lobby",
        "kind": RoomKind.LOBBY.name.lower(),
        "sender": "Robot",
        "text": "beep",
        "own": True,
        "late": False,
    }
    assert {"answer", "error", "leave"} <= set(types)


def test_a_state_file_in_use_is_not_used(port, tmp_path):
    with Chatter("Twin", port, state=tmp_path) as first:
        first.see("[join] Twin")
        with Chatter("twin", port, state=tmp_path) as second:
            assert second.wait() == 1
            assert len(second.err) == 1
            assert "taken" in second.err[0]
