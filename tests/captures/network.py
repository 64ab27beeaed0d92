"""Two hosts on one machine, joined by a cable: network namespaces and veth pairs.

    client 10.64.0.1, fd64::1 [eth0] -- [client] middle [server] -- [eth0] server 10.64.0.2, fd64::2

The middle is there for a `Bridge`; without one the two are joined directly.
"""

from __future__ import annotations

import array
import contextlib
import ctypes
import fcntl
import os
import signal
import socket
import struct
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["Network", "clean_up", "in_namespace", "namespace"]

#: All namespaces made here are called so, and nothing else on a machine is.
PREFIX = "netchat-capture-"
HOSTS = ("client", "middle", "server")

_SIOCETHTOOL, _CLONE_NEWNET = 0x8946, 0x40000000
#: ETHTOOL_STXCSUM, _STSO, _SGSO, _SGRO: with any of them on, a capture shows packets that never
#: were on a wire: of many kilobytes, and without a checksum.
_OFFLOADS = (0x17, 0x1F, 0x24, 0x2C)


def namespace(host: str) -> str:
    """The name of a host's namespace."""
    return PREFIX + host


def clean_up() -> None:
    """Delete what a network left behind, and the processes that run in it."""
    for host in HOSTS:
        name = namespace(host)
        if not Path("/run/netns", name).exists():
            continue
        for pid in _ip("netns", "pids", name).split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        _ip("netns", "del", name)


@contextlib.contextmanager
def in_namespace(host: str) -> Iterator[None]:
    """Let this thread be on a host, to open a socket there."""
    libc = ctypes.CDLL(None, use_errno=True)
    with (
        Path("/proc/thread-self/ns/net").open() as home,
        Path(f"/run/netns/{namespace(host)}").open() as there,
    ):
        if libc.setns(there.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        try:
            yield
        finally:
            libc.setns(home.fileno(), _CLONE_NEWNET)


class Network:
    """The two hosts, for as long as the `with` block lasts.

    Args:
        bridged: leave a place between them for a `Bridge`, without which nothing passes.
    """

    def __init__(self, *, bridged: bool = False) -> None:
        self._bridged = bridged
        self._processes: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Self:
        clean_up()
        try:
            for host in HOSTS:
                _ip("netns", "add", namespace(host))
            if self._bridged:
                self._cable("client", "eth0", "middle", "client")
                self._cable("server", "eth0", "middle", "server")
            else:
                self._cable("client", "eth0", "server", "eth0")
            for number, host in ((1, "client"), (2, "server")):
                at = ("-n", namespace(host))
                _ip(*at, "address", "add", f"10.64.0.{number}/24", "dev", "eth0")
                _ip(*at, "address", "add", f"fd64::{number}/64", "dev", "eth0", "nodad")
        except BaseException:
            clean_up()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for process in reversed(self._processes):
            if process.poll() is None:
                process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            if process.stderr is not None:
                process.stderr.close()
        clean_up()  # kills whoever did not listen

    def start(self, host: str, command: Sequence[str]) -> subprocess.Popen[str]:
        """Start a program on a host; it ends with the network."""
        process = subprocess.Popen(
            ["ip", "netns", "exec", namespace(host), *command],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        self._processes.append(process)
        return process

    def _cable(self, host: str, name: str, other: str, other_name: str) -> None:
        ends = ((host, name), (other, other_name))
        _ip(
            *("-n", namespace(host), "link", "add", name, "type", "veth"),
            *("peer", "name", other_name, "netns", namespace(other)),
        )
        for side, interface in ends:
            with in_namespace(side):
                _switch_off_offloads(interface)
            if side != "middle":
                address = f"02:00:00:00:00:0{1 + HOSTS.index(side) // 2}"
                _ip("-n", namespace(side), "link", "set", interface, "address", address)
            _ip("-n", namespace(side), "link", "set", interface, "up")


def _switch_off_offloads(interface: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for command in _OFFLOADS:
            value = array.array("I", [command, 0])
            request = struct.pack("16sP", interface.encode(), value.buffer_info()[0])
            fcntl.ioctl(sock, _SIOCETHTOOL, request)


def _ip(*arguments: str) -> str:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout
