"""Console log of the server, as text or JSON, one line per entry."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import TextIO

from netchat.chat.effects import Log
from netchat.chat.server_log import log_line

__all__ = ["console"]


def console(*, as_json: bool, out: TextIO | None = None) -> Callable[[Log], None]:
    """Return a function that writes log entries, one line each.

    Args:
        as_json: Write JSON lines instead of text.
        out: Output stream; None is standard error.
    """
    out = sys.stderr if out is None else out

    def write_json(note: Log) -> None:
        line = {"time": time.time(), "event": note.event, **note.fields}
        out.write(json.dumps(line, ensure_ascii=True) + "\n")
        out.flush()

    def write_text(note: Log) -> None:
        out.write(f"{time.strftime('%H:%M:%S')}  {note.event:<12}  {log_line(note)}\n")
        out.flush()

    return write_json if as_json else write_text
