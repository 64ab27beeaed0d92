"""`python -m tests.bench.tui`: start of the full-screen apps, and opening a large capture.

Runs each program in a pseudo-terminal until its screen shows a text, and prints the median of the time, of
the CPU time and of the peak memory. The floor is an app of Textual that shows one line. The ratios to the
floor depend less on the machine, and on its other work, than the times do. For the capture, the time is that
until the whole file is indexed; decoding goes on in the background, and its CPU time is not included.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import pty
import re
import resource
import select
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tests.bench.packets import make_capture
from tests.end_to_end.processes import Server

TIMEOUT = 120.0

FLOOR = """
from textual.app import App
from textual.widgets import Static
class Least(App):
    def compose(self):
        yield Static("this is the floor")
Least().run()
"""


class Run(NamedTuple):
    """One start of a program."""

    seconds: float
    cpu: float
    memory: float


_ESCAPES = re.compile(
    rb"\x1b\[[0-9;?<>$u=]*[A-Za-z]|\x1b\][^\x07\x1b]*(\x07|\x1b\\)|\x1bP[^\x1b]*\x1b\\"
)


def start(command: list[str], text: str) -> Run:
    """Run a program in a terminal until it shows a text, then kill it."""
    begun = time.perf_counter()
    child, terminal = pty.fork()
    if not child:
        os.environ["TERM"] = "xterm-256color"
        with contextlib.suppress(OSError):
            os.execv(command[0], command)
        os._exit(127)
    import fcntl
    import struct
    import termios

    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    shown = b""
    wanted = text.encode()
    while time.perf_counter() - begun < TIMEOUT:
        if not select.select([terminal], [], [], 1.0)[0]:
            continue
        try:
            shown += os.read(terminal, 65536)
        except OSError:
            break
        if wanted in _ESCAPES.sub(b"", shown):
            break
        shown = shown[-400_000:]
    else:
        last = _ESCAPES.sub(b"", shown)[-500:].decode(errors="replace")
        raise SystemExit(f"{command[:4]} did not show {text!r}, but: {last}")
    seconds = time.perf_counter() - begun
    usage = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
    cpu = (int(usage[11]) + int(usage[12])) / os.sysconf("SC_CLK_TCK")
    status = Path(f"/proc/{child}/status").read_text()
    memory = int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]
    os.kill(child, signal.SIGKILL)
    os.close(terminal)
    os.waitpid(child, 0)
    return Run(seconds, cpu, memory)


def median(runs: list[Run]) -> Run:
    return Run(*(statistics.median(values) for values in zip(*runs, strict=True)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--packets", type=int, default=1_000_000)
    parser.add_argument("--file", type=Path, help="capture with this number of packets")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    python = sys.executable
    with tempfile.TemporaryDirectory() as folder, Server() as server:
        capture = options.file or Path(folder) / "many.pcapng"
        if options.file is None:
            make_capture(capture, options.packets)
        packets = sum(1 for _ in _packets(capture))
        netchat = [python, "-m", "netchat"]
        chat = [*netchat, "tui", f"127.0.0.1:{server.port}", "--no-state", "--name"]
        users = (
            f"User{os.getpid()}-{number}" for number in itertools.count()
        )  # a killed client keeps its name
        programs = {
            "floor: one line in Textual": ([python, "-c", FLOOR], "this is the floor"),
            "netchat tui, until online": (chat, "  ·  online"),
            f"inspect --tui, {packets:,} packets": (
                [*netchat, "inspect", str(capture), "--tui"], f"{packets:,} packets",
            ),
        }  # fmt: skip
        print(f"{'':<40}{'s':>8}{'CPU s':>8}{'MB':>8}{'CPU / floor':>13}")
        floor = 0.0
        for name, (command, text) in programs.items():
            runs = []
            for _ in range(options.rounds + 1):
                named = [next(users)] if command is chat else []
                runs.append(start([*command, *named], text))
            run = median(runs[1:])  # the first one reads the files from disk
            floor = floor or run.cpu
            ratio = run.cpu / floor
            print(f"{name:<40}{run.seconds:>8.2f}{run.cpu:>8.2f}{run.memory:>8.0f}{ratio:>13.1f}")


def _packets(path: Path):
    from netchat.packets import read_packets

    return read_packets(path)


if __name__ == "__main__":
    main()
