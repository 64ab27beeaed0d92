"""Opening the display for the commands that show windows."""

from __future__ import annotations

import platform
import sys
from typing import TYPE_CHECKING

from netchat.errors import NetchatError

if TYPE_CHECKING:
    import tkinter as tk

__all__ = ["install_line", "open_display"]

#: Commands that install Tk, by the name of the distribution or one that it is like.
_INSTALL = {
    "debian": "sudo apt install python3-tk",
    "ubuntu": "sudo apt install python3-tk",
    "fedora": "sudo dnf install python3-tkinter",
    "rhel": "sudo dnf install python3-tkinter",
    "suse": "sudo zypper install python3-tk",
    "arch": "sudo pacman -S tk",
    "alpine": "sudo apk add python3-tkinter",
}


def open_display(instead: str) -> tk.Tk:
    """Return Tk's root window, which is hidden.

    Args:
        instead: A sentence about what works without a display.

    Raises:
        NetchatError: Tk is not installed, or there is no display.
    """
    try:
        import tkinter as tk
    except ImportError as error:
        raise NetchatError(
            f"The window needs Tk, which this Python lacks. Install it with: {install_line()}"
        ) from error
    from netchat.desktop.theme import prepare_display

    prepare_display()
    try:
        root = tk.Tk(className="netchat")
    except tk.TclError as error:
        raise NetchatError(f"Cannot open a window: {error}. {instead}") from error
    root.withdraw()
    return root


def install_line() -> str:
    """Return the command that installs Tk on this system."""
    if sys.platform == "darwin":
        return "brew install python-tk"
    if sys.platform == "win32":
        return "the installer of Python, with the option tcl/tk"
    try:
        system = platform.freedesktop_os_release()
    except OSError:
        system = {}
    names = [system.get("ID", ""), *system.get("ID_LIKE", "").split()]
    return next((_INSTALL[name] for name in names if name in _INSTALL), _INSTALL["debian"])
