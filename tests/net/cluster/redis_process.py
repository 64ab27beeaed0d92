"""A redis-server process of a test: its own folder, on a Unix socket."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from netchat.net.cluster.redis_url import RedisURL, parse_redis_url

__all__ = ["DURABLE", "PROGRAM", "RedisProcess", "needs_redis"]

PROGRAM = shutil.which("redis-server")

needs_redis = pytest.mark.skipif(
    PROGRAM is None, reason="redis-server is not installed: apt-get install redis-server"
)

#: Settings with which Redis keeps what it acknowledges.
DURABLE = ("--appendonly", "yes", "--appendfsync", "always")

#: Longest time until a process answers, in seconds.
TIMEOUT = 30.0


class RedisProcess:
    """redis-server in a folder, which can be killed, paused and started again.

    Args:
        folder: Folder for its data and its socket.
        settings: Arguments of redis-server.
    """

    def __init__(self, folder: Path, settings: tuple[str, ...] = DURABLE) -> None:
        self.folder, self.settings = folder, settings
        self.socket = folder / "redis.sock"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> RedisURL:
        return parse_redis_url(f"unix://{self.socket}")

    def start(self) -> None:
        self.socket.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [
                *(PROGRAM, "--port", "0", "--unixsocket", self.socket, "--dir", self.folder),
                *("--save", "", "--daemonize", "no", *self.settings),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + TIMEOUT
        while self.command("PING") != b"+PONG\r\n":
            assert self.process.poll() is None, "redis-server ended at once"
            assert time.monotonic() < deadline, "redis-server does not answer"
            time.sleep(0.005)

    def command(self, *words: str | bytes) -> bytes:
        """Run a command, and return the first bytes of its reply; none if there is no server."""
        parts = [word.encode() if isinstance(word, str) else word for word in words]
        data = b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts)
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(TIMEOUT)
            try:
                connection.connect(str(self.socket))
                connection.sendall(data)
                return connection.recv(1 << 20)
            except OSError:
                return b""

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def pause(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.resume()
            self.kill()
