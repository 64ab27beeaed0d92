"""`sudo python -m tests.bench.live`: capacity of live capture.

Sends chat messages, one per packet, at a steady rate over a veth pair in a separate network
namespace. `netchat sniff` listens on the other end: first with --write, then decoding and printing
JSON. Counts the packets sent, dropped by the kernel, and present in the output.

The sender uses a ring (PACKET_TX_RING), so that one system call sends hundreds of packets.
"""

from __future__ import annotations

import argparse
import json
import mmap
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from netchat import wire
from netchat.packets import read_packets
from tests.packets.segments import ACK, PSH, ethernet, ipv4, tcp

NAMESPACE = "netchat-bench-live"
PORT = wire.DEFAULT_PORT

_SOL_PACKET, _VERSION, _TX_RING, _V1, _V2 = 263, 10, 13, 0, 1
_SEND_REQUEST, _FRAME, _DATA_AT, _FRAMES = 1, 512, 32, 512
_SEQUENCE_AT = 38


def message() -> bytes:
    """Return an encoded EVENT of typical size."""
    text = "the chat is a frame in a segment in a packet"
    return wire.encode(wire.Event(1, 1, 2, 3, 1, "lobby", "Nova", text))


class Sender:
    """Sends messages in one TCP stream, one per packet, at a given rate."""

    def __init__(self, interface: str) -> None:
        payload = message()
        body = tcp(PORT, 50000, 0, 1, ACK | PSH, payload)
        self.packet = ethernet(ipv4("10.0.0.2", "10.0.0.1", body))
        self._step = len(payload)
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._socket.setsockopt(_SOL_PACKET, _VERSION, _V2)
        size = _FRAME * _FRAMES
        ring_request = struct.pack("=4I", mmap.PAGESIZE, size // mmap.PAGESIZE, _FRAME, _FRAMES)
        self._socket.setsockopt(_SOL_PACKET, _TX_RING, ring_request)
        self._socket.bind((interface, 0))
        self._ring = np.frombuffer(mmap.mmap(self._socket.fileno(), size), np.uint8)
        self._ring = self._ring.reshape(_FRAMES, _FRAME)
        self._heads = self._ring.view(np.uint32)
        self._heads[:, 1] = len(self.packet)
        data = np.frombuffer(self.packet, np.uint8)
        self._ring[:, _DATA_AT : _DATA_AT + len(data)] = data
        self._offsets = np.arange(_FRAMES, dtype=np.uint64) * self._step
        self.sent = 0

    def batch(self) -> None:
        """Send one full ring of packets."""
        first = self.sent * self._step + 1
        seq = ((self._offsets + np.uint64(first)) & np.uint64(0xFFFFFFFF)).astype(">u4")
        at = _DATA_AT + _SEQUENCE_AT
        self._ring[:, at : at + 4] = seq.view(np.uint8).reshape(-1, 4)
        self._heads[:, 0] = _SEND_REQUEST
        self._socket.send(b"")
        if self._heads[:, 0].any():
            raise SystemExit("the kernel did not send all packets of the ring")
        self.sent += _FRAMES

    def run(self, rate: float, seconds: float) -> tuple[int, float]:
        """Send at a steady rate; return the number of packets and the duration in seconds."""
        began = time.monotonic()
        while self.sent < rate * seconds:
            self.batch()
            ahead = began + self.sent / rate - time.monotonic()
            if ahead > 0:
                time.sleep(ahead)
        return self.sent, time.monotonic() - began


def measure(rate: float, seconds: float, *options: str, output: Path) -> dict[str, object]:
    """Run sniff under load and return its figures."""
    command = ["ip", "netns", "exec", NAMESPACE, sys.executable, "-m", "netchat", "sniff"]
    with output.open("w") as out:
        sniff = subprocess.Popen(
            [*command, "-i", "right", "--json", *options],
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert sniff.stderr is not None
        sniff.stderr.readline()  # printed once sniff listens
        arguments = [sys.executable, "-m", "tests.bench.live", "--send", str(rate), str(seconds)]
        sender = subprocess.run(
            ["ip", "netns", "exec", NAMESPACE, *arguments],
            capture_output=True,
            text=True,
            check=True,
        )
        sent, took = json.loads(sender.stdout)
        sniff.send_signal(signal.SIGINT)
        ended = time.monotonic()
        summary = json.loads(sniff.stderr.read().splitlines()[-1])
        sniff.wait()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "sent": sent,
        "rate": sent / took,
        "captured": summary["packets"],
        "kernel_dropped": summary["kernel_dropped"],
        "passed_over": summary["passed_over"],
        "messages": summary["messages"],
        "seconds_behind": time.monotonic() - ended,
        "memory_mb": usage.ru_maxrss / 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write-rate", type=float, default=100_000)
    parser.add_argument("--json-rate", type=float, default=30_000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--send", nargs=2, type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.send:
        print(json.dumps(Sender("left").run(*options.send)))
        return
    if os.geteuid() != 0:
        sys.exit("This benchmark needs root: run it with sudo.")
    subprocess.run(["ip", "netns", "del", NAMESPACE], capture_output=True, check=False)
    with tempfile.TemporaryDirectory() as folder:
        capture, lines = Path(folder, "live.pcapng"), Path(folder, "live.json")
        try:
            subprocess.run(["ip", "netns", "add", NAMESPACE], check=True)
            at = ["ip", "-n", NAMESPACE, "link"]
            subprocess.run(
                [*at, "add", "left", "type", "veth", "peer", "name", "right"], check=True
            )
            for end in ("left", "right"):
                subprocess.run([*at, "set", end, "up"], check=True)
            written = measure(
                options.write_rate, options.seconds, "-q", "--write", str(capture), output=lines
            )
            written["in_file"] = sum(1 for _ in read_packets(capture))
            printed = measure(options.json_rate, options.seconds, output=lines)
            with lines.open() as file:
                printed["printed"] = sum('"item": "decoded"' in line for line in file)
        finally:
            subprocess.run(["ip", "netns", "del", NAMESPACE], check=False)
    rows = {"--write": written, "--json": printed}
    if options.json:
        print(json.dumps(rows))
        return
    for name, row in rows.items():
        print(f"sniff {name}")
        for key, value in row.items():
            print(
                f"  {key:<16}{value:>14,.1f}"
                if isinstance(value, float)
                else f"  {key:<16}{value:>14,}"
            )


if __name__ == "__main__":
    main()
