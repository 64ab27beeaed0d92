"""`netchat client` in a pipe, against a real server: what a user gets, to the letter."""

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

from netchat.wire import Error, ErrorCode, EventKind, Hello, Join, Message, RoomKind, Send, encode
from tests.cli.chatter import Chatter
from tests.end_to_end.processes import ROOT, Server, free_port


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with Server("--ephemeral") as server:
        yield server.port


@contextmanager
def raw(port: int, *messages: Message) -> Iterator[socket.socket]:
    """A client of bare bytes, which sends what no decent client would."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as peer:
        peer.sendall(b"".join(map(encode, messages)))
        yield peer


def hello(name: str) -> Hello:
    return Hello(0, os.urandom(16), b"", name, "bare bytes", ())


def test_the_example_is_printed_to_the_letter(port):
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
            "[who] nobody else is here yet",
        ]
        assert sourav.err[-1] == "[who] 2 in the lobby: Nova, Sourav"


def test_everything_is_delivered_in_order_before_it_leaves(port):
    lines = [f"line {number}" for number in range(1000)]
    with Chatter("Pipe", port) as chatter:
        chatter.say(*lines, "the last, without a line feed")
        assert chatter.end() == 0
        said = [line.removeprefix("Pipe: ") for line in chatter.out if line.startswith("Pipe: ")]
        assert said == [*lines, "the last, without a line feed"]


def run(port: int, *options: str, stdin: int | IO[str]) -> subprocess.CompletedProcess[str]:
    """A client whose standard input is something else than a pipe."""
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


def test_a_file_can_be_standard_input(port, tmp_path):
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


def test_a_closed_standard_input_is_an_empty_one(port):
    command = f"{sys.executable} -m netchat client 127.0.0.1:{port} --name Closed --no-state <&-"
    done = subprocess.run(
        ["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, "[join] Closed joined the chat\n")


def test_commands_are_carried_out_between_the_lines_around_them(port):
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
    assert history == ["[join] Maker joined the room", "Maker: in the room"]
    assert sum("[who] 1 in the room " in line for line in chatter.out) == 1


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


def test_a_name_that_cannot_be_is_an_error_with_a_suggestion(port):
    with Chatter("no spaces!", port) as chatter:
        assert chatter.wait() == 1
        assert "nospaces is free." in chatter.err[0]


def test_without_a_name_a_pipe_is_told_what_is_missing(port):
    done = run(port, stdin=subprocess.DEVNULL)
    assert done.returncode == 2
    assert "--name" in done.stderr


def test_an_address_that_is_none_is_wrong_usage():
    command = [sys.executable, "-m", "netchat", "client", "127.0.0.1:99999", "--name", "Nova"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "invalid address" in done.stderr


def test_no_server_is_told_with_what_to_do():
    port = free_port()
    with Chatter("Nova", port) as chatter:
        assert chatter.wait() == 3
        assert chatter.err == [
            f"netchat: No server at 127.0.0.1:{port} (Connection refused). "
            "Start one there with: netchat serve"
        ]


@contextmanager
def listener(answer: bytes) -> Iterator[Chatter]:
    """A client of something that listens, and answers every connection in the same way."""
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        Chatter("Nova", other.getsockname()[1]) as chatter,
    ):
        peer, _ = other.accept()
        with peer:
            peer.sendall(answer)
            yield chatter


def test_something_else_than_a_chat_server_is_no_place_to_chat():
    with listener(b"HTTP/1.1 400 Bad Request\r\n\r\n") as chatter:
        assert chatter.wait() == 3
        assert "is no place to chat: the server broke the protocol" in chatter.err[0]


def test_what_cannot_be_said_or_done_is_told_and_the_rest_goes_on(port):
    with Chatter("Clumsy", port) as chatter:
        chatter.say("x" * 20_000, "beep \x07", "/frob", "/msg Nobody hi", "still here")
        assert chatter.end() == 1
        assert chatter.out == ["[join] Clumsy joined the chat", "Clumsy: still here"]
        for text in (
            "[error] The message has 20000 bytes; this server takes 16384. Send it in parts.",
            "[error] The message holds the control character U+0007",
            "[error] There is no command /frob",
            "[not delivered] 'hi': There is nobody called Nobody",
        ):
            chatter.see(text, err=True)


def test_hostile_text_cannot_fake_a_line_or_reach_the_terminal(port):
    evil = "hi\n[leave] Nova left the chat\n\u202egnissap"
    with Chatter("Victim", port) as victim:
        victim.see("[join] Victim")
        messages = (hello("Eve"), Join(1, 0, 0, "lobby"), Send(1, "lobby", evil))
        with raw(port, *messages, Send(2, "lobby", "\x1b[2J"), Send(3, "lobby", "done")):
            victim.see("Eve: done")
        assert "Eve: hi\\n[leave] Nova left the chat\\n\\u202egnissap" in victim.out
        assert not any("\x1b" in line or line.startswith("[leave] Nova") for line in victim.out)


def test_a_hostile_server_cannot_reach_the_terminal_either():
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
            sourav.see("your session goes on", err=True)
        nova.see("[leave] Sourav")
        assert nova.end() == 0
        assert nova.out.count("Sourav: while the server was down") == 1
        assert nova.out[-1] == "[leave] Sourav left the chat"


def _wait_for_bytes(state: Path, wanted: bytes) -> None:
    deadline = time.monotonic() + 20
    while not any(wanted in file.read_bytes() for file in state.glob("netchat/*")):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_patience_ends_and_what_was_not_delivered_is_counted():
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


def test_a_reader_that_goes_away_is_no_crash_and_the_client_leaves(port):
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
            # A pipe tells of its reader's end at the next write only.
            for number in range(10):
                speaker.say(f"line {number}")
                time.sleep(0.1)
            speaker.see("[leave] Head left the chat")
            out, err = head.communicate(timeout=30)
        assert out == "[join] Head joined the chat\n"
        assert "Traceback" not in err
        assert "Exception" not in err


def test_json_has_one_object_for_each_happening(port):
    with Chatter("Robot", port, "--json") as robot:
        robot.say("beep", "/rooms", "/frob")
        assert robot.end() == 1
        assert robot.err == []
        objects = [json.loads(line) for line in robot.out]
    types = [o["type"] for o in objects]
    assert types[:4] == ["online", "entered", "join", "people"]
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


def test_a_memory_in_use_is_gone_without(port, tmp_path):
    with Chatter("Twin", port, state=tmp_path) as first:
        first.see("[join] Twin")
        with Chatter("twin", port, state=tmp_path) as second:
            assert second.wait() == 1
            assert len(second.err) == 1
            assert "taken" in second.err[0]
