"""Whether the user's desktop is light or dark."""

from __future__ import annotations

import shutil
import subprocess
import sys

__all__ = ["is_desktop_dark"]

#: Commands that print a word with "dark" if the desktop is dark.
_QUESTIONS = {
    "darwin": ["defaults", "read", "-g", "AppleInterfaceStyle"],
    "linux": ["gsettings", "get", "org.gnome.desktop.interface", "color-scheme"],
}

#: Timeout of the command in seconds; the window waits for it.
_TIMEOUT = 0.5


def is_desktop_dark(platform: str = sys.platform) -> bool:
    """Return whether the desktop is dark; False if it does not tell."""
    if platform == "win32":
        return _is_windows_dark()
    question = _QUESTIONS.get(platform)
    if question is None or (program := shutil.which(question[0])) is None:
        return False
    try:
        done = subprocess.run(  # noqa: S603 - a constant command
            [program, *question[1:]], capture_output=True, timeout=_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return b"dark" in done.stdout.lower()


def _is_windows_dark() -> bool:
    try:
        import winreg

        path = r"Software\Microsoft\Windows\CurrentVersion\Themes\Personalize"
        with winreg.OpenKey(winreg.HKEY_CURRENT_USER, path) as key:  # type: ignore[attr-defined]
            is_light = winreg.QueryValueEx(key, "AppsUseLightTheme")[0]  # type: ignore[attr-defined]
    except (ImportError, OSError):
        return False
    return not is_light
