"""Console log of the server, as text or JSON, one line per entry."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import TextIO

from netchat.chat.effects import Log
from netchat.chat.server_log import LogLevel, log_level, log_line

__all__ = ["console"]


def console(
    *, as_json: bool, level: LogLevel = LogLevel.DEBUG, out: TextIO | None = None
) -> Callable[[Log], None]:
    """Return a function that writes log entries, one line each.

    For systemd's journal, a line begins with its priority (sd-daemon(3)), and without the time, which the
    journal adds itself.

    Args:
        as_json: Write JSON lines instead of text.
        level: The least important entries to write.
        out: Output stream; None is standard error.
    """
    out = sys.stderr if out is None else out
    in_journal = _is_journal(out)

    def write(note: Log) -> None:
        importance = log_level(note)
        if importance > level:
            return
        line = _json(note) if as_json else f"{note.event:<12}  {log_line(note)}"
        if in_journal:
            line = f"<{importance.value}>{line}"
        elif not as_json:
            line = f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {line}"
        out.write(f"{line}\n")
        out.flush()

    return write


def _json(note: Log) -> str:
    line = {"time": time.time(), "event": note.event, **note.fields}
    return json.dumps(line, ensure_ascii=True)


def _is_journal(out: TextIO) -> bool:
    """Return whether a stream is systemd's journal, which names itself in JOURNAL_STREAM."""
    try:
        status = os.fstat(out.fileno())
    except (OSError, ValueError):  # a stream without a file, in a test; closed
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"
