"""Launcher that runs one program isolated from the machine: `python -I sandbox.py ORDER`.

It is run by its path and imports the standard library only (psutil, where there are no
namespaces), because it starts once for each notebook. ORDER is JSON:

    level      "namespaces", "user" or "rights", see `LEVELS`
    command    the program with its arguments
    lifeline   a file descriptor: when its other end is closed, all processes are killed
    readable   paths that the program may read
    copies     pairs of a file or folder and its target, beside `$NETCHAT_COURSE`
    kernels    folders of compiled kernels: it reads and extends a copy
    variables  its environment
    filter     seccomp filter in hexadecimal, from `syscall_filter`; empty for none
    seconds    maximum CPU time of each process

All processes that the program has started are dead when this process ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import socket
import struct
import sys
import tempfile
import time
from typing import Any

if os.name == "posix":  # imported early: Python's files may be hidden later
    import fcntl
    import resource

__all__ = ["LEVELS"]

#: Isolation levels, the strictest first.
#:
#: namespaces: its own processes, mounts and network; it sees only `readable`, as an unprivileged
#:     user. user: another user without privileges. rights: the caller's user; only its processes
#:     are tracked, to be killed.
LEVELS = ("namespaces", "user", "rights")

#: From <sched.h>, <sys/mount.h>, <sys/prctl.h>.
_NEWNS, _NEWUTS, _NEWIPC, _NEWUSER, _NEWPID, _NEWNET = (
    0x00020000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000,
)  # fmt: skip
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_BIND, _MS_REC, _MS_PRIVATE = 2, 4, 8, 0x1000, 0x4000, 1 << 18
_PDEATHSIG, _DUMPABLE, _SECCOMP, _SUBREAPER, _NO_NEW_PRIVS = 1, 4, 22, 36, 38
_SECCOMP_FILTER = 2
_DETACH = 2
#: mount_setattr(2) has this number on every machine: flags for a whole tree of mounts.
_MOUNT_SETATTR, _RECURSIVE, _RDONLY = 442, 0x8000, 1

#: System paths: programs, libraries, and the files that they read.
_SYSTEM = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store",
    "/etc/alternatives", "/etc/fonts", "/etc/group", "/etc/hosts", "/etc/ld.so.cache",
    "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime", "/etc/nsswitch.conf", "/etc/passwd",
    "/etc/protocols", "/etc/services", "/etc/timezone",
)  # fmt: skip
_DEVICES = ("null", "zero", "full", "random", "urandom")

#: Maximum bytes of a process's memory, of a file, and of all files; maximum processes.
_MOST_MEMORY, _MOST_FILE, _MOST_FILES, _MOST_PROCESSES = 8 << 30, 256 << 20, 1 << 30, 512

#: Timeout for killing all processes without a PID namespace, in seconds.
_KILLING = 1.5

#: First of the user ids that no system assigns; each sandbox has its own.
_FIRST_USER, _NOBODY = 1 << 30, 65534


def main(order: dict[str, Any]) -> int:
    """Run the program; return its exit code, or 1 if the sandbox cannot be created."""
    scratch = tempfile.mkdtemp(prefix="netchat-sandbox-")
    try:
        if order["level"] == "namespaces":
            return _in_namespaces(order, scratch)
        return _tracked(order, scratch)
    finally:
        with contextlib.suppress(OSError, RecursionError):
            shutil.rmtree(scratch, ignore_errors=True)


def _in_namespaces(order: dict[str, Any], scratch: str) -> int:
    flags = _NEWPID | _NEWNET | _NEWIPC | _NEWUTS
    user, group, own = os.geteuid(), os.getegid(), _own_user()
    _call("unshare", flags | (_NEWUSER if user else 0))
    if user:
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{user} {user} 1")
        _write("/proc/self/gid_map", f"{group} {group} 1")
    child = os.fork()
    if child:
        return _until_end(child, order["lifeline"])
    # The first process of the PID namespace: when it ends, the kernel kills all others in it.
    _guarded(lambda: _init(order, scratch, None if user else own))
    return 1


def _init(order: dict[str, Any], scratch: str, user: int | None) -> None:
    _call("prctl", _PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    _call("prctl", _DUMPABLE, 0, 0, 0, 0)
    os.setsid()
    _loopback_up()
    socket.sethostname("sandbox")
    _make_root(order, scratch)
    program = os.fork()
    if not program:
        _guarded(lambda: _become(order, "/tmp", "/lab", user))  # noqa: S108
    for number in (0, 1, order["lifeline"]):
        os.close(number)
    while True:  # reaps orphans
        pid, status = os.wait()
        if pid == program:
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _make_root(order: dict[str, Any], root: str) -> None:
    """Create a file system with only what the program needs, and enter it."""
    _call("unshare", _NEWNS)  # only now, so that the outer process keeps its file system
    _call("mount", b"none", b"/", None, _MS_REC | _MS_PRIVATE, None)
    size = f"mode=0755,size={_MOST_FILES}".encode()
    _call("mount", b"tmpfs", root.encode(), b"tmpfs", _MS_NOSUID | _MS_NODEV, size)
    for folder, mode in (("/tmp", 0o1777), ("/dev/shm", 0o1777), ("/proc", 0o755)):  # noqa: S108
        os.makedirs(root + folder, exist_ok=True)
        os.chmod(root + folder, mode)
    for name in _DEVICES:
        _bind(f"/dev/{name}", f"{root}/dev/{name}")
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        os.symlink(f"/proc/self/fd{target}", f"{root}/dev/{name}")
    os.makedirs(f"{root}/dev/pts")
    terminals = b"newinstance,ptmxmode=0666,mode=0620"
    _call("mount", b"devpts", f"{root}/dev/pts".encode(), b"devpts", _MS_NOSUID, terminals)
    os.symlink("pts/ptmx", f"{root}/dev/ptmx")
    harmless = _MS_NOSUID | _MS_NODEV | _MS_NOEXEC
    _call("mount", b"proc", f"{root}/proc".encode(), b"proc", harmless, None)
    shown: list[str] = []
    for path in (*_SYSTEM, *sorted(order["readable"])):
        if not any(path == other or path.startswith(f"{other}/") for other in shown):
            _show(path, root)
            shown.append(path)
    _copy(order["copies"], f"{root}/lab")
    for number, path in enumerate(order["kernels"]):
        _lend_kernels(path, root, f"/.kernels/{number}", f"/.lent/{number}")
    os.chdir(root)
    _call("pivot_root", b".", b".")
    _call("umount2", b".", _DETACH)
    os.chdir("/")


def _copy(copies: list[list[str]], lab: str) -> None:
    """Copy files so that any user can read them, whatever the originals allow."""
    for source, target in copies:
        place = os.path.join(lab, target)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        if os.path.isdir(source):
            os.makedirs(place)
            _copy([[entry.path, entry.name] for entry in os.scandir(source)], place)
        elif os.path.isfile(source):
            shutil.copyfile(source, place)
            os.chmod(place, 0o644)


def _show(path: str, root: str) -> None:
    """Bind a path into the new root, read-only."""
    if os.path.islink(path):
        if not os.path.lexists(root + path):
            os.makedirs(os.path.dirname(root + path), exist_ok=True)
            # Relative: an absolute link would lead out of the new root during its creation.
            target = os.path.realpath(path)
            os.symlink(os.path.relpath(target, os.path.dirname(path)), root + path)
    elif os.path.exists(path):
        _bind(path, root + path)
        _read_only(root + path)


def _bind(path: str, place: str) -> None:
    if os.path.isdir(path):
        os.makedirs(place, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(place), exist_ok=True)
        if not os.path.exists(place):
            os.close(os.open(place, os.O_CREAT | os.O_WRONLY, 0o644))
    _call("mount", path.encode(), place.encode(), None, _MS_BIND | _MS_REC, None)


def _read_only(place: str) -> None:
    attributes = struct.pack("=4Q", _RDONLY | _MS_NOSUID | _MS_NODEV, 0, 0, 0)
    numbers = (ctypes.c_long(_MOUNT_SETATTR), -100, place.encode(), _RECURSIVE)
    _call("syscall", *numbers, attributes, ctypes.c_size_t(len(attributes)))


def _lend_kernels(path: str, root: str, copy: str, lent: str) -> None:
    """Link compiled kernels into a writable folder, as Numba requires.

    The folder is part of the root's file system, so that its limit holds for new kernels, too.
    """
    _bind(path, root + copy)
    _read_only(root + copy)
    os.makedirs(root + lent)
    os.chmod(root + lent, 0o1777)  # noqa: S103 - as /tmp
    _bind(root + lent, root + path)
    for name in os.listdir(path):
        os.symlink(f"{copy}/{name}", f"{root}{path}/{name}")


def _tracked(order: dict[str, Any], scratch: str) -> int:
    """Run the program without namespaces; orphaned descendants become our children."""
    if sys.platform == "linux":
        _call("prctl", _SUBREAPER, 1, 0, 0, 0)
    user = _own_user() if order["level"] == "user" else None
    _copy(order["copies"], f"{scratch}/lab")
    if user is not None:
        os.chown(scratch, user, user)
    child = os.fork()
    if not child:
        _guarded(lambda: _become(order, scratch, f"{scratch}/lab", user))
    try:
        return _until_end(child, order["lifeline"])
    finally:
        _kill_descendants()


def _become(order: dict[str, Any], scratch: str, lab: str, user: int | None) -> None:
    """Replace this process with the program, with limits and without privileges."""
    os.setsid()
    with contextlib.suppress(OSError):
        _write(
            "/proc/self/oom_score_adj", "1000"
        )  # if memory runs out, the kernel kills this process first
    limits = [(resource.RLIMIT_AS, _MOST_MEMORY), (resource.RLIMIT_FSIZE, _MOST_FILE)]
    limits += [(resource.RLIMIT_CORE, 0), (resource.RLIMIT_CPU, order["seconds"])]
    if (
        order["level"] != "rights"
    ):  # the limit counts all processes of a user; this user has no others
        limits += [(resource.RLIMIT_NPROC, _MOST_PROCESSES)]
    for kind, most in limits:
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with contextlib.suppress(ValueError, OSError):  # macOS has no limit on address space
            resource.setrlimit(kind, (most, most))
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    if sys.platform == "linux":
        _call("prctl", _NO_NEW_PRIVS, 1, 0, 0, 0)
        _filter_calls(bytes.fromhex(order["filter"]))
    os.chdir(scratch)
    os.umask(0o077)
    folders = dict.fromkeys(("HOME", "TMPDIR", "MPLCONFIGDIR"), scratch)
    folders["NETCHAT_COURSE"] = f"{lab}/course"
    os.execve(order["command"][0], order["command"], {**order["variables"], **folders})  # noqa: S606


def _filter_calls(program: bytes) -> None:
    """Install a seccomp filter, which this process and its descendants cannot remove."""
    if not program:
        return
    held = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HP", len(program) // 8, ctypes.addressof(held))  # struct sock_fprog
    _call("prctl", _SECCOMP, _SECCOMP_FILTER, header, 0, 0)


def _own_user() -> int:
    """Return the id of a user that owns no files, or the system's unprivileged user."""
    own = _FIRST_USER + os.getpid() % _FIRST_USER
    try:
        with open("/proc/self/uid_map", encoding="ascii") as file:
            ranges = [tuple(map(int, line.split())) for line in file]
    except OSError:
        return _NOBODY
    return own if any(first <= own < first + count for first, _, count in ranges) else _NOBODY


def _loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        up = struct.pack("16sH14x", b"lo", 1)  # SIOCSIFFLAGS, IFF_UP
        fcntl.ioctl(end, 0x8914, up)


def _until_end(child: int, lifeline: int) -> int:
    """Wait until the child ends, or kill it when the lifeline is closed."""
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status) & 0xFF
        if lifeline in select.select([lifeline, woken], [], [])[0]:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return 1
        os.read(woken, 100)


def _kill_descendants() -> None:
    import psutil

    until = time.monotonic() + _KILLING
    while time.monotonic() < until:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        left = psutil.Process().children(recursive=True)
        if not left:
            return
        for act in ("suspend", "kill"):  # stop first, so that they start no others
            for process in left:
                with contextlib.suppress(psutil.Error):
                    getattr(process, act)()


def _guarded(run: Any) -> None:
    """Run a function that replaces or ends this process; a child must never return to its parent."""
    try:
        run()
    except BaseException as error:  # the parent's caller gets the reason
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)  # noqa: T201
    finally:
        os._exit(1)


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def _call(function: str, *arguments: Any) -> None:
    """Call a function of the C library that Python (before 3.12) does not offer."""
    if getattr(ctypes.CDLL(None, use_errno=True), function)(*arguments):
        number = ctypes.get_errno()
        raise OSError(number, f"{function}: {os.strerror(number)}")


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
