"""Who runs a lab: one process at a time, which answers when it is asked how the lab is.

A lock that the kernel lets go when its holder dies, however it dies, and a socket beside it.
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

#: Seconds for a lab to answer, and to end when it is told to, before it is killed.
_ANSWER, _END = 5.0, 15.0


class LabLock:
    """The right to run the lab of a name.

    Args:
        name: the lab's name.
        take_over: end who has it, rather than be refused.

    Attributes:
        ended: the process that had it before and was ended; 0 is none.

    Raises:
        LabError: the lab is up.
        PermissionError: this process may not have it.
    """

    def __init__(self, name: str, *, take_over: bool = False) -> None:
        self.ended = 0
        self._lock_path, self._socket_path = _FOLDER / f"{name}.lock", _socket_path(name)
        self._lock = -1
        while not self._is_ours():
            _FOLDER.mkdir(mode=0o755, exist_ok=True)
            self._lock = os.open(self._lock_path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = int(os.read(self._lock, 20) or b"0")
                if not take_over:
                    os.close(self._lock)
                    raise LabError(
                        f"The lab {name} is up already (process {holder}). "
                        f"End it with: {command_line(name, 'down')}"
                    ) from None
                self._end(holder)
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, str(os.getpid()).encode(), 0)
        self._socket_path.unlink(missing_ok=True)

    def _is_ours(self) -> bool:
        """Whether the lock that we hold is on the file that is there (its holder may remove it)."""
        if self._lock < 0:
            return False
        with contextlib.suppress(FileNotFoundError):
            if os.fstat(self._lock).st_ino == self._lock_path.stat().st_ino:
                return True
        os.close(self._lock)
        self._lock = -1
        return False

    def _end(self, holder: int) -> None:
        """End the process that has the lock, and get the lock."""
        for number, patience in ((signal.SIGTERM, _END), (signal.SIGKILL, _END)):
            if holder:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(holder, number)
            deadline = time.monotonic() + patience
            while time.monotonic() < deadline:
                with contextlib.suppress(BlockingIOError):
                    fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    self.ended = holder
                    return
                time.sleep(0.02)
        raise LabError(f"The lab's process {holder} does not end.")

    def answer(self, read_state: Callable[[], dict[str, Any]], until: int) -> None:
        """Answer whoever asks, until something can be read from a file descriptor.

        Args:
            read_state: what to answer; called at least twice a second.
            until: the descriptor.
        """
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(self._socket_path))
            self._socket_path.chmod(0o666)  # everybody may know how it is
            listener.listen()
            while True:
                ready, _, _ = select.select([listener.fileno(), until], [], [], 0.5)
                state = read_state()
                if until in ready:
                    return
                if ready:
                    asker, _ = listener.accept()
                    with asker, contextlib.suppress(OSError):  # who does not wait for the answer
                        asker.settimeout(_ANSWER)
                        asker.sendall(json.dumps(state).encode())

    def release(self) -> None:
        """Let somebody else have it; leaves nothing behind."""
        self._socket_path.unlink(missing_ok=True)
        self._lock_path.unlink(missing_ok=True)
        os.close(self._lock)
        with contextlib.suppress(OSError):  # another lab is there
            _FOLDER.rmdir()


def ask(name: str) -> dict[str, Any] | None:
    """How a lab is; None if it is not up.

    Raises:
        LabError: it does not answer.
    """
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(_ANSWER)
        try:
            sock.connect(str(_socket_path(name)))
            with sock.makefile("rb") as answer:
                state: dict[str, Any] = json.load(answer)
        except (FileNotFoundError, ConnectionRefusedError, ConnectionResetError):
            return None  # or is ending at this moment
        except (OSError, ValueError) as error:
            raise LabError(f"The lab {name} does not answer: {error}") from error
    return state


def namespace_of(name: str, host: str = "") -> str:
    """The namespace of a host of a lab that is up; by default that of its bridge.

    Raises:
        LabError: the lab is not up, or has no such host.
    """
    state = ask(name)
    if state is None:
        raise LabError(not_up_message(name))
    spaces: dict[str, str] = {each["name"]: each["namespace"] for each in state["hosts"]}
    if not host:
        return str(state["bridge"])
    if host not in spaces:
        raise LabError(f"There is no host {host}; there are: {', '.join(spaces)}.")
    return spaces[host]


def command_line(name: str, command: str) -> str:
    """What to type for a command on the lab of a name."""
    chosen = "" if name == "lab" else f"--name {name} "
    return f'sudo "$(command -v netchat)" lab {chosen}{command}'


def not_up_message(name: str) -> str:
    """What is said where a lab is not up."""
    return f"No lab called {name} is up; make one with: {command_line(name, 'up')}"


def _socket_path(name: str) -> Path:
    return _FOLDER / f"{name}.sock"
