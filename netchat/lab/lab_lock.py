"""Lock for running a lab, and the socket on which it reports its state.

The kernel releases the lock when its holder dies, however it dies.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from netchat.errors import LabError

__all__ = ["LabLock", "ask", "command_line", "namespace_of", "not_up_message"]

_FOLDER = Path("/run/netchat")

#: Timeouts in seconds: for a lab to respond, and to exit after a signal.
_ANSWER, _END = 5.0, 15.0

#: Attempts to open a lock's file while other processes remove its folder.
_ATTEMPTS = 100


class LabLock:
    """Exclusive right to run the lab with a given name.

    Args:
        name: The lab's name.
        take_over: Whether to end the process that holds the lock, rather than raise an error.

    Attributes:
        ended: Process that held the lock and was ended; 0 for none.

    Raises:
        LabError: The lab is already running.
        PermissionError: This process may not take the lock.
    """

    def __init__(self, name: str, *, take_over: bool = False) -> None:
        self.ended = 0
        self._lock_path, self._socket_path = _FOLDER / f"{name}.lock", _socket_path(name)
        self._lock = -1
        while not self._is_ours():
            self._lock = self._open()
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = int(os.read(self._lock, 20) or b"0")
                if not take_over:
                    os.close(self._lock)
                    raise LabError(
                        f"the lab {name} is already running (process {holder}); "
                        f"stop it with: {command_line(name, 'down')}"
                    ) from None
                self._end(holder)
        os.ftruncate(self._lock, 0)
        if not take_over:  # a process that takes a lab down is waited for, not ended
            os.pwrite(self._lock, str(os.getpid()).encode(), 0)
        self._socket_path.unlink(missing_ok=True)

    def _open(self) -> int:
        """Open the lock's file; another process may remove the folder at any time."""
        for attempts_left in reversed(range(_ATTEMPTS)):
            try:
                _FOLDER.mkdir(mode=0o755, exist_ok=True)
                return os.open(self._lock_path, os.O_RDWR | os.O_CREAT, 0o644)
            except (FileExistsError, FileNotFoundError):
                if not attempts_left:
                    raise
        raise AssertionError

    def _is_ours(self) -> bool:
        """Return whether the lock is on the current file, not on a removed one."""
        if self._lock < 0:
            return False
        with contextlib.suppress(FileNotFoundError):
            if os.fstat(self._lock).st_ino == self._lock_path.stat().st_ino:
                return True
        os.close(self._lock)
        self._lock = -1
        return False

    def _end(self, holder: int) -> None:
        """End the process that holds the lock, and take the lock."""
        for number, timeout in ((signal.SIGTERM, _END), (signal.SIGKILL, _END)):
            if holder:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(holder, number)
            deadline = time.monotonic() + timeout
            while time.monotonic() < deadline:
                with contextlib.suppress(BlockingIOError):
                    fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    self.ended = holder
                    return
                time.sleep(0.02)
        raise LabError(
            f"the lab's process {holder} does not exit"
            if holder
            else "another process has been taking the lab down for 30 s"
        )

    def answer(self, read_state: Callable[[], dict[str, Any]], until: int) -> None:
        """Send the state to each client, until a file descriptor becomes readable.

        Args:
            read_state: Returns the state; called at least twice a second.
            until: The file descriptor.
        """
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(self._socket_path))
            self._socket_path.chmod(0o666)  # any user may read the state
            listener.listen()
            while True:
                ready, _, _ = select.select([listener.fileno(), until], [], [], 0.5)
                state = read_state()
                if until in ready:
                    return
                if ready:
                    client, _ = listener.accept()
                    with client, contextlib.suppress(OSError):  # a client that hung up
                        client.settimeout(_ANSWER)
                        client.sendall(json.dumps(state).encode())

    def release(self) -> None:
        """Release the lock and remove its files."""
        self._socket_path.unlink(missing_ok=True)
        self._lock_path.unlink(missing_ok=True)
        os.close(self._lock)
        with contextlib.suppress(OSError):  # another lab is running
            _FOLDER.rmdir()


def ask(name: str) -> dict[str, Any] | None:
    """Return the state of a lab, or None if it is not running.

    Raises:
        LabError: The lab does not respond.
    """
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(_ANSWER)
        try:
            sock.connect(str(_socket_path(name)))
            with sock.makefile("rb") as answer:
                state: dict[str, Any] = json.load(answer)
        except (FileNotFoundError, ConnectionRefusedError, ConnectionResetError):
            return None  # or is just stopping
        except (OSError, ValueError) as error:
            raise LabError(f"the lab {name} does not respond: {error}") from error
    return state


def namespace_of(name: str, host: str = "") -> str:
    """Return the namespace of a running lab's host; by default that of its bridge.

    Raises:
        LabError: The lab is not running, or has no such host.
    """
    state = ask(name)
    if state is None:
        raise LabError(not_up_message(name))
    spaces: dict[str, str] = {each["name"]: each["namespace"] for each in state["hosts"]}
    if not host:
        return str(state["bridge"])
    if host not in spaces:
        raise LabError(f"unknown host {host}; must be one of {', '.join(spaces)}")
    return spaces[host]


def command_line(name: str, command: str) -> str:
    """Return the shell command for a lab command."""
    chosen = "" if name == "lab" else f"--name {name} "
    return f'sudo "$(command -v netchat)" lab {chosen}{command}'


def not_up_message(name: str) -> str:
    """Return the message for a lab that is not running."""
    return f"No lab called {name} is running; start one with: {command_line(name, 'up')}"


def _socket_path(name: str) -> Path:
    return _FOLDER / f"{name}.sock"
