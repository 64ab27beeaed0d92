"""`netchat sniff`, with a real server and a real client in a network namespace."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys

import pytest

from netchat.exit_codes import NOT_PERMITTED
from netchat.packets import PcapngWriter, read, read_packets
from tests.packets.namespaces import needs_root, network

NETCHAT = (sys.executable, "-m", "netchat")
TIMEOUT = 30


@pytest.fixture
def inside():
    with network() as prefix:
        started = []

        def start(*command, ready=""):
            process = subprocess.Popen(
                [*prefix, *NETCHAT, *command],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
            started.append(process)
            while ready and ready not in process.stderr.readline():
                assert process.poll() is None
            return process

        yield start
        for process in started:
            process.kill()
            process.communicate()


def chat(inside, *lines):
    inside("serve", "--ephemeral", ready="listening")
    client = inside("client", "--name", "Nova", "--no-state")
    client.communicate("".join(f"{line}\n" for line in lines), TIMEOUT)
    assert client.returncode == 0


@needs_root
def test_a_chat_is_shown_and_written_until_ctrl_c(inside, tmp_path):
    path = tmp_path / "chat.pcapng"
    sniff = inside(
        "sniff", "--write", str(path), ready="Listening on every interface, TCP and UDP port 6464"
    )
    chat(inside, "hello", "good bye")
    sniff.send_signal(signal.SIGINT)
    out, err = sniff.communicate(timeout=TIMEOUT)
    assert sniff.returncode == 0
    assert 'lobby #1 "hello"' in out
    assert out.count(" SEND ") == 2
    assert "the kernel dropped 0." in err
    # On a busy machine, the kernel retransmits even on loopback (tail loss probes).
    assert re.search(r"0 gaps of 0 bytes in all, \d+ retransmissions?, 0 segments out of", err)
    assert "0 frames with a wrong CRC-32" in err
    again = subprocess.run(
        [*NETCHAT, "inspect", str(path)], capture_output=True, text=True, check=True
    )
    assert again.stdout.count(" SEND ") == 2
    assert len(again.stdout.splitlines()) == len(out.splitlines())


@needs_root
def test_a_set_of_files_has_every_packet(inside, tmp_path):
    sniff = inside(
        "sniff", "-i", "lo", "--write", str(tmp_path / "chat.pcapng"), "--rotate", "2kB",
        "--rotate", "1h", "-q", ready="Listening",
    )  # fmt: skip
    chat(inside, *(f"line {number}" for number in range(40)))
    sniff.send_signal(signal.SIGINT)
    _, err = sniff.communicate(timeout=TIMEOUT)
    assert sniff.returncode == 0
    files = sorted(tmp_path.iterdir())
    assert len(files) > 4
    assert f"Wrote {len(files)} files: {files[0]} to {files[-1].name}." in err
    packets = [packet for file in files for packet in read_packets(file)]
    assert f"{len(packets)} packets in" in err
    assert "the kernel dropped 0." in err
    with PcapngWriter(tmp_path / "all.pcapng") as out:
        for packet in packets:
            out.write(packet)
    texts = [m.fields["text"] for m in read(tmp_path / "all.pcapng").filter(type="SEND")]
    assert texts == [f"line {number}" for number in range(40)]


@needs_root
def test_json_of_one_type_stops_after_count(inside):
    sniff = inside(
        "sniff", "-i", "lo", "--json", "--type", "send", "--count", "1", ready="Listening"
    )
    chat(inside, "first", "second")
    out, err = sniff.communicate(timeout=TIMEOUT)
    assert sniff.returncode == 0
    (row,) = map(json.loads, out.splitlines())
    assert row["type"] == "SEND"
    assert row["fields"]["text"] == "first"
    summary = json.loads(err.splitlines()[-1])
    assert summary["item"] == "summary"
    assert summary["kernel_dropped"] == summary["gaps"] == 0


@needs_root
def test_chat_on_another_port_is_detected_and_duration_stops_it(inside):
    inside("serve", "--ephemeral", "--port", "7777", ready="listening")
    sniff = inside("sniff", "--port", "0", "--tree", "--duration", "3", ready="any TCP port")
    client = inside("client", "127.0.0.1:7777", "--name", "Nova", "--no-state")
    client.communicate("hello\n", TIMEOUT)
    out, _ = sniff.communicate(timeout=TIMEOUT)
    assert sniff.returncode == 0
    assert 'lobby #1 "hello"' in out
    assert "magic" in out


@needs_root
def test_a_capture_continues_without_a_reader(inside, tmp_path):
    path = tmp_path / "chat.pcapng"
    sniff = inside("sniff", "--write", str(path), "--duration", "4", ready="Listening")
    sniff.stdout.close()
    sniff.stdout = None
    chat(inside, "hello")
    sniff.wait(TIMEOUT)
    again = subprocess.run(
        [*NETCHAT, "inspect", str(path)], capture_output=True, text=True, check=False
    )
    assert again.returncode == 0, again.stderr


@needs_root
def test_an_unknown_interface(inside):
    sniff = inside("sniff", "-i", "nowhere")
    _, err = sniff.communicate(timeout=TIMEOUT)
    assert sniff.returncode == 1
    assert err.startswith("netchat: Unknown interface nowhere; use any, lo")


@pytest.mark.skipif(not hasattr(os, "fork") or sys.platform != "linux", reason="Linux's rights")
def test_without_permission_the_remedies_are_shown(monkeypatch, capsys):
    import socket

    from netchat.cli.sniff import sniff

    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(socket, "socket", refuse)
    assert sniff.main([], standalone_mode=False) == NOT_PERMITTED
    err = capsys.readouterr().err
    for way in ("sudo ", "setcap cap_net_raw+ep ", "unshare -rn"):
        assert way in err


@needs_root
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv is not installed")
def test_without_permission_the_exit_code_is_4():
    command = ["setpriv", "--bounding-set", "-net_raw", *NETCHAT, "sniff", "--duration", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == NOT_PERMITTED
    assert done.stdout == ""
    assert all(way in done.stderr for way in ("sudo ", "setcap cap_net_raw+ep /", "unshare -rn"))


def test_options_that_cannot_be_combined(capsys):
    import click

    from netchat.cli.sniff import sniff

    for options in (["--json", "--hex"], ["-q", "--count", "1"]):
        with pytest.raises(click.UsageError):
            sniff.main(options, standalone_mode=False)
