"""Values of the login window from the last time, without passwords and secrets."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

from netchat.desktop.login import LoginValues
from netchat.errors import NetchatError
from netchat.files import make_private_folder, write_file

__all__ = ["load_login", "save_login", "saved_file"]


def saved_file() -> Path:
    """Return the path of the saved values."""
    import platformdirs

    return platformdirs.user_state_path("netchat") / "window.json"


def load_login(path: Path) -> LoginValues:
    """Return the saved values; the defaults without a readable file."""
    try:
        saved: Any = json.loads(path.read_text(encoding="utf-8"))
        login = LoginValues(
            str(saved["name"]), str(saved["host"]), int(saved["port"]), saved["tls"] is True,
            str(saved["room"]), link=str(saved.get("link", "")),
            channel=str(saved.get("channel", "")), udp=saved.get("udp") is True,
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError):
        return LoginValues()
    return login


def save_login(path: Path, login: LoginValues) -> None:
    """Save the values for the next time; without a place to save them, do nothing."""
    room = login.room.partition("#")[0].strip()
    if len(room.split()) > 1:  # the words are a secret, too
        room = room.split()[0]
    values = {
        "name": login.name,
        "host": login.host,
        "port": login.port,
        "tls": login.tls,
        "room": room,
        "link": login.link,
        "channel": login.channel,
        "udp": login.udp,
    }
    with contextlib.suppress(OSError, NetchatError):
        make_private_folder(path.parent)
        write_file(path, json.dumps(values, indent=1) + "\n")
