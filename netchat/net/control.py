"""Control channel: a Unix socket beside the history, through which the operator administers a server.

It gives no rights that the history itself does not give: both have mode 0600. A request is one
line of JSON, and so is the answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from netchat.chat.account_admin import AdminRequest, list_accounts, plan
from netchat.chat.apply import apply
from netchat.chat.outcomes import Rejected
from netchat.chat.persistence import Batch, Change, EventRow
from netchat.chat.shared_state import SharedState
from netchat.errors import HistoryError, NetchatError, NotFound
from netchat.net.history.sqlite_history import SqliteHistory

__all__ = ["ControlServer", "administer", "control_path"]

#: Seconds for a request to arrive, and for its answer.
TIMEOUT = 15.0

#: Longest path of a Unix socket that every system allows, in bytes.
LONGEST_PATH = 100

#: Handles a request, and returns the answer.
Handler = Callable[[AdminRequest], Awaitable[Any]]


def control_path(history: Path) -> Path:
    """Return the path of the control socket of a history's server."""
    real = history.resolve()
    return real.with_name(f"{real.name}-control")


class ControlServer:
    """Control socket of a running server.

    Args:
        history: Path of the history, which the server has locked.
        handle: Handles requests.
    """

    def __init__(self, history: Path, handle: Handler) -> None:
        self.path = control_path(history)
        self._handle = handle
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Create the socket.

        Raises:
            OSError: The socket cannot be created, for example because the file system has no sockets.
        """
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()  # left by a server that was killed: this one has the history's lock
        bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            before = os.umask(0o177)  # the socket must never be open to others
            try:
                with _short(self.path) as path:
                    bound.bind(path)
            finally:
                os.umask(before)
            self._server = await asyncio.start_unix_server(self._serve, sock=bound)
        except BaseException:
            bound.close()
            raise

    async def stop(self) -> None:
        """Remove the socket."""
        if self._server is not None:
            self._server.close()
            with contextlib.suppress(OSError):
                self.path.unlink()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(TIMEOUT):
                answer = await self._answer(await reader.readline())
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except (TimeoutError, OSError, ValueError):
            pass  # the client is gone, slow, or does not speak this protocol
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = AdminRequest(**json.loads(line))
            return {"ok": await self._handle(request)}
        except NotFound as error:
            return {"error": str(error), "missing": True}
        except (NetchatError, TypeError, ValueError) as error:
            return {"error": str(error)}


def administer(history: Path, request: AdminRequest) -> Any:
    """Carry out a request on the server of a history, or on the history if no server runs.

    Raises:
        NetchatError: The request cannot be carried out.
    """
    answer = _ask_server(history, request)
    if answer is None:
        if not history.exists():
            raise NotFound(
                f"There is no history {history}: start the server first, or choose one with --history."
            )
        return _change_history(history, request)
    if "error" in answer:
        kind = NotFound if answer.get("missing") else NetchatError
        raise kind(str(answer["error"]))
    return answer["ok"]


def _ask_server(history: Path, request: AdminRequest) -> dict[str, Any] | None:
    """Send a request to the running server, or return None if no server runs."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
        peer.settimeout(TIMEOUT)
        try:
            with _short(control_path(history)) as path:
                peer.connect(path)
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        except OSError as error:
            raise NetchatError(
                f"The server does not answer on {control_path(history)}: {error}"
            ) from error
        try:
            peer.sendall(json.dumps(asdict(request)).encode() + b"\n")
            with peer.makefile("rb") as lines:
                answer: dict[str, Any] = json.loads(lines.readline())
        except (OSError, ValueError) as error:
            raise NetchatError(f"The server did not answer: {error or 'timeout'}") from error
    return answer


def _change_history(path: Path, request: AdminRequest) -> Any:
    """Carry out a request on a history that no server uses."""
    try:
        history = SqliteHistory(path)
    except HistoryError as error:
        if "in use by another server" not in str(error):
            raise
        raise NetchatError(
            f"The history {path} is in use by a server without accounts, or by a program that reads "
            "it. Restart the server with --accounts optional."
        ) from error
    with contextlib.closing(history):
        snapshot = history.load()
        if snapshot.state:
            raise NetchatError(
                "The history belongs to a server of a cluster, which must run for this: its accounts "
                "change through the cluster's log."
            )
        state = SharedState(snapshot)
        if request.action == "list":
            return list_accounts(state)
        planned = plan(state, request, int(time.time() * 1e6), secrets.SystemRandom())
        outcome = apply(state, planned.command)
        if isinstance(outcome, Rejected):
            raise NetchatError(f"The change was rejected: {outcome.reason.name}.")
        rows = [change for change in outcome if isinstance(change, EventRow)]
        changes = [change for change in outcome if isinstance(change, Change)]
        history.write([Batch(rows=rows, changes=changes)])
        return planned.answer


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """Yield a short form of a socket's path, which must not be longer than about 100 bytes."""
    if len(os.fsencode(path)) <= LONGEST_PATH:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
