"""`python -m tests.bench.files --size 1000`: transfers of files, and what they cost the chat.

Uploads a file of that many megabytes, then downloads it with one client and with several at once, each in
a process of its own. Meanwhile two users exchange messages over their own connections; the latency of a
message is that until its sender has its event. The figures are MB/s, the p50 and p99 of the latency in
milliseconds, the largest resident memory of the server, and its CPU seconds per gigabyte.

The hash rate is that of one core in the same run: client and server both compute the SHA-256 of each byte.

`--tls` transfers the file over TLS, and copies it with `scp` to this machine in the same run, if
OpenSSH is installed.
"""

from __future__ import annotations

import argparse
import asyncio
import getpass
import hashlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

import netchat
from netchat.net.event_loop import run
from netchat.net.tls.server import TlsServer
from tests.end_to_end.processes import Server, free_port

__all__ = ["main"]

#: Messages per second of the users who chat.
RATE = 50

#: Program of a client that sends or saves the file, and prints the seconds that the transfer took.
_CLIENT = """
import asyncio, sys, time
from pathlib import Path
import netchat
from netchat.net.event_loop import run

async def main(address, ca, name, do, path):
    async with netchat.Client(address, name=name, ca=ca or None) as chat:
        room = await chat.join("lobby")
        begun = []
        def progress(done, size):
            begun or begun.append(time.monotonic())
        if do == "send":
            event = await room.send_file(path, progress=progress)
            Path(path).with_suffix(".seq").write_text(str(event.seq))
        else:
            seq = int((Path(path) / "file.seq").read_text())
            (event,) = await room.history(1, before=seq + 1)
            await chat.save_file(event, Path(path) / name, progress=progress)
        print(time.monotonic() - begun[0])

run(main(*sys.argv[1:]))
"""


class Chat:
    """Two users who exchange messages, and the latencies of these."""

    def __init__(self) -> None:
        self.latencies: list[float] = []

    async def talk(self, room: netchat.Room) -> None:
        while True:
            begun = time.perf_counter()
            await room.send("hello")
            self.latencies.append((time.perf_counter() - begun) * 1000)
            await asyncio.sleep(random.uniform(0.5, 1.5) / RATE)

    def take(self) -> tuple[float, float, int]:
        """Return p50 and p99 in milliseconds and the number of messages since the last call."""
        found, self.latencies = sorted(self.latencies), []
        if not found:
            return float("nan"), float("nan"), 0
        return found[len(found) // 2], found[int(len(found) * 0.99)], len(found)


async def _transfer(address: str, ca: str, names: Sequence[str], do: str, path: Path) -> float:
    """Run clients at once; return the seconds of the slowest one."""
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", _CLIENT, address, ca, name, do, str(path), stdout=subprocess.PIPE
        )
        for name in names
    ]
    outputs = await asyncio.gather(*(process.communicate() for process in processes))
    return max(float(out) for out, _ in outputs)


async def _measure(
    server: Server, ca: str, folder: Path, size: int, clients: int, idle: float, *, has_chat: bool
) -> None:
    chat, memory, process = Chat(), [0], psutil.Process(server.pid)

    async def watch() -> None:
        while True:
            memory[0] = max(memory[0], process.memory_info().rss)
            await asyncio.sleep(0.05)

    address = f"{'tls://' if ca else ''}127.0.0.1:{server.port}"
    async with (
        netchat.Client(address, name="Nova", ca=ca or None) as nova,
        netchat.Client(address, name="Sourav", ca=ca or None) as sourav,
    ):
        rooms = [await user.join("lobby") for user in (nova, sourav)]
        tasks = [asyncio.create_task(chat.talk(room)) for room in rooms if has_chat]
        tasks.append(asyncio.create_task(watch()))
        if has_chat:
            await asyncio.sleep(1)
            chat.take()
            await asyncio.sleep(idle)
            _line("idle", None, chat.take(), memory)
        for name, do, names, path in (
            ("upload", "send", ["Sender"], folder / "file.bin"),
            ("download", "save", ["Reader"], folder),
            (f"{clients} downloads", "save", [f"R{n}" for n in range(clients)], folder),
        ):
            before = _cpu(process)
            seconds = await _transfer(address, ca, names, do, path)
            total = size * len(names)
            spent = (_cpu(process) - before) * 1e9 / total
            _line(name, total / 1e6 / seconds, chat.take(), memory, f"{spent:.1f}")
        for task in tasks:
            task.cancel()


def _scp(folder: Path, size: int) -> None:
    """Copy the file with scp from a server on this machine, and print the rate."""
    sshd, scp = shutil.which("sshd"), shutil.which("scp")
    if sshd is None or scp is None:
        print("scp: OpenSSH is not installed")
        return
    port, own = free_port(), folder / "ssh"
    own.mkdir(mode=0o700)
    for name in ("host", "user"):
        keygen = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(own / name)]
        subprocess.run(keygen, check=True)
    shutil.copy(own / "user.pub", own / "authorized")
    Path("/run/sshd").mkdir(exist_ok=True)
    options = [
        f"ListenAddress=127.0.0.1:{port}", f"HostKey={own / 'host'}", "StrictModes=no",
        f"AuthorizedKeysFile={own / 'authorized'}", "PidFile=none", "Subsystem=sftp internal-sftp",
    ]  # fmt: skip
    server = subprocess.Popen([sshd, "-D", "-f", "/dev/null", *(f"-o{each}" for each in options)])
    try:
        command = [
            scp, "-q", "-P", str(port), "-i", str(own / "user"), "-oStrictHostKeyChecking=no",
            "-oUserKnownHostsFile=/dev/null", "-oLogLevel=ERROR",
        ]  # fmt: skip
        target = f"{getpass.getuser()}@127.0.0.1:{folder / 'copy.bin'}"
        for _ in range(50):  # until the server listens
            begun = time.monotonic()
            done = subprocess.run([*command, str(folder / "file.bin"), target], capture_output=True)
            if not done.returncode:
                break
            time.sleep(0.1)
        else:
            print("scp:", done.stderr.decode(errors="replace").strip())
            return
        print(f"{'scp':<14} {size / 1e6 / (time.monotonic() - begun):>8.0f}")
    finally:
        server.kill()
        server.wait()


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _line(
    name: str,
    rate: float | None,
    chat: tuple[float, float, int],
    memory: list[int],
    spent: str = "",
) -> None:
    shown = "" if rate is None else f"{rate:.0f}"
    p50, p99, count = chat
    mib = memory[0] / 2**20
    print(
        f"{name:<14} {shown:>8} {p50:>10.2f} {p99:>10.2f} {count:>9} {mib:>10.0f} {spent:>9}",
        flush=True,
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1000, help="Megabytes of the file.")
    parser.add_argument("--clients", type=int, default=4, help="Downloads at once.")
    parser.add_argument("--idle", type=float, default=10, help="Seconds without a transfer.")
    parser.add_argument("--no-chat", action="store_true", help="Only transfer files.")
    parser.add_argument("--tls", action="store_true", help="Transfer over TLS, and with scp.")
    options = parser.parse_args()
    size = options.size * 10**6
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        block = os.urandom(10**6)
        with (folder / "file.bin").open("wb") as file:
            for _ in range(options.size):
                file.write(block)
        begun = time.process_time()
        for _ in range(200):
            hashlib.sha256(block)
        print(f"SHA-256 on one core: {200 / (time.process_time() - begun):.0f} MB/s")
        limits = ("--max-file", "100GB", "--file-quota", "100GB", "--file-space", "100GB")
        serve: tuple[str, ...] = ("--history", str(folder / "history.db"), "--no-web", *limits)
        ca = ""
        if options.tls:
            files = TlsServer(folder=folder / "tls").files
            serve += ("--tls-cert", str(files.chain), "--tls-key", str(files.key))
            ca = str(files.ca)
        with Server(*serve) as server:
            head = ("", "MB/s", "p50 (ms)", "p99 (ms)", "messages", "RSS (MiB)", "CPU s/GB")
            print(
                f"{head[0]:<14} {head[1]:>8} {head[2]:>10} {head[3]:>10} {head[4]:>9} {head[5]:>10}"
            )
            has_chat = not options.no_chat
            clients, idle = options.clients, options.idle
            run(_measure(server, ca, folder, size, clients, idle, has_chat=has_chat))
        if options.tls:
            _scp(folder, size)


if __name__ == "__main__":
    main()
