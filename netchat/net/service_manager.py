"""Notifications to the service manager (systemd): the server is ready, alive, or stopping."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket

__all__ = ["ServiceManager"]


class ServiceManager:
    """Sender of notifications (sd_notify(3)); without a service manager, it does nothing.

    While the event loop runs, it also answers the watchdog: systemd restarts a server that hangs.
    """

    def __init__(self) -> None:
        address = os.environ.get("NOTIFY_SOCKET", "")
        # "@" stands for the null byte of an abstract address.
        self._address = address.replace("@", "\0", 1) if address.startswith("@") else address
        self._every = _watchdog_seconds() / 2
        self._timer: asyncio.TimerHandle | None = None

    def ready(self, status: str) -> None:
        """Report that clients can connect, and start to answer the watchdog.

        Args:
            status: One line for `systemctl status`.
        """
        self._send(f"READY=1\nSTATUS={status}\n")
        if self._address and self._every:
            self._answer_watchdog()

    def stopping(self) -> None:
        """Report that the server is stopping."""
        if self._timer is not None:
            self._timer.cancel()
        self._send("STOPPING=1\nSTATUS=notifying the clients\n")

    def _answer_watchdog(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._every, self._answer_watchdog)
        self._send("WATCHDOG=1\n")

    def _send(self, state: str) -> None:
        if not self._address:
            return
        # A notification that is lost must not stop the server.
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.setblocking(False)
            out.sendto(state.encode(), self._address)


def _watchdog_seconds() -> float:
    """Return the time within which systemd expects an answer; 0 if this process need not answer."""
    try:
        if int(os.environ.get("WATCHDOG_PID") or os.getpid()) != os.getpid():
            return 0.0
        return max(0, int(os.environ.get("WATCHDOG_USEC") or 0)) / 1e6
    except ValueError:
        return 0.0
