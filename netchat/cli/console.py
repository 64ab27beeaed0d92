"""The server's console: what happens, one line each, for people or as JSON."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import TextIO

from netchat.chat.connection import Note
from netchat.chat.text import show_text

__all__ = ["console"]

# What a person reads first of each kind of note; the other fields follow as name=value.
_SUBJECTS = ("name", "room", "text", "address")


def console(*, as_json: bool, out: TextIO = sys.stderr) -> Callable[[Note], None]:
    """A function that writes notes, one line each.

    Args:
        as_json: JSON lines rather than text.
        out: where to.
    """

    def write_json(note: Note) -> None:
        line = {"time": time.time(), "event": note.event, **note.fields}
        out.write(json.dumps(line, ensure_ascii=True) + "\n")
        out.flush()

    def write_text(note: Note) -> None:
        fields = dict(note.fields)
        subject = [str(fields.pop(key)) for key in _SUBJECTS if fields.get(key) not in (None, "")]
        rest = [f"{key}={value}" for key, value in fields.items() if value not in (None, "")]
        line = f"{time.strftime('%H:%M:%S')}  {note.event:<12}  {'  '.join(subject + rest)}"
        # Names and texts come from other people: one line, and no commands to this terminal.
        out.write(show_text(line).replace("\n", "\\n") + "\n")
        out.flush()

    return write_json if as_json else write_text
