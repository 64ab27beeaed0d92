"""`python -m tests.bench.packets`: speed of netchat and other programs at reading a capture.

Generates a capture of a busy chat (ten users in the lobby, handshakes, delayed acknowledgements), or
reads a real one with --file, and lets every reader count its messages. With --file, the expected
count is that of `read()`. The result is packets per second of CPU time, user and system, in a
separate process, start-up included. tshark uses the project's dissector. Scapy would take minutes,
so it reads fewer packets.

The rows with TLS read the same chat over TLS 1.3, between OpenSSL's client and server, from a capture that
contains the secrets.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from itertools import islice
from pathlib import Path

from netchat import wire
from netchat.packets import Packet, PcapngWriter, read, read_packets
from tests.packets.segments import ACK, PSH, Talk
from tests.packets.tls_talk import TlsTalk

WORDS = ("the", "chat", "is", "a", "frame", "in", "a", "segment", "on", "a", "wire", "all", "see")

_INSPECT = [sys.executable, "-m", "netchat", "inspect", "--stats"]
_API = """
import sys
from netchat.packets import read
print(sum(1 for message in read(sys.argv[1])))
"""
_SCAPY = """
import sys
from scapy.config import conf
conf.load_layers = ["l2", "inet"]
from scapy.layers.inet import TCP
from scapy.sendrecv import sniff
from scapy.sessions import TCPSession
from netchat.packets.scapy import NCP
count = 0
def look(packet):
    global count
    count += sum(layer is NCP for layer in packet.layers())
sniff(offline=sys.argv[1], session=TCPSession, prn=look, store=False)
print(count)
"""


def make_capture(
    path: Path, packets: int, members: int = 10, seed: int = 1, *, tls: bool = False
) -> int:
    """Write a busy chat of about `packets` packets; return the number of messages."""
    choose = random.Random(seed)
    talks = [Talk(client_port=50000 + n, isn=(n * 7919, n * 104729)) for n in range(members)]
    secured: list[TlsTalk] = []

    def add(number: int, side: int, frame: bytes) -> None:
        if tls:
            secured[number].say(side, frame)
        else:
            talks[number].add(side, ACK | PSH, frame)

    time, messages, written = 1_700_000_000_000_000_000, 0, 0
    unacked = [0] * members
    with PcapngWriter(path) as out:

        def flush() -> None:
            nonlocal time, written
            for talk in talks:
                for packet in talk.packets:
                    written += 1
                    time += choose.randrange(2_000, 40_000)
                    out.write(Packet(written, time, packet.link, packet.data, packet.length))
                talk.packets.clear()

        for number, talk in enumerate(talks):
            talk.open()
            if tls:
                secured.append(TlsTalk(talk))
                out.secrets(secured[number].key_log)
            name = f"user{number}"
            hello = wire.Hello(0, bytes([number]) * 16, b"", name, "netchat", ())
            add(number, 0, wire.encode(hello))
            welcome = wire.Welcome(
                0, number, number + 1, 0, 65536, 16384, 120, 0, bytes(32), name, "netchat", ()
            )
            add(number, 1, wire.encode(welcome))
            messages += 2
        flush()
        seq = 0
        while written < packets:
            sender, seq = choose.randrange(members), seq + 1
            text = " ".join(choose.choices(WORDS, k=choose.randrange(2, 20)))
            add(sender, 0, wire.encode(wire.Send(seq, "lobby", text)))
            event = wire.Event(
                seq, time // 1000, sender + 1, seq, 1, "lobby", f"user{sender}", text
            )
            frame = wire.encode(event)
            messages += 1 + members
            flush()
            for number, talk in enumerate(talks):
                add(number, 1, frame)
                unacked[number] += 1
                if unacked[number] > 3:  # delayed acknowledgements
                    talk.add(0, ACK)
                    unacked[number] = 0
            flush()
    return messages


def cut(path: Path, short: Path, packets: int) -> None:
    """Copy the first packets of a capture to another file."""
    with PcapngWriter(short) as out:
        for packet in islice(read_packets(path), packets):
            out.write(packet)


def count_messages(path: Path) -> int:
    """Return the number of messages in a capture."""
    return sum(1 for _ in read(path))


def measure(command: list[str], env: dict[str, str]) -> tuple[float, int, str]:
    """Run a process; return its CPU time in s, peak memory in bytes, and output."""
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, stdout=output, stderr=errors, env=env)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if process.returncode:
            raise SystemExit(f"{command[:4]} failed: {errors.read()[-400:]}")
        text = output.read()
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, text


def found(reader: str, output: str) -> int:
    """Return the number of messages in a reader's output."""
    if reader.startswith("inspect"):
        return sum(
            int(line.split()[3].replace(",", ""))
            for line in output.splitlines()
            if " messages" in line
        )
    if reader.startswith("tshark"):
        return sum(len(line.split(",")) for line in output.splitlines() if line)
    return int(output)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packets", type=int, default=200_000)
    parser.add_argument(
        "--slow-packets", type=int, default=10_000, help="packets for Scapy to read"
    )
    parser.add_argument("--members", type=int, default=10, help="users in the chat")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--file", type=Path, help="capture to read instead of a generated one")
    parser.add_argument("--keep", type=Path, help="file to keep the generated capture in")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = options.file or options.keep or Path(folder) / "chat.pcapng"
        short, encrypted = Path(folder) / "short.pcapng", Path(folder) / "tls.pcapng"
        if options.file:
            options.packets = sum(1 for _ in read_packets(path))
            messages = count_messages(path)
            cut(path, short, options.slow_packets)
            fewer = count_messages(short)
        else:
            messages = make_capture(path, options.packets, options.members)
            fewer = make_capture(short, options.slow_packets, options.members)
        dissector = Path(__file__).parents[2] / "netchat" / "packets" / "wireshark" / "netchat.lua"
        home = {**os.environ, "HOME": folder, "XDG_CONFIG_HOME": folder}
        # reader: command, expected messages, packets
        readers: dict[str, tuple[list[str], int, int]] = {
            "inspect --stats": ([*_INSPECT, str(path)], messages, options.packets),
            "read()": ([sys.executable, "-c", _API, str(path)], messages, options.packets),
        }
        if shutil.which("tshark") and dissector.is_file():
            command = ["tshark", "-r", str(path), "-X", f"lua_script:{dissector}"]
            command += ["-T", "fields", "-e", "netchat.type"]
            readers["tshark, our dissector"] = (command, messages, options.packets)
        if not options.file:
            hidden = make_capture(encrypted, options.packets, options.members, tls=True)
            for name, (command, _, _) in list(readers.items()):
                secure = [str(encrypted) if part == str(path) else part for part in command]
                readers[f"{name}, TLS"] = (secure, hidden, options.packets)
        readers["Scapy TCPSession"] = (
            [sys.executable, "-c", _SCAPY, str(short)], fewer, options.slow_packets,
        )  # fmt: skip
        rows = {}
        for name, (command, wanted, packets) in readers.items():
            rounds = options.rounds if packets == options.packets else 1
            runs = [measure(command, home) for _ in range(rounds)]
            seconds = sorted(run[0] for run in runs)[len(runs) // 2]
            rows[name] = {
                "packets": packets,
                "messages": wanted,
                "cpu_s": seconds,
                "packets_per_cpu_s": packets / seconds,
                "memory_mb": max(run[1] for run in runs) / 1e6,
                "found": found(name, runs[0][2]),
            }
    if options.json:
        print(json.dumps(rows))
        return
    own = rows["inspect --stats"]["packets_per_cpu_s"]
    own_tls = rows.get("inspect --stats, TLS", rows["inspect --stats"])["packets_per_cpu_s"]
    print(f"{options.packets} packets, {messages} messages; median of {options.rounds} rounds")
    print(
        f"{'reader':<28}{'packets/CPU s':>14}{'memory MB':>11}{'messages found':>16}"
        f"{'inspect / this':>26}"
    )
    for name, row in rows.items():
        rate = row["packets_per_cpu_s"]
        mine = own_tls if name.endswith("TLS") else own
        part = f"{100 * row['found'] / row['messages']:.1f} %"
        print(f"{name:<28}{rate:>14,.0f}{row['memory_mb']:>11.0f}{part:>16}{mine / rate:>26.1f}")


if __name__ == "__main__":
    main()
