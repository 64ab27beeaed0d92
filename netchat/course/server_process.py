"""A chat server in a separate process, so that measuring it does not slow it down.

For example:

    with ServerProcess() as server:
        report = server.load("--users", "50", "--messages", "100")
        print(report["delivery_rate"])
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from types import TracebackType
from typing import Any, Self

from netchat.errors import NetchatError

__all__ = ["ServerProcess"]

#: Timeouts for a load test and for stopping the server, in seconds.
_LONGEST_LOAD, _GOODBYE = 60, 10

_NETCHAT = [sys.executable, "-m", "netchat"]

#: `netchat` as a process that ends with this one.
_CHILD = [sys.executable, "-m", "netchat.cli.child"]


class ServerProcess:
    """`netchat serve` on a free port of this machine, without a rate limit.

    Attributes:
        port: Its TCP port.
    """

    def __init__(self) -> None:
        options = ["--ephemeral", "--port", "0", "--no-web", "--rate", "0", "--log-json"]
        command = [*_CHILD, "serve", *options]
        self._process = subprocess.Popen(  # noqa: S603 - it is our own program
            command,
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
        )
        assert self._process.stderr is not None
        self.port: int = 0
        for line in self._process.stderr:
            note = json.loads(line)
            if note["event"] == "listening":
                self.port = note["port"]
                break
        # An unread pipe fills up, and then the server blocks forever.
        self._reading = threading.Thread(target=self._process.stderr.read, daemon=True)
        self._reading.start()
        if not self.port:
            self.stop()
            raise NetchatError("the server did not start listening")

    def load(self, *options: str) -> dict[str, Any]:
        """Run `netchat load` with these options against it, in another process.

        Returns:
            The report of the load test.

        Raises:
            NetchatError: The load test failed.
        """
        command = [*_NETCHAT, "load", f"127.0.0.1:{self.port}", "--json", *options]
        done = subprocess.run(  # noqa: S603 - it is our own program
            command,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_LONGEST_LOAD,
            check=False,
        )
        if not done.stdout:
            raise NetchatError(f"netchat load: {done.stderr.strip()}")
        report: dict[str, Any] = json.loads(done.stdout)
        return report

    def stop(self) -> None:
        """Stop the server."""
        self._process.terminate()
        try:
            self._process.wait(_GOODBYE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reading.join()
        assert self._process.stdin is not None
        assert self._process.stderr is not None
        self._process.stdin.close()
        self._process.stderr.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
