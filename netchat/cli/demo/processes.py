"""Processes that the demo starts: chat servers, and a Redis server for them."""

from __future__ import annotations

import importlib.util
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from netchat.errors import NetchatError

__all__ = ["STEP_TIMEOUT", "DemoRedis", "DemoServer"]

#: Timeout of one step of the demo, in seconds.
STEP_TIMEOUT = 30.0


class _Process:
    """Process that logs to a file, and is stopped with the demo.

    Args:
        name: Its name in the demo.
        log: File for its output. A pipe that is not read would block the process when it is full.
    """

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.launch()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def launch(self) -> None:
        """Start the process, without waiting until it is ready."""
        with self._log.open("wb") as out:
            # Ctrl-C reaches the demo alone, which then stops its processes in the right order.
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                self._command(),
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def kill(self) -> None:
        """End the process with SIGKILL."""
        assert self._process is not None
        self._process.kill()
        self._process.communicate()

    def stop(self) -> None:
        """Shut the process down, and wait until it has ended."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.communicate(timeout=STEP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.kill()

    def _command(self) -> list[str]:
        raise NotImplementedError

    def _await(self, is_ready: Callable[[], bool]) -> None:
        """Wait until the process is ready.

        Raises:
            NetchatError: It ended, or is not ready in time.
        """
        assert self._process is not None
        deadline = time.monotonic() + STEP_TIMEOUT
        while self._process.poll() is None and time.monotonic() < deadline:
            if is_ready():
                return
            time.sleep(0.02)
        self.kill()
        output = self._log.read_text(encoding="utf-8", errors="replace").strip()
        raise NetchatError(f"The demo's {self.name} did not start: {output}")


class DemoServer(_Process):
    """`netchat serve` in a separate process; later starts use the port of the first one.

    Args:
        name: Its name in the demo.
        history: History file.
        cluster: Redis of its cluster; empty for a single server.

    Attributes:
        history: History file.
        port: TCP port, once the server has started.
    """

    def __init__(self, name: str, history: Path, cluster: str = "") -> None:
        super().__init__(name, history.with_suffix(".log"))
        self.history = history
        self.port = 0
        self._cluster = cluster

    def wait(self) -> None:
        """Wait until the server accepts clients, and has joined its cluster.

        Raises:
            NetchatError: The server ended, or does not accept clients in time.
        """
        self._await(self._is_ready)

    def kill_and_restart(self) -> None:
        """Kill the server with SIGKILL and start it again."""
        self.kill()
        self.launch()
        self.wait()

    def _command(self) -> list[str]:
        command = [sys.executable, "-m", "netchat.cli.child", "serve", "--no-web", "--log-json"]
        command += ["--rate", "0", "--port", str(self.port), "--history", str(self.history)]
        return [*command, "--cluster", self._cluster] if self._cluster else command

    def _is_ready(self) -> bool:
        notes = self._notes()
        for note in notes:
            if note.get("event") == "listening":
                self.port = note["port"]
        last = "cluster" if self._cluster else "listening"
        return any(note.get("event") == last for note in notes)

    def _notes(self) -> list[dict[str, Any]]:
        lines = self._log.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.endswith("}")]


class DemoRedis(_Process):
    """redis-server on a Unix socket, configured to keep what it acknowledges.

    Args:
        folder: Folder for its data, its socket and its log.

    Raises:
        NetchatError: redis-server or redis-py is not installed.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__("redis-server", folder / "redis.log")
        if importlib.util.find_spec("redis") is None:
            raise NetchatError('A cluster needs redis-py: python -m pip install "netchat[cluster]"')
        program = shutil.which("redis-server")
        if program is None:
            raise NetchatError(
                "A cluster needs redis-server 7 or later: sudo apt-get install redis-server, or "
                "brew install redis"
            )
        self._program, self._folder = program, folder
        self._socket = folder / "redis.sock"

    @property
    def url(self) -> str:
        """Its address, for `netchat serve --cluster`."""
        return f"unix://{self._socket}?db=0"

    def wait(self) -> None:
        """Wait until Redis accepts connections.

        Raises:
            NetchatError: It ended, or does not accept connections in time.
        """
        self._await(self._accepts)

    def _command(self) -> list[str]:
        settings = ["--appendonly", "yes", "--appendfsync", "always", "--daemonize", "no", "--save"]
        where = ["--port", "0", "--unixsocket", str(self._socket), "--dir", str(self._folder)]
        return [self._program, *where, *settings, ""]

    def _accepts(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            return not probe.connect_ex(str(self._socket))
