"""Checks of what this machine supports, and the commands that fix the rest."""

from __future__ import annotations

import contextlib
import ctypes.util
import datetime
import importlib.metadata
import importlib.util
import os
import platform
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

from netchat.errors import NotPermitted
from netchat.packets.wireshark.dissector import SCRIPT, dissector
from netchat.packets.wireshark.plugin import is_loaded, plugin_folder

__all__ = ["Check", "run_checks"]

#: Seconds to wait for another program.
_TIMEOUT = 15

#: Install commands of the package managers, in order of preference.
_MANAGERS = {
    "apt-get": "sudo apt-get install -y",
    "dnf": "sudo dnf install -y",
    "pacman": "sudo pacman -S --noconfirm",
    "zypper": "sudo zypper install -y",
    "apk": "sudo apk add",
    "brew": "brew install",
}

#: Packages whose names differ from the program's.
_PACKAGES = {
    "tshark": {"dnf": "wireshark-cli", "pacman": "wireshark-cli", "brew": "wireshark"},
    "libpcap": {"apt-get": "libpcap0.8"},
    "redis-server": dict.fromkeys(("dnf", "pacman", "zypper", "apk", "brew"), "redis"),
}

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "firefox", "msedge")


class Check(NamedTuple):
    """Result of one check.

    Attributes:
        name: Name of what was checked.
        needed_for: Features that need it.
        ok: Whether it is available.
        found: What was found.
        fix: Command or instruction that fixes it; empty if `ok`.
        core: Whether netchat as a whole needs it.
    """

    name: str
    needed_for: str
    ok: bool
    found: str
    fix: str = ""
    core: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return the check as plain data, as `netchat doctor --json` prints it."""
        # The key of the fix keeps its name for programs that read it.
        return {{"fix": "mend"}.get(key, key): value for key, value in self._asdict().items()}


def run_checks() -> Iterator[Check]:
    """Yield the result of each check; all take about a second."""
    yield _python()
    yield _loopback()
    yield _module("scapy", "sniff, inspect, craft, replay", core=True)
    yield (
        _module("uvloop", "a server that is several times faster")
        if os.name != "nt"
        else (
            Check(
                "uvloop",
                "a faster server",
                ok=True,
                found="not available on Windows; asyncio's own loop is used",
            )
        )
    )
    yield _numba()
    yield _raw_sockets()
    yield _libpcap()
    yield _namespaces()
    if sys.platform == "linux":
        yield _module("pyroute2", "lab")
    yield _sandbox()
    yield _tls()
    yield _module("redis", "a cluster of servers")
    yield _program("redis-server", "a cluster of servers, demo --cluster", "--version")
    yield _program("tshark", "Wireshark's view of a capture", "--version")
    yield _dissector()
    yield _browser()
    yield _program("tmux", "several terminals side by side", "-V")
    yield _program("strace", "watching the server's system calls", "--version")


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    ok = sys.version_info >= (3, 11)
    fix = "" if ok else _install("python3.11")
    return Check("Python", "everything", ok, version, fix, core=True)


def _loopback() -> Check:
    name, why = "TCP on this machine", "everything"
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            socket.create_connection(server.getsockname(), 5).close()
    except OSError as error:
        return Check(name, why, False, str(error), "sudo ip link set lo up", core=True)
    return Check(name, why, True, "works", core=True)


def _tls() -> Check:
    """Check TLS 1.3, and the certificate if there is one."""
    name, why = "TLS 1.3", "serve --tls, client tls://HOST"
    import ssl

    if not ssl.HAS_TLSv1_3:
        return Check(name, why, False, f"not in {ssl.OPENSSL_VERSION}", _install("python3"))
    check = _module("cryptography", why)
    if not check.ok:
        return check._replace(name=name)
    from netchat.errors import TlsError
    from netchat.net.tls.certificates import expiry
    from netchat.net.tls.server import default_folder

    folder = default_folder()
    found = " ".join(ssl.OPENSSL_VERSION.split()[:2])
    if not (folder / "server.crt").exists():
        return Check(name, why, True, f"{found}; serve --tls creates a certificate")
    try:
        end = expiry(folder / "server.crt")
    except TlsError as error:
        return Check(name, why, False, str(error), f"rm -r {shlex.quote(str(folder))}")
    now = datetime.datetime.now(datetime.UTC)
    if end < now:
        return Check(
            name, why, False, f"the certificate expired on {end:%Y-%m-%d}", "netchat serve --tls"
        )
    return Check(name, why, True, f"{found}, certificate until {end:%Y-%m-%d} in {folder}")


def _module(module: str, why: str, *, core: bool = False) -> Check:
    if importlib.util.find_spec(module) is None:
        return Check(module, why, False, "not installed", _pip(module), core)
    return Check(module, why, True, importlib.metadata.version(module), core=core)


def _numba() -> Check:
    check = _module("numba", "compiled channel codes and bench")
    if not check.ok:
        return check
    if os.environ.get("NUMBA_DISABLE_JIT", "0") != "0":
        found = f"{check.found}, but NUMBA_DISABLE_JIT is set: kernels run uncompiled"
        return check._replace(ok=False, found=found, fix="unset NUMBA_DISABLE_JIT")
    from netchat.coding.reed_solomon.kernels import decode
    from netchat.jit import cache_folder, damaged_files

    folder = cache_folder(decode)  # the folder that Numba itself has chosen
    if folder is None:
        found = f"{check.found}, but compiles in each process: no cache folder is writable"
        return check._replace(ok=False, found=found, fix='export NUMBA_CACHE_DIR="$(mktemp -d)"')
    found = f"{check.found}, cached in {folder}"
    if damaged := damaged_files(folder):
        found += f" (damaged, will be recompiled: {len(damaged)})"
    return check._replace(found=found)


def _raw_sockets() -> Check:
    name, why = "raw sockets", "sniff"
    if not hasattr(socket, "AF_PACKET"):
        return Check(name, why, True, "not on this system; libpcap is used instead")
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
    except PermissionError:
        fix = 'sudo "$(command -v netchat)" sniff'
        return Check(name, why, False, "not permitted without root", fix)
    except OSError as error:
        return Check(name, why, False, error.strerror or str(error), "sudo modprobe af_packet")
    return Check(name, why, True, "permitted")


def _libpcap() -> Check:
    found = ctypes.util.find_library("pcap") or ctypes.util.find_library("wpcap")
    why = "sniff on macOS and Windows, capture filters"
    if found is not None:
        return Check("libpcap", why, True, found)
    on_windows = "install Npcap from https://npcap.com"
    return Check(
        "libpcap", why, False, "not found", on_windows if os.name == "nt" else _install("libpcap")
    )


def _namespaces() -> Check:
    name, why = "network namespaces", "lab: hosts and a broken network on this machine"
    if sys.platform != "linux":
        return Check(
            name, why, False, "only on Linux", "run the lab in a Linux machine or container"
        )
    if os.geteuid() != 0:
        fix = 'sudo "$(command -v netchat)" lab up'
        return Check(name, why, False, "not permitted without root", fix)
    # unshare() would move this process, so a child tries it. 0x40000000 is CLONE_NEWNET.
    code = "import ctypes, sys; sys.exit(ctypes.CDLL(None).unshare(0x40000000) != 0)"
    if _run(sys.executable, "-c", code) is not None:
        return Check(name, why, True, "permitted")
    fix = "run it outside this container, or start the container with --privileged"
    return Check(name, why, False, "not permitted, even as root", fix)


def _sandbox() -> Check:
    name, why = "sandbox", "grading notebooks that you do not trust"
    from netchat.course.student_process import isolation
    from netchat.course.syscall_filter import compile_filter

    fix = "netchat grade --no-sandbox, in a container or virtual machine of its own"
    try:
        level, missing = isolation()
    except NotPermitted:
        return Check(name, why, False, "root without namespaces", "grade as another user")
    if missing:
        return Check(name, why, False, missing, fix)
    if not compile_filter():
        return Check(name, why, False, f"no seccomp filter for {platform.machine()}", fix)
    return Check(name, why, True, f"{level}, with a seccomp filter")


def _program(name: str, why: str, version: str) -> Check:
    path = shutil.which(name)
    if path is None:
        return Check(name, why, False, "not installed", _install(name))
    output = (_run(path, version) or "").strip()
    return Check(name, why, True, output.splitlines()[0] if output else path)


def _dissector() -> Check:
    name, why = "Wireshark dissector", "netchat's fields in Wireshark"
    loaded = is_loaded()
    if loaded is None:
        return Check(name, why, False, "tshark is not installed", "netchat wireshark install")
    installed = plugin_folder() / SCRIPT
    with contextlib.suppress(OSError):
        if loaded and installed.read_text(encoding="utf-8") != dissector():
            return Check(
                name, why, False, "from another version of netchat", "netchat wireshark install"
            )
    if not loaded:
        return Check(name, why, False, "not installed", "netchat wireshark install")
    return Check(name, why, True, "installed")


def _browser() -> Check:
    found = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    has_default = sys.platform in ("darwin", "win32")
    if found is not None or has_default:
        return Check("browser", "the chat's web page", True, found or "the system's default")
    return Check("browser", "the chat's web page", False, "not found", _install("chromium"))


def _install(package: str) -> str:
    """Return the command that installs a package on this machine."""
    for manager, command in _MANAGERS.items():
        if shutil.which(manager):
            return f"{command} {_PACKAGES.get(package, {}).get(manager, package)}"
    return f"install {package} with your system's package manager"


def _pip(module: str) -> str:
    return f"{sys.executable} -m pip install {module}"


def _run(*command: str) -> str | None:
    """Return the output of a program, or None if it fails."""
    try:
        done = subprocess.run(  # noqa: S603 - programs found on the user's own path
            command,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            timeout=_TIMEOUT,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
