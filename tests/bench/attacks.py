"""Effect of attacks on other users and on the server: `python -m tests.bench.attacks`.

Two members of the lobby chat; the time a message takes from one to the other is measured in turn on
an idle machine, under the same attack on another server of this machine (*elsewhere*), and under the
attack on their own server, so that a slow moment of the machine hits all three. The attacker needs
CPU time, which its victims then lack on any server; the ratio of the last two shows what the server
adds. Each p99 is the median of three windows of 250 messages, which begin a second after the attack.
The servers run with their default settings, their histories on disk, their consoles written to files,
the kernels of links in the cache, and loaded if the attack uses links.

As root, the servers and the two members run with real-time priority (`chrt -f 10`). The attackers and
other programs then take no CPU time from them, as if they ran on other machines, and what remains is
the delay that the server adds. `--ordinary` leaves the priorities unchanged.

*Memory* is the maximum resident memory, *anonymous* the part of it that is not in files. The rest are
pages of libraries, which all processes share, and which the system can drop at any time.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from netchat.link.code_table import warm_up
from netchat.link.link import Link
from tests.end_to_end.attacks import ATTACKS
from tests.end_to_end.probe import Probe
from tests.end_to_end.processes import ROOT, free_port
from tests.end_to_end.raw import RawClient

MB = 1024 * 1024

#: Seconds that an attack lasts.
SECONDS = 5.0


class ProcessUsage(threading.Thread):
    """Records a server's memory and its console.

    Attributes:
        memory: Maximum resident memory, in bytes.
        anonymous: Maximum of the part of it that no file backs, in bytes.
        log: Bytes per second that it wrote to its console.
        cpu: Share of one core that it used.
    """

    def __init__(self, process: psutil.Process, console: Path) -> None:
        super().__init__(daemon=True)
        self._process, self._console = process, console
        self._over = threading.Event()
        self.memory, self.anonymous, self.log, self.cpu = 0, 0, 0.0, 0.0

    def run(self) -> None:
        began, size = time.monotonic(), self._console.stat().st_size
        used = sum(self._process.cpu_times()[:2])
        while not self._over.wait(0.05):
            info = self._process.memory_info()
            self.memory = max(self.memory, info.rss)
            self.anonymous = max(self.anonymous, info.rss - getattr(info, "shared", 0))
        seconds = time.monotonic() - began
        self.log = (self._console.stat().st_size - size) / seconds
        self.cpu = (sum(self._process.cpu_times()[:2]) - used) / seconds

    def stop(self) -> None:
        self._over.set()
        self.join()


#: Command that gives a server real-time priority.
PRIORITY = ["chrt", "-f", "10"]

#: Start of the servers' command: `PRIORITY`, or nothing.
_priority: list[str] = []


def raise_priority() -> None:
    """Run this process with real-time priority, but not its children."""
    policy = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
    os.sched_setscheduler(0, policy, os.sched_param(10))


def can_raise_priority() -> bool:
    return sys.platform == "linux" and os.geteuid() == 0 and shutil.which("chrt") is not None


@contextmanager
def server(folder: Path, *options: str) -> Iterator[tuple[int, int, psutil.Process, Path]]:
    """Run a server with its page; yield its ports, its process and its console."""
    port, web, console = free_port(), free_port(), folder / "console"
    command = [
        *_priority,
        sys.executable,
        "-m",
        "netchat",
        "serve",
        "--accounts",
        "optional",
        "--port",
        str(port),
        "--web-port",
        str(web),
    ]
    with console.open("wb") as file:
        process = subprocess.Popen(
            [*command, "--history", str(folder / "history.db"), *options],
            cwd=ROOT, stderr=file, stdout=file, env={**os.environ, "XDG_DATA_HOME": str(folder)},
        )  # fmt: skip
        try:
            deadline = time.monotonic() + 30
            while b"page" not in console.read_bytes() and time.monotonic() < deadline:
                time.sleep(0.05)
            yield port, web, psutil.Process(process.pid), console
        finally:
            process.kill()
            process.wait()


@contextmanager
def _attacking(attack: str, port: int, web: int) -> Iterator[None]:
    """Attack a server; enter the block a second after the attack has begun, and wait for its end."""
    command = [sys.executable, "-m", "tests.end_to_end.attacks", attack]
    command += [str(port), str(web), str(SECONDS)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as attacker:
        assert attacker.stdout is not None
        assert attacker.stdout.readline() == b"begun\n"
        time.sleep(1)  # it uses up its burst allowance
        yield
        attacker.wait()


def _load_links(port: int) -> None:
    """Open a link, so that the server loads what links need."""
    client = Link.client("uncoded")
    with socket.create_connection(("127.0.0.1", port), timeout=120) as connection:
        connection.sendall(client.data_to_send(0.0))
        while not client.opened:
            client.receive(connection.recv(4096), 0.0)


def run(attack: str, rounds: int) -> dict[str, float]:
    """Measure one row of the table."""
    options = ("--tls",) if attack.endswith("_tls") else ()
    idle, elsewhere, attacked, logs, cpu, memory, anonymous = [], [], [], [], [], 0, 0
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryDirectory() as other_folder,
        server(Path(folder), *options) as (port, web, process, console),
        server(Path(other_folder), *options) as (other_port, other_web, _, _),
        Probe(port) as probe,
    ):
        if attack.startswith("link_"):
            _load_links(port)
            _load_links(other_port)
        probe.p99()  # warm up
        for _ in range(rounds):
            idle.append(probe.typical())
            with _attacking(attack, other_port, other_web):
                elsewhere.append(probe.typical())
            watch = ProcessUsage(process, console)
            watch.start()
            with _attacking(attack, port, web):
                attacked.append(probe.typical())
                with RawClient(port, "Newcomer", device=b"N" * 16):
                    pass  # a new client is still admitted
            watch.stop()
            memory = max(memory, watch.memory)
            anonymous = max(anonymous, watch.anonymous)
            logs.append(watch.log)
            cpu.append(watch.cpu)
    return {
        "idle": statistics.median(idle),
        "elsewhere": statistics.median(elsewhere),
        "attacked": statistics.median(attacked),
        "memory": memory,
        "anonymous": anonymous,
        "log": statistics.median(logs),
        "cpu": statistics.median(cpu),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "attacks", nargs="*", metavar="ATTACK", help="Attacks to run; by default all."
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--ordinary", action="store_true", help="Do not use real-time priorities, even as root."
    )
    options = parser.parse_args()
    unknown = set(options.attacks) - set(ATTACKS)
    if unknown:
        parser.error(f"unknown attacks {', '.join(unknown)}; there are {', '.join(ATTACKS)}")
    warm_up()
    if not options.ordinary and can_raise_priority():
        raise_priority()
        _priority[:] = PRIORITY
    print("| attack | p99 idle | elsewhere | attacked | ratio | CPU | memory | anonymous | log |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for attack in options.attacks or ATTACKS:
        row = run(attack, options.rounds)
        print(
            f"| {attack} | {row['idle'] * 1e3:.1f} ms | {row['elsewhere'] * 1e3:.1f} ms "
            f"| {row['attacked'] * 1e3:.1f} ms | {row['attacked'] / row['elsewhere']:.2f} | {row['cpu']:.0%} "
            f"| {row['memory'] / MB:.0f} MB | {row['anonymous'] / MB:.0f} MB | {row['log'] / 1e3:.1f} kB/s |",
            flush=True,
        )


if __name__ == "__main__":
    main()
