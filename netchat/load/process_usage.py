"""What the server costs, if it runs on this machine."""

from __future__ import annotations

import ipaddress

import psutil

__all__ = ["ProcessUsage"]


class ProcessUsage:
    """The processes that listen on a port of this machine.

    Args:
        address: the server's address, as a number.
        port: its TCP port.

    Attributes:
        note: why there is nothing to see, or empty.
    """

    def __init__(self, address: str, port: int) -> None:
        self.note = ""
        self._processes: list[psutil.Process] = []
        if not _is_here(address):
            self.note = "the server runs on another machine: its CPU and memory are not known"
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
            self.note = "the server's process cannot be seen: its CPU and memory are not known"

    def cpu(self) -> float | None:
        """CPU seconds that the server has used so far; None if that cannot be seen."""
        try:
            times = [p.cpu_times() for p in self._processes]
        except psutil.Error:
            return None
        return sum(t.user + t.system for t in times) if times else None

    def memory(self) -> int | None:
        """Bytes of memory that the server holds (resident); None if that cannot be seen."""
        try:
            held = [p.memory_info().rss for p in self._processes]
        except psutil.Error:
            return None
        return sum(held) if held else None


def _is_here(address: str) -> bool:
    if ipaddress.ip_address(address.partition("%")[0]).is_loopback:
        return True
    own = (a.address.partition("%")[0] for nics in psutil.net_if_addrs().values() for a in nics)
    return address.partition("%")[0] in own
