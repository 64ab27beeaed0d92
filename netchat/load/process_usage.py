"""CPU time and memory of a server on this machine."""

from __future__ import annotations

import ipaddress

import psutil

__all__ = ["ProcessUsage"]


class ProcessUsage:
    """Processes that listen on a port of this machine.

    Args:
        address: IP address of the server.
        port: TCP port of the server.

    Attributes:
        note: Reason why the usage is unknown, or an empty string.
    """

    def __init__(self, address: str, port: int) -> None:
        self.note = ""
        self._processes: list[psutil.Process] = []
        if not _is_local(address):
            self.note = "the server runs on another machine: its CPU and memory are unknown"
            return
        try:
            listening = {
                c.pid
                for c in psutil.net_connections("tcp")
                if c.status == psutil.CONN_LISTEN and c.laddr and c.laddr[1] == port
            }
            self._processes = [psutil.Process(pid) for pid in listening if pid is not None]
        except psutil.Error:
            self._processes = []
        if not self._processes or self.cpu() is None:
            self.note = "the server's process is not accessible: its CPU and memory are unknown"

    def cpu(self) -> float | None:
        """Return the server's total CPU time in seconds; None if unknown."""
        try:
            times = [p.cpu_times() for p in self._processes]
        except psutil.Error:
            return None
        return sum(t.user + t.system for t in times) if times else None

    def memory(self) -> int | None:
        """Return the server's resident memory in bytes; None if unknown."""
        try:
            resident = [p.memory_info().rss for p in self._processes]
        except psutil.Error:
            return None
        return sum(resident) if resident else None


def _is_local(address: str) -> bool:
    if ipaddress.ip_address(address.partition("%")[0]).is_loopback:
        return True
    own = (a.address.partition("%")[0] for nics in psutil.net_if_addrs().values() for a in nics)
    return address.partition("%")[0] in own
