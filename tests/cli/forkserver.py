"""Fast runner of many netchat commands: it forks each from one process that has imported them.

A child behaves like a new `netchat` process: it has the requested standard streams and runs `main`.
Only the modules are not torn down at its end, which would take longer than everything else.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any, NoReturn, Self

import psutil

from tests.end_to_end.processes import ROOT

__all__ = ["ForkServer"]

#: Maximum number of parallel children, and timeout of each in seconds.
AT_ONCE, TIMEOUT = 4, 60.0


class ForkServer:
    """Process that forks the commands, as a context manager."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.cli.forkserver"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.communicate()

    def run(self, runs: list[dict[str, Any]]) -> list[int]:
        """Run commands, several at a time; return their exit codes.

        Args:
            runs: For each run its `argv`, the `encoding` of its streams, and its `streams`: three
                file names, `closed`, or `broken` for a pipe without a reader. With `listens`, it
                gets SIGTERM once it listens on a TCP port.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(runs) + "\n")
        self._process.stdin.flush()
        codes: list[int] = json.loads(self._process.stdout.readline())
        return codes


def _serve(main: Callable[[], None]) -> None:
    for line in sys.stdin:
        runs = json.loads(line)
        codes: list[int | None] = [None] * len(runs)
        waiting = list(range(len(runs)))
        children: dict[int, tuple[int, float]] = {}
        while waiting or children:
            while waiting and len(children) < AT_ONCE:
                number = waiting.pop(0)
                child = os.fork()
                if child == 0:
                    _become(runs[number])
                    _end(main)
                children[child] = number, time.monotonic()
            time.sleep(0.002)
            for child, (number, began) in list(children.items()):
                found, status = os.waitpid(child, os.WNOHANG)
                if found:
                    del children[child]
                    codes[number] = os.waitstatus_to_exitcode(status)
                elif runs[number]["listens"] and _listens(child):
                    os.kill(child, signal.SIGTERM)
                    runs[number]["listens"] = False
                elif time.monotonic() - began > TIMEOUT:
                    os.kill(child, signal.SIGKILL)
        print(json.dumps(codes), flush=True)


def _listens(child: int) -> bool:
    with contextlib.suppress(psutil.Error):
        found = psutil.Process(child).net_connections("tcp")
        return any(each.status == psutil.CONN_LISTEN for each in found)
    return False


def _become(run: dict[str, Any]) -> None:
    """Set the standard streams of this process as an interpreter would at its start."""
    for number, wanted in enumerate(run["streams"]):
        if wanted == "closed":
            os.close(number)
            continue
        if wanted == "broken":
            reading, file = os.pipe()
            os.close(reading)
        else:
            file = os.open(wanted, os.O_RDWR | os.O_CREAT)
        os.dup2(file, number)
        os.close(file)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = None
        if run["streams"][number] != "closed":
            mode = "w" if number else "r"
            errors = "backslashreplace" if number == 2 else "strict"
            stream = open(number, mode, encoding=run["encoding"], errors=errors, closefd=False)  # noqa: SIM115
            assert isinstance(stream, io.TextIOWrapper)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    sys.argv = ["netchat", *run["argv"]]


def _end(main: Callable[[], None]) -> NoReturn:
    """Run `main`, then exit as an interpreter would, including its error messages."""
    status: Any = 0
    try:
        main()
    except SystemExit as error:
        status = error.code
    except BaseException:
        traceback.print_exc()
        status = 1
    gc.collect()  # reports tasks whose exceptions were not retrieved
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            status = 120
    os._exit(status or 0)


def _import_all() -> None:
    """Import the modules of all commands, and load the kernels that some of them run."""
    for file in sorted((ROOT / "netchat" / "cli").glob("*.py")):
        importlib.import_module(f"netchat.cli.{file.stem}")
    for name in (
        "netchat.bench",
        "netchat.packets.frame_builder",
        "netchat.bench.link.run",
        "rich.table",
    ):
        importlib.import_module(name)
    importlib.import_module("netchat.bench").run(["uncoded:8"], ["bsc:0.1"], frames=64, workers=1)


if __name__ == "__main__":
    _import_all()
    from netchat.cli.main import main

    gc.collect()
    gc.freeze()
    _serve(main)
