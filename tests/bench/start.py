"""`python -m tests.bench.start`: start-up time of `netchat --help` and `netchat serve`.

Prints medians, and the start-up time of Python itself for comparison.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = 15


def until_done(*arguments: str) -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def until_logged(event: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        serve = ["-m", "netchat", "serve", "--port", "0", "--history", f"{folder}/history.db"]
        begun = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, *serve], stderr=subprocess.PIPE, text=True
        ) as server:
            assert server.stderr is not None
            for line in server.stderr:
                if event in line:
                    break
            took = time.perf_counter() - begun
            server.terminate()
            server.stderr.read()
        return took


def main() -> None:
    measures = {
        "python -c pass": lambda: until_done("-c", "pass"),
        "netchat --help": lambda: until_done("-m", "netchat", "--help"),
        "netchat serve, until it listens": lambda: until_logged("listening"),
        "netchat serve, until it serves the page": lambda: until_logged("  page "),
    }
    for name, measure in measures.items():
        measure()  # warm up: read the files from disk
        print(f"{name:<40}{statistics.median(measure() for _ in range(ROUNDS)) * 1000:7.0f} ms")


if __name__ == "__main__":
    main()
