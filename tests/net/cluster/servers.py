"""Chat servers of a cluster, in the test process and as processes of their own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO

from netchat.chat.settings import Settings
from netchat.net.cluster.lease import Timing
from netchat.net.cluster.member import ClusterOptions
from netchat.net.cluster.redis_url import RedisURL
from netchat.net.history.sqlite_history import SqliteHistory
from tests.net.cluster.recorder import QUICK
from tests.net.serving import Serving

__all__ = ["ServerProcess", "join"]

#: Longest time until a server has joined, in seconds.
TIMEOUT = 60.0


@contextlib.asynccontextmanager
async def join(
    url: RedisURL,
    history: Path,
    timing: Timing = QUICK,
    snapshot_every: int = 100_000,
    **settings: float,
) -> AsyncIterator[Serving]:
    """Run a server of a cluster in this process."""
    settings.setdefault("rate", 0.0)
    serving = Serving(
        SqliteHistory(history, fsync=False),
        Settings(**settings),  # type: ignore[arg-type]
        ClusterOptions(url, "lab", timing=timing, snapshot_every=snapshot_every),
    )
    ((_, serving.port),) = await serving.server.start("127.0.0.1", 0)
    try:
        await serving.server.cluster.join(f"127.0.0.1:{serving.port}", "")
        yield serving
    finally:
        await serving.server.stop()


class ServerProcess:
    """`netchat serve --cluster` in a process.

    Args:
        url: Address of Redis.
        history: History file.
        options: Further options.
    """

    def __init__(self, url: str, history: Path, *options: str) -> None:
        self.history = history
        self._line = [
            *(sys.executable, "-m", "netchat", "serve", "--host", "127.0.0.1"),
            *("--no-web", "--rate", "0", "--history", str(history), "--cluster", url, *options),
        ]
        self.port = 0
        self.output: list[str] = []
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start the server, and wait until it has joined the cluster.

        The first start takes a free port, and later ones take the same.
        """
        self.process = subprocess.Popen(
            [*self._line, "--port", str(self.port)],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "NO_COLOR": "1"},
        )
        self.output = []
        joined = threading.Event()
        self._reader = threading.Thread(target=self._read, args=(self.process.stderr, joined))
        self._reader.start()
        assert joined.wait(TIMEOUT), "\n".join(self.output)
        assert self.process.poll() is None, "\n".join(self.output)

    def _read(self, lines: IO[str], joined: threading.Event) -> None:
        with lines:
            for line in lines:
                self.output.append(line.rstrip())
                if "listening" in line:
                    self.port = int(line.split("127.0.0.1:")[1].split()[0])
                if "Joined the cluster" in line:
                    joined.set()
        joined.set()  # it has ended

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; SIGSTOP and SIGCONT pause and resume the server."""
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """End the server as `kill -9` does."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self._reader.join()

    def stop(self) -> int:
        """Shut the server down, and return its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
        code = self.process.wait(TIMEOUT)
        self._reader.join()
        return code
