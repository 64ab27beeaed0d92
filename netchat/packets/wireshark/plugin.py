"""Installation of the Wireshark dissector."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from netchat.errors import NetchatError
from netchat.files import write_file
from netchat.packets.wireshark.dissector import SCRIPT, dissector
from netchat.wording import cannot

__all__ = ["install", "is_loaded", "plugin_folder"]

#: Seconds to wait for tshark.
_TIMEOUT = 30


def plugin_folder() -> Path:
    """Return the user's folder for Lua plugins, as tshark reports it."""
    for line in (_tshark("-G", "folders") or "").splitlines():
        name, _, path = line.partition(":")
        if name == "Personal Lua Plugins":
            return Path(path.strip())
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA", Path.home())) / "Wireshark" / "plugins"
    return Path.home() / ".local" / "lib" / "wireshark" / "plugins"


def install(folder: Path | None = None) -> Path:
    """Install the dissector where Wireshark finds it.

    Args:
        folder: Folder to install to; None for the user's plugin folder.

    Returns:
        The installed file.

    Raises:
        NetchatError: The file cannot be written.
    """
    folder = folder if folder is not None else plugin_folder()
    path = folder / SCRIPT
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_file(path, dissector())
    except OSError as error:
        raise NetchatError(cannot("write", path, error)) from error
    return path


def is_loaded() -> bool | None:
    """Return whether tshark loads the dissector, or None without tshark."""
    protocols = _tshark("-G", "protocols")
    if protocols is None:
        return None
    return any(line.endswith("\tnetchat") for line in protocols.splitlines())


def _tshark(*options: str) -> str | None:
    """Return the output of tshark, or None if it is not installed or fails."""
    program = shutil.which("tshark")
    if program is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603 - found on the user's path, with fixed options
            [program, *options],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            timeout=_TIMEOUT,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
