"""Files that the user drops on a widget, or has copied in a file manager.

Tk itself does not receive dropped files. Its extension tkdnd does, if it is installed: as a package of the
system, or as part of the Python package `tkinterdnd2`.
"""

from __future__ import annotations

import contextlib
import importlib
import re
import tkinter as tk
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

__all__ = ["accept_files", "copied_files", "files_of_uris"]

#: Formats of the clipboard in which file managers store what was copied.
_FORMATS = ("text/uri-list", "x-special/gnome-copied-files")

#: Bytes of a format that Tk does not know, as it returns them.
_BYTES = re.compile(r"(0x[0-9a-f]{1,2}\s*)+", re.IGNORECASE)


def accept_files(widget: tk.Misc, received: Callable[[list[str]], None]) -> bool:
    """Call a function with the paths of files that are dropped on a widget.

    Args:
        widget: The widget.
        received: Called with the paths.

    Returns:
        Whether files can be dropped: tkdnd is installed.
    """
    if not _load_tkdnd(widget):
        return False

    def take(data: str) -> str:
        received([str(path) for path in widget.tk.splitlist(data)])
        return "copy"

    tcl = widget.tk
    tcl.call("tkdnd::drop_target", "register", str(widget), "DND_Files")
    # tkdnd replaces %D by the paths, as a list of Tcl.
    tcl.call("bind", str(widget), "<<Drop:DND_Files>>", f"{widget.register(take)} %D")
    return True


def _load_tkdnd(widget: tk.Misc) -> bool:
    with contextlib.suppress(tk.TclError):
        widget.tk.call("package", "require", "tkdnd")
        return True
    try:
        package = importlib.import_module("tkinterdnd2")
        package.TkinterDnD._require(widget.winfo_toplevel())
    except Exception:  # not installed, or not for this system
        return False
    return True


def copied_files(widget: tk.Misc) -> list[str]:
    """Return the paths of the files that were copied in a file manager; empty if the clipboard has others."""
    for form in _FORMATS:
        with contextlib.suppress(tk.TclError):
            selection = ("selection", "get", "-selection", "CLIPBOARD", "-type", form)
            content = str(widget.tk.call(*selection))
            if _BYTES.fullmatch(content.strip()):
                raw = bytes(int(part, 16) for part in content.split())
                content = raw.decode(errors="replace")
            if found := files_of_uris(content):
                return found
    return []


def files_of_uris(text: str) -> list[str]:
    """Return the paths of existing local files in a list of URIs (RFC 2483, RFC 8089), one per line."""
    found = []
    for line in text.splitlines():
        with contextlib.suppress(ValueError, OSError):
            parts = urlsplit(line.strip("\0 "))
            if parts.scheme == "file" and parts.netloc in ("", "localhost"):
                path = unquote(parts.path)
                if Path(path).is_file():
                    found.append(path)
    return found
