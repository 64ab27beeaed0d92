"""Connections of OpenSSL's own programs: all suites, key updates, a retry.

A relay records what passes; tshark, with the same key log, is the oracle for the handshake messages.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import subprocess
import threading
import time

import pytest

from netchat.packets import Decoder, KeyLog, PcapngWriter, TlsRecord
from netchat.packets.tls.handshake import MESSAGES
from tests.packets.segments import ACK, PSH, Talk
from tests.packets.sharks import TSHARK, needs_tshark
from tests.packets.tls_talk import certificate

OPENSSL = shutil.which("openssl")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed"),
]

TIMEOUT = 30
SUITES = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")


class Relay:
    """Relay of one connection, which records it as a `Talk`."""

    def __init__(self, port: int, talk: Talk) -> None:
        self.talk = talk.open()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._server = port
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        client, _ = self._listener.accept()
        with client, socket.create_connection(("127.0.0.1", self._server)) as server:
            back = threading.Thread(target=self._copy, args=(1, server, client), daemon=True)
            back.start()
            self._copy(0, client, server)
            back.join(TIMEOUT)

    def _copy(self, side: int, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                with self._lock:
                    for at in range(0, len(data), 1448):
                        self.talk.add(side, ACK | PSH, data[at : at + 1448])
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def close(self) -> Talk:
        self._thread.join(TIMEOUT)
        self._listener.close()
        return self.talk.close()


@contextlib.contextmanager
def s_server(*options: str):
    """Run `openssl s_server`; yield its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [OPENSSL, "s_server", "-accept", f"127.0.0.1:{port}", "-cert", str(certificate()),
               "-key", str(certificate()), "-tls1_3", *options]  # fmt: skip
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        try:
            for line in process.stdout:
                if b"ACCEPT" in line:
                    break
            threading.Thread(target=process.stdout.read, daemon=True).start()
            yield port
        finally:
            process.kill()


def s_client(port, talk: Talk, log, script: list[bytes], *options: str, is_done=None) -> Talk:
    """Run `openssl s_client` through a relay with lines to type; return the recorded connection.

    After a line of several letters, wait for its echo; after a command, for `is_done`.
    """
    is_done = is_done or (lambda process: b"KEYUPDATE" in heard_of(process))
    relay = Relay(port, talk)
    command = [OPENSSL, "s_client", "-connect", f"127.0.0.1:{relay.port}", "-tls1_3",
               "-keylogfile", str(log), "-servername", "chat.lab", *options]  # fmt: skip
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        for line in script:
            process.stdin.write(line)
            process.stdin.flush()
            wanted = line[:-1][::-1]
            deadline = time.monotonic() + TIMEOUT
            while len(line) > 2 and wanted not in heard_of(process) and time.monotonic() < deadline:
                time.sleep(0.01)
            while len(line) == 2 and not is_done(process) and time.monotonic() < deadline:
                time.sleep(0.01)
            if len(line) == 2:  # s_client drops what it reads together with a command
                time.sleep(0.3)
        process.stdin.write(b"Q\n")
        process.stdin.close()
        process.wait(TIMEOUT)
    return relay.close()


HEARD: dict[int, bytearray] = {}


def heard_of(process: subprocess.Popen) -> bytes:
    """Return what a program has printed so far."""
    if process.pid not in HEARD:
        HEARD[process.pid] = buffer = bytearray()

        def read() -> None:
            with contextlib.suppress(ValueError, OSError):
                while data := process.stdout.read1():
                    buffer.extend(data)

        threading.Thread(target=read, daemon=True).start()
    return bytes(HEARD[process.pid])


def decode(talk: Talk, log) -> list[TlsRecord]:
    keys = KeyLog()
    keys.add(log.read_bytes())
    decoder = Decoder(keys=keys)
    items = [item for packet in talk.packets for item in decoder.feed(packet)] + decoder.finish()
    return [item for item in items if isinstance(item, TlsRecord)]


def said(records: list[TlsRecord], *, to_server: bool) -> bytes:
    found = [r.content for r in records if r.carries_messages and r.to_server is to_server]
    return b"".join(found)


def compare_with_tshark(records: list[TlsRecord], talk: Talk, log, path) -> None:
    """Compare the handshake messages in each packet, and the lengths of the records."""
    with PcapngWriter(path) as out:
        for packet in talk.packets:
            out.write(packet)
    done = subprocess.run(
        [TSHARK, "-n", "-r", str(path), "-d", "tcp.port==6464,tls", "-o", f"tls.keylog_file:{log}",
         "-T", "fields", "-e", "frame.number", "-e", "tls.handshake.type", "-e", "tls.record.length"],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    names = {name: number for number, name in MESSAGES.items()} | {"HelloRetryRequest": 2}
    theirs, ours = {}, {}
    for line in done.stdout.splitlines():
        number, types, lengths = line.split("\t")
        if lengths:
            theirs[int(number)] = (
                [int(text) for text in types.split(",") if text],
                len(lengths.split(",")),
            )
    for record in records:
        types, count = ours.get(record.packets[-1], ([], 0))
        told = [names[name] for name in re.findall(r"[A-Z]\w+", record.text) if name in names]
        ours[record.packets[-1]] = types + told, count + 1
    assert {k: v[0] for k, v in ours.items()} == {k: v[0] for k, v in theirs.items()}
    assert {k: v[1] for k, v in ours.items()} == {k: v[1] for k, v in theirs.items()}


@needs_tshark
@pytest.mark.parametrize("suite", SUITES)
def test_suites_and_key_updates(suite, tmp_path):
    log = tmp_path / "keys.log"
    with s_server("-rev", "-ciphersuites", suite) as port:
        script = [b"hello\n", b"K\n", b"again\n", b"k\n", b"third\n"]
        talk = s_client(port, Talk(), log, script)
    records = decode(talk, log)
    assert not [record.reason for record in records if record.reason]
    assert suite in next(r.text for r in records if r.text.startswith("ServerHello"))
    assert said(records, to_server=True) == b"hello\nagain\nthird\n"
    assert said(records, to_server=False) == b"olleh\nniaga\ndriht\n"
    state = records[0].conversation.tls
    assert (state.to_server.key_updates, state.to_client.key_updates) == (2, 1)
    compare_with_tshark(records, talk, log, tmp_path / "t.pcapng")


@needs_tshark
def test_a_retry(tmp_path):
    log = tmp_path / "keys.log"
    with s_server("-rev", "-groups", "P-256") as port:
        talk = s_client(port, Talk(), log, [b"hello\n"], "-groups", "X25519:P-256")
    records = decode(talk, log)
    assert any(r.text.startswith("HelloRetryRequest") for r in records)
    assert said(records, to_server=False) == b"olleh\n"
    compare_with_tshark(records, talk, log, tmp_path / "t.pcapng")
