"""What this machine can do for the lab, and the line that mends what it cannot.

for check in examine():
    print(check.name, "ok" if check.ok else check.fix)
"""

from __future__ import annotations

import contextlib
import ctypes.util
import importlib.metadata
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

from netchat.packets.wireshark.dissector import SCRIPT, dissector
from netchat.packets.wireshark.plugin import is_loaded, plugin_folder

__all__ = ["Check", "run_checks"]

#: Seconds for another program to tell about itself.
_TIMEOUT = 15

#: How packages are installed, by the program that does it, in the order they are looked for.
_MANAGERS = {
    "apt-get": "sudo apt-get install -y",
    "dnf": "sudo dnf install -y",
    "pacman": "sudo pacman -S --noconfirm",
    "zypper": "sudo zypper install -y",
    "apk": "sudo apk add",
    "brew": "brew install",
}

#: Packages that are not called like the program that they bring.
_PACKAGES = {
    "tshark": {"dnf": "wireshark-cli", "pacman": "wireshark-cli", "brew": "wireshark"},
    "libpcap": {"apt-get": "libpcap0.8"},
}

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "firefox", "msedge")


class Check(NamedTuple):
    """One thing that was looked at.

    Attributes:
        name: what it is.
        needed_for: what does not work without it.
        ok: whether it is there.
        found: what was found.
        fix: the line that mends it; empty if nothing has to be.
        core: whether netchat as a whole needs it.
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
    """Look at everything, one thing after the other; takes about a second."""
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
                found="not on Windows; asyncio's own loop runs",
            )
        )
    )
    yield _numba()
    yield _raw_sockets()
    yield _libpcap()
    yield _namespaces()
    if sys.platform == "linux":
        yield _module("pyroute2", "lab")
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


def _module(module: str, why: str, *, core: bool = False) -> Check:
    if importlib.util.find_spec(module) is None:
        return Check(module, why, False, "not installed", _pip(module), core)
    return Check(module, why, True, importlib.metadata.version(module), core=core)


def _numba() -> Check:
    check = _module("numba", "channel codes and the bench at full speed")
    if not check.ok:
        return check
    if os.environ.get("NUMBA_DISABLE_JIT", "0") != "0":
        found = f"{check.found}, but NUMBA_DISABLE_JIT is set: kernels run uncompiled"
        return check._replace(ok=False, found=found, fix="unset NUMBA_DISABLE_JIT")
    from netchat.coding.reed_solomon.kernels import decode
    from netchat.jit import cache_folder, damaged_files

    folder = cache_folder(decode)  # of the folder that Numba itself has found and tried
    if folder is None:
        found = (
            f"{check.found}, but compiles in each process: no folder to keep kernels can be written"
        )
        return check._replace(ok=False, found=found, fix='export NUMBA_CACHE_DIR="$(mktemp -d)"')
    found = f"{check.found}, keeps what it compiled in {folder}"
    if damaged := damaged_files(folder):
        found += f" (damaged, to be compiled again: {len(damaged)})"
    return check._replace(found=found)


def _raw_sockets() -> Check:
    name, why = "raw sockets", "sniff"
    if not hasattr(socket, "AF_PACKET"):
        return Check(name, why, True, "not on this system; libpcap does it")
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
            name, why, False, "a feature of Linux", "run the lab in a Linux machine or container"
        )
    if os.geteuid() != 0:
        fix = 'sudo "$(command -v netchat)" lab up'
        return Check(name, why, False, "not permitted without root", fix)
    # unshare() would move this process: a child is asked. 0x40000000 is CLONE_NEWNET.
    code = "import ctypes, sys; sys.exit(ctypes.CDLL(None).unshare(0x40000000) != 0)"
    if _run(sys.executable, "-c", code) is not None:
        return Check(name, why, True, "permitted")
    fix = "run it outside of this container, or start the container with --privileged"
    return Check(name, why, False, "not permitted, not even to root", fix)


def _program(name: str, why: str, version: str) -> Check:
    path = shutil.which(name)
    if path is None:
        return Check(name, why, False, "not installed", _install(name))
    told = (_run(path, version) or "").strip()
    return Check(name, why, True, told.splitlines()[0] if told else path)


def _dissector() -> Check:
    name, why = "Wireshark dissector", "netchat's fields in Wireshark"
    loaded = is_loaded()
    if loaded is None:
        return Check(name, why, False, "there is no tshark to load it", "netchat wireshark install")
    installed = plugin_folder() / SCRIPT
    with contextlib.suppress(OSError):
        if loaded and installed.read_text(encoding="utf-8") != dissector():
            return Check(name, why, False, "of another version", "netchat wireshark install")
    if not loaded:
        return Check(name, why, False, "not installed", "netchat wireshark install")
    return Check(name, why, True, "installed")


def _browser() -> Check:
    found = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    on_other = sys.platform in ("darwin", "win32")  # both come with one
    if found is not None or on_other:
        return Check("browser", "the chat's web page", True, found or "the system's own")
    return Check("browser", "the chat's web page", False, "not found", _install("chromium"))


def _install(package: str) -> str:
    """The line that installs a package here."""
    for manager, command in _MANAGERS.items():
        if shutil.which(manager):
            return f"{command} {_PACKAGES.get(package, {}).get(manager, package)}"
    return f"install {package} with your system's package manager"


def _pip(module: str) -> str:
    return f"{sys.executable} -m pip install {module}"


def _run(*command: str) -> str | None:
    """What a program prints; None if it fails."""
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
