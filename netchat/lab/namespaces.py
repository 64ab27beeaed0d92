"""Network namespaces: creating, entering and removing them.

A namespace is named by a file in /run/netns, as with `ip netns`, and outlives the program that created
it. So before creating namespaces, remove those that an earlier run may have left.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = ["create", "end_programs", "enter", "in_namespace", "list_namespaces", "remove_all"]

#: Folder of the files that name namespaces.
_RUN = Path("/run/netns")
#: Folder of files that `ip netns exec NAME` and `enter` mount over those of the same name in /etc.
_ETC = Path("/etc/netns")

#: From <sched.h> and <sys/mount.h>.
_CLONE_NEWNS, _CLONE_NEWUTS, _CLONE_NEWNET = 0x00020000, 0x04000000, 0x40000000
_MS_BIND, _MS_REC, _MS_SLAVE = 0x1000, 0x4000, 0x80000

#: Seconds for the programs in a namespace to exit before they are killed. A client whose server
#: exits at the same moment waits five seconds for the reply to BYE.
_GRACE = 8.0


def list_namespaces(prefix: str) -> list[str]:
    """Return the namespaces whose names begin with a prefix."""
    found = {path.name for folder in (_RUN, _ETC) if folder.is_dir() for path in folder.iterdir()}
    return sorted(name for name in found if name.startswith(prefix))


def create(name: str, hosts: str) -> None:
    """Create a namespace.

    Args:
        name: Name of the namespace.
        hosts: Contents of /etc/hosts for programs that `enter` it.
    """
    from pyroute2 import netns  # type: ignore[import-untyped]

    etc = _ETC / name
    etc.mkdir(parents=True, exist_ok=True)
    (etc / "hosts").write_text(hosts, encoding="utf-8")
    netns.create(name)


@contextlib.contextmanager
def in_namespace(name: str) -> Iterator[None]:
    """Move this thread into a namespace for the `with` block, to open a socket there."""
    with Path("/proc/thread-self/ns/net").open("rb") as home, (_RUN / name).open("rb") as there:
        _call("setns", there.fileno(), _CLONE_NEWNET)
        try:
            yield
        finally:
            _call("setns", home.fileno(), _CLONE_NEWNET)


def enter(name: str, hostname: str) -> None:
    """Move this process into a namespace permanently, with its /etc/hosts and /sys.

    Args:
        name: Name of the namespace.
        hostname: Host name inside it, as in a shell's prompt.

    Raises:
        FileNotFoundError: The namespace does not exist.
    """
    with (_RUN / name).open("rb") as there:
        _call("setns", there.fileno(), _CLONE_NEWNET)
    # A private mount namespace, invisible to other processes.
    _call("unshare", _CLONE_NEWNS | _CLONE_NEWUTS)
    socket.sethostname(hostname)
    _call("mount", b"none", b"/", None, _MS_REC | _MS_SLAVE, None)
    with contextlib.suppress(OSError):  # a container may forbid it; /sys then stays the outer one
        _call("mount", name.encode(), b"/sys", b"sysfs", 0, None)
    hosts = _ETC / name / "hosts"
    if hosts.exists():
        _call("mount", bytes(hosts), b"/etc/hosts", None, _MS_BIND, None)


def end_programs(prefix: str) -> None:
    """End the programs in the namespaces with a prefix, finally by SIGKILL."""
    names = list_namespaces(prefix)
    deadline = time.monotonic() + _GRACE
    asked = set[int]()
    while running := _processes(names) - {os.getpid()}:
        late = time.monotonic() > deadline
        for pid in running if late else running - asked:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL if late else _exit_signal(pid))
        asked |= running
        if time.monotonic() > deadline + _GRACE:
            return  # blocked in the kernel; it exits later, in a namespace without a name
        time.sleep(0.02)


def remove_all(prefix: str) -> list[str]:
    """Remove the namespaces with a prefix, and end the programs in them.

    Returns:
        The names of the namespaces.
    """
    end_programs(prefix)
    names = list_namespaces(prefix)
    for name in names:
        path = _RUN / name
        with contextlib.suppress(OSError):
            _call("umount2", bytes(path), 2)  # MNT_DETACH; a half-made one is not mounted
        path.unlink(missing_ok=True)
        etc = _ETC / name
        (etc / "hosts").unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # keep a folder with other files
            etc.rmdir()
    return names


def _exit_signal(pid: int) -> signal.Signals:
    """Return SIGTERM, or SIGHUP for an interactive shell, which ignores SIGTERM."""
    with contextlib.suppress(OSError):
        for line in (
            Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines()
        ):
            name, _, mask = line.partition(":")
            if name == "SigIgn" and int(mask, 16) >> (signal.SIGTERM - 1) & 1:
                return signal.SIGHUP
    return signal.SIGTERM


def _processes(names: list[str]) -> set[int]:
    """Return the processes in some namespaces."""
    inodes = {(_RUN / name).stat().st_ino for name in names if (_RUN / name).exists()}
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):  # it has just ended
                if (entry / "ns/net").stat().st_ino in inodes:
                    found.add(int(entry.name))
    return found


def _call(function: str, *arguments: bytes | int | None) -> None:
    """Call a function of the C library that Python lacks (some are in 3.12).

    `pyroute2.netns` offers only `setns` of these. Loading it takes 0.35 s of CPU time, which every
    program that is started on a host would pay in `enter`.
    """
    if getattr(ctypes.CDLL(None, use_errno=True), function)(*arguments):
        number = ctypes.get_errno()
        raise OSError(number, f"{function}: {os.strerror(number)}")
