"""Captures that arrive through a pipe, packet by packet."""

from __future__ import annotations

import fcntl
import json
import shutil
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from netchat.packets import PcapngWriter, read, read_packets
from tests.packets.namespaces import needs_root, network

NETCHAT = (sys.executable, "-m", "netchat")
CAPTURES = Path(__file__).parents[2] / "captures"
TIMEOUT = 30


def inspect(*options: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*NETCHAT, "inspect", *options],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0,
    )  # fmt: skip


@pytest.mark.slow
def test_messages_appear_while_the_pipe_is_open(tmp_path: Path) -> None:
    # From the middle: a first segment is held back until it is clear that none precedes it.
    packets = list(read_packets(CAPTURES / "two-users.pcapng"))[10:]
    with PcapngWriter(tmp_path / "middle.pcapng") as out:
        for packet in packets:
            out.write(packet)
    carriers = [message.packets[-1] for message in read(tmp_path / "middle.pcapng")]
    process = inspect("-", "--json", "-Y", "message")
    out = PcapngWriter(process.stdin)
    shown = []
    for number, packet in enumerate(packets, 1):
        out.write(packet)
        out.flush()
        for _ in range(carriers.count(number)):
            shown.append(json.loads(process.stdout.readline())["packets"][-1])  # noqa: PERF401
    assert sorted(shown) == sorted(carriers)
    assert len(shown) > 8
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, err) == (0, b"")


@pytest.mark.slow
@pytest.mark.parametrize("cut", [0, 20])
def test_ctrl_c_ends_the_input_and_not_the_program(cut: int) -> None:
    data = (CAPTURES / "two-users.pcapng").read_bytes()
    process = inspect("--stats", "--tcp")  # a pipe is the default
    process.stdin.write(data[: len(data) - cut])
    while int.from_bytes(fcntl.ioctl(process.stdin, termios.FIONREAD, bytes(4)), sys.byteorder):
        time.sleep(0.05)  # until it reads
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, err) == (0, b"")
    assert out.count(b"RTT of SEND") == 2


def test_without_a_capture() -> None:
    for options in ((), ("--stats",)):
        done = subprocess.run(
            [*NETCHAT, "inspect", *options], stdin=subprocess.DEVNULL, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 2
        assert "Missing argument 'FILE'" in done.stderr


def recorders() -> list[list[str]]:
    lines = [
        ["tcpdump", "-i", "lo", "-U", "-w", "-", "port", "6464"],
        ["dumpcap", "-i", "lo", "-q", "-w", "-", "-f", "port 6464"],
        ["tshark", "-i", "lo", "-q", "-w", "-", "-f", "port 6464"],
    ]
    return [line for line in lines if shutil.which(line[0])]


@needs_root
@pytest.mark.slow
@pytest.mark.parametrize("line", recorders(), ids=lambda line: line[0])
def test_real_recorders(line: list[str]) -> None:
    with network() as prefix:
        serve = subprocess.Popen(
            [*prefix, *NETCHAT, "serve", "--ephemeral", "--no-web"],
            stderr=subprocess.PIPE,
            text=True,
        )
        recorder = subprocess.Popen(
            [*prefix, *line], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        shown = subprocess.Popen(
            [*NETCHAT, "inspect", "-", "-Y", "type == SEND", "-T", "fields", "-e", "text"],
            stdin=recorder.stdout, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            while "listening" not in serve.stderr.readline():
                assert serve.poll() is None
            said = ""
            while (
                "listening on lo" not in said and "Capturing on" not in said and "File:" not in said
            ):
                said = recorder.stderr.readline()
                assert said, "the recorder has ended"
            client = subprocess.Popen(
                [*prefix, *NETCHAT, "client", "--name", "Nova", "--no-state"],
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, bufsize=1,
            )  # fmt: skip
            for text in ("one", "two"):
                client.stdin.write(f"{text}\n")
                client.stdin.flush()
                assert shown.stdout.readline() == f"{text}\n"  # while all are running
            client.stdin.close()
            client.wait(TIMEOUT)
            recorder.send_signal(signal.SIGINT)
            _, err = shown.communicate(timeout=TIMEOUT)
            assert (shown.returncode, err) == (0, "")
        finally:
            for process in (serve, recorder, shown):
                process.kill()
                process.communicate()
