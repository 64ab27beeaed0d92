"""`python -m tests.bench.start`: start-up times, each beside its floor.

Prints medians of the elapsed time and of the CPU time, and their ratios to the floor: to an empty Python
program, and for `netchat window` and `netchat tui` to the smallest program with the same toolkit. The rounds
of all programs alternate, so that other load on the machine affects them alike.
"""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.desktop.display import virtual_display
from tests.end_to_end.processes import Server

ROUNDS = 15

#: Seconds for a program to start on any machine.
TIMEOUT = 60.0

#: Prints "shown" once the login window is drawn.
WINDOW = """
import sys
from netchat.desktop import application
def run(self):
    self.root.update()
    print("shown", flush=True)
    sys.stdin.readline()
application.Application.run = run
from netchat.cli.main import main
sys.argv = ["netchat", "window", "--no-state", "--theme", "light"]
main()
"""

#: The smallest window with Tk.
TK = """
import sys, tkinter
from tkinter import ttk
root = tkinter.Tk()
ttk.Entry(root).pack()
root.update()
print("shown", flush=True)
sys.stdin.readline()
"""

#: The smallest app with Textual.
TEXTUAL = """
from textual.app import App
from textual.widgets import Input, Static
class Smallest(App):
    def compose(self):
        yield Static("shown")
        yield Input()
Smallest().run()
"""


class Start(NamedTuple):
    """One start: elapsed time and CPU time, in seconds."""

    elapsed: float
    cpu: float


def in_pipe(*arguments: str, until: str, error: bool = False, **environment: str) -> Start:
    """Start a Python program with pipes, until it prints a text, or ends if the text is empty."""
    begun = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, *arguments],
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if error else subprocess.DEVNULL,
        encoding="utf-8",
    ) as process:
        stream = process.stderr if error else process.stdout
        assert stream is not None
        for line in stream:
            if until and until in line:
                break
        start = _stop_clock(process.pid, begun)
        process.kill()
        stream.read()
    return start


def in_terminal(*arguments: str, until: bytes) -> Start:
    """Start a Python program in a terminal, until it shows a text."""
    begun = time.perf_counter()
    pid, terminal = pty.fork()
    if not pid:
        os.environ.update(TERM="xterm-256color", COLUMNS="100", LINES="30")
        os.execv(sys.executable, [sys.executable, *arguments])
    shown = b""
    with contextlib.suppress(OSError):  # the program has ended
        while until not in shown and time.perf_counter() - begun < TIMEOUT:
            shown += os.read(terminal, 65536)
    assert until in shown, shown[-500:]
    start = _stop_clock(pid, begun)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(terminal)
    return start


def _stop_clock(pid: int, begun: float) -> Start:
    """Return the time since the start, and the CPU time of all threads in nanosecond resolution (Linux)."""
    elapsed = time.perf_counter() - begun
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return Start(elapsed, sum(int(each.read_text("ascii").split()[0]) for each in threads) / 1e9)


def serve(event: str) -> Start:
    """Start a server, until an entry appears in its log."""
    with tempfile.TemporaryDirectory() as folder:
        options = ("--port", "0", "--history", f"{folder}/history.db")
        return in_pipe("-m", "netchat", "serve", *options, until=event, error=True)


def measure(programs: dict[str, Callable[[], Start]], floors: Sequence[str]) -> None:
    """Print the medians of programs, and the ratio to the last floor before each."""
    found: dict[str, list[Start]] = {name: [] for name in programs}
    for number in range(ROUNDS + 1):
        for name, start in programs.items():
            one = start()
            if number:  # the first round reads the files from disk
                found[name].append(one)
    print(f"{'':<42}{'ms':>7}{'ratio':>8}{'CPU ms':>9}{'ratio':>8}")
    floor = Start(1, 1)
    for name, starts in found.items():
        elapsed = statistics.median(each.elapsed for each in starts)
        cpu = statistics.median(each.cpu for each in starts)
        if name in floors:
            floor = Start(elapsed, cpu)
        print(
            f"{name:<42}{elapsed * 1000:7.0f}{elapsed / floor.elapsed:8.1f}"
            f"{cpu * 1000:9.0f}{cpu / floor.cpu:8.1f}"
        )


def main() -> None:
    with Server("--ephemeral", "--max-per-address", "0") as server, virtual_display() as display:
        tui = ("-m", "netchat", "tui", f"127.0.0.1:{server.port}", "--no-state")
        names = iter(range(10_000))
        floors = ("python -c print()", "a window of Tk", "an app of Textual")
        measure(
            {
                floors[0]: lambda: in_pipe("-c", "print(1, flush=True); input()", until="1"),
                "netchat --help": lambda: in_pipe("-m", "netchat", "--help", until="doctor"),
                "netchat serve, until it listens": lambda: serve("listening"),
                "netchat serve, until it serves the page": lambda: serve("  page "),
                floors[1]: lambda: in_pipe("-c", TK, until="shown", DISPLAY=display),
                "netchat window, until it is drawn": lambda: in_pipe(
                    "-c", WINDOW, until="shown", DISPLAY=display
                ),
                floors[2]: lambda: in_terminal("-c", TEXTUAL, until=b"shown"),
                "netchat tui, until it shows the lobby": lambda: in_terminal(
                    *tui, "--name", f"Nova{next(names)}", until=b"joined the chat"
                ),
            },
            floors,
        )


if __name__ == "__main__":
    main()
