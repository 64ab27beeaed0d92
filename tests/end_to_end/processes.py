"""`netchat serve` in a separate process, for tests that kill it, trace it, or fill its disk."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

__all__ = ["ROOT", "Server", "free_port"]

ROOT = Path(__file__).parents[2]

#: Seconds for a server to be ready, or to end: far more than it needs on any machine.
TIMEOUT = 20.0


def free_port() -> int:
    """Return a port that a killed server can use again.

    It is not an ephemeral port (32768 and above on Linux): while the server is
    down, a client that connects to an ephemeral port may get the same number as its source port, and
    then TCP connects it to itself.
    """
    while True:
        port = random.randint(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


class Server:
    """A server that can be started, killed and restarted on the same port and history.

    Use it as a context manager; afterwards no process is left.

    Args:
        options: Options of `netchat serve`, besides --port and --log-json.
        port: Port to listen on; 0 takes a free one at the first start.
        wrap: Command that runs it, such as strace.
        environment: Additional environment variables.

    Attributes:
        port: Port that it listens on.
        lines: Lines of its console so far, from all starts.
    """

    def __init__(
        self,
        *options: str,
        port: int = 0,
        wrap: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.port = port
        self.lines: list[str] = []
        self._options = options
        self._wrap = wrap
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._news = threading.Condition()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        """The server's process, even if another command runs it."""
        assert self._process is not None
        if not self._wrap:
            return self._process.pid
        (child,) = psutil.Process(self._process.pid).children()
        return child.pid

    @property
    def memory(self) -> int:
        """Resident memory in bytes."""
        return int(psutil.Process(self.pid).memory_info().rss)

    def start(self) -> Self:
        """Start it, and wait until it listens."""
        mark = len(self.lines)
        self._process = subprocess.Popen(
            [
                *self._wrap,
                *(sys.executable, "-m", "netchat", "serve", "--port", str(self.port)),
                *("--no-web", "--log-json", *self._options),
            ],
            cwd=ROOT,
            env=self._environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()
        try:
            self.port = self.wait_for("listening", since=mark)["port"]
        except BaseException:
            self.kill()
            raise
        return self

    def kill(self) -> None:
        """kill -9."""
        if self._process is None:
            return
        if self._process.poll() is None:
            # Kill the server first: if strace is killed, the server keeps running.
            for child in psutil.Process(self._process.pid).children():
                child.kill()
            self._process.kill()
        self._reap()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, wait for the end, and return the exit code."""
        os.kill(self.pid, number)
        return self._reap()

    def wait(self) -> int:
        """Wait until it ends by itself, and return the exit code."""
        return self._reap()

    def _reap(self) -> int:
        assert self._process is not None
        assert self._reader is not None
        code = self._process.wait(TIMEOUT)
        self._reader.join(TIMEOUT)
        assert self._process.stderr is not None
        self._process.stderr.close()
        self._process = None
        return code

    # -- its console ----------------------------------------------------------------------------

    @property
    def notes(self) -> list[dict[str, Any]]:
        """Log entries on its console, oldest first."""
        return [json.loads(line) for line in self.lines if line.startswith("{")]

    def wait_for(
        self, event: str, *, since: int = 0, timeout: float = TIMEOUT, **fields: object
    ) -> dict[str, Any]:
        """Wait for a log entry on its console.

        Args:
            event: Its kind.
            since: Number of the first line to search.
            timeout: Seconds.
            fields: Required values of the entry.
        """
        deadline, at = time.monotonic() + timeout, since
        with self._news:
            while True:
                for line in self.lines[at:]:
                    note = json.loads(line) if line.startswith("{") else {}
                    if note.get("event") == event and fields.items() <= note.items():
                        return note
                at = len(self.lines)
                left = deadline - time.monotonic()
                ended = self._reader is not None and not self._reader.is_alive()
                if left <= 0 or ended:
                    console = "\n".join(self.lines[-30:])
                    raise AssertionError(f"no note {event!r} with {fields} came:\n{console}")
                self._news.wait(min(left, 0.1))

    @property
    def complaints(self) -> list[str]:
        """Lines of its console that are not log entries: tracebacks and warnings."""
        return [line for line in self.lines if not line.startswith("{")]

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            with self._news:
                self.lines.append(line.rstrip("\n"))
                self._news.notify_all()
