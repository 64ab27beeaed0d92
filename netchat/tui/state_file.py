"""File with the state of a user on a server, from which a client continues after a crash."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from netchat.chat.names import fold
from netchat.errors import NetchatError
from netchat.files import tighten
from netchat.net.client_store import ClientStore
from netchat.tui.lines import Line, notice_line

__all__ = ["open_store", "state_file"]

#: Maximum size of a file name on almost every file system, minus the suffixes, in bytes.
LONGEST_FILE_NAME = 200


def open_store(name: str, host: str, port: int) -> tuple[ClientStore | None, list[Line]]:
    """Open the state of a user.

    Args:
        name: User name.
        host: Name or address of the server.
        port: Its port.

    Returns:
        The store, and warnings for the user; None if it cannot be opened.
    """
    try:
        store = ClientStore(state_file(name, host, port))
    except NetchatError as error:
        # Another client of this name probably has it open; the server will then reject the name.
        return None, [notice_line("warning", f"A crash may lose messages: {error}")]
    notices = [store.notice, tighten(store.path.parent)]
    return store, [notice_line("warning", text) for text in notices if text]


def state_file(name: str, host: str, port: int) -> Path:
    """Return the path of the state of a user on a server."""
    import platformdirs

    # \w matches letters and digits of any script, and "_"; every other character is replaced.
    label = re.sub(r"[^\w.-]", "_", f"{host.casefold()}_{port}_{fold(name)}")
    if len(label.encode()) > LONGEST_FILE_NAME:
        label = hashlib.sha256(label.encode()).hexdigest()
    return platformdirs.user_state_path("netchat") / f"{label}.db"
