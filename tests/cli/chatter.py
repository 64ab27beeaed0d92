"""`netchat client` in a separate process, with its standard streams in pipes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from tests.end_to_end.processes import ROOT

__all__ = ["Chatter"]

#: Seconds for a line to come, or a process to end: far more than they need on any machine.
TIMEOUT = 30.0


class Chatter:
    """Client process, as a context manager that ends it.

    Args:
        name: User name.
        port: Port of the server.
        options: Further options.
        state: Folder of its state file; None for no state.
        scheme: What precedes the address, such as `tls://`.

    Attributes:
        out: Lines of standard output so far.
        err: Lines of standard error so far.
    """

    def __init__(
        self, name: str, port: int, *options: str, state: Path | None = None, scheme: str = ""
    ) -> None:
        self.out: list[str] = []
        self.err: list[str] = []
        self._news = threading.Condition()
        more = () if state is not None else ("--no-state",)
        environment = {**os.environ, "XDG_STATE_HOME": str(state)}
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "netchat", "client", f"{scheme}127.0.0.1:{port}"),
                *("--name", name, *more, *options),
            ],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        self._readers = [
            threading.Thread(target=self._read, args=pair, daemon=True)
            for pair in ((self.process.stdout, self.out), (self.process.stderr, self.err))
        ]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()

    def say(self, *lines: str) -> None:
        """Write lines to standard input."""
        assert self.process.stdin is not None
        self.process.stdin.write("".join(f"{line}\n" for line in lines))
        self.process.stdin.flush()

    def see(self, text: str, *, err: bool = False) -> str:
        """Wait for a line that contains `text` and return it."""
        deadline = time.monotonic() + TIMEOUT
        lines = self.err if err else self.out
        with self._news:
            while True:
                found = [line for line in lines if text in line]
                if found:
                    return found[0]
                assert time.monotonic() < deadline, f"no {text!r} in {self.out}, {self.err}"
                self._news.wait(0.1)

    def end(self) -> int:
        """Close standard input, wait for the end, and return the exit code."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.wait()

    def signal(self, number: signal.Signals) -> int:
        """Send a signal, wait for the end, and return the exit code."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Wait for the end and return the exit code."""
        code = self.process.wait(TIMEOUT)
        for reader in self._readers:
            reader.join(TIMEOUT)
        return code

    def _read(self, stream: IO[str], lines: list[str]) -> None:
        for line in stream:
            with self._news:
                lines.append(line.removesuffix("\n"))
                self._news.notify_all()
