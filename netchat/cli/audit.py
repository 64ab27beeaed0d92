"""`netchat audit`: what moderators have done, from a history."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from pathlib import Path

import click
import platformdirs

from netchat.chat.audit_text import audit_line
from netchat.chat.persistence import AuditRow
from netchat.chat.text import show_text
from netchat.errors import HistoryError, NotFound
from netchat.net.history.stored_state import read_audit
from netchat.wire import ModeratorAction
from netchat.wording import cannot

__all__ = ["audit"]


@click.command(short_help="Show what moderators have done.")
@click.option(
    "--history", type=click.Path(dir_okay=False, path_type=Path),
    help="History file of the server.  [default: history.db in the user's data directory]",
)  # fmt: skip
@click.option(
    "--count", default=100, show_default=True, type=click.IntRange(1),
    help="Maximum number of entries.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
def audit(history: Path | None, count: int, *, as_json: bool) -> None:
    """Show the last actions of moderators and of the operator, oldest first.

    The server may be running. Entries are kept for as long as the history (`netchat serve --keep`).

    \b
    Example:
      netchat audit --history history.db --count 20
    """
    path = history or platformdirs.user_data_path("netchat") / "history.db"
    for row in reversed(_read(path, count)):
        click.echo(_as_json(row) if as_json else f"{_time(row)}  {show_text(audit_line(row))}")


def _read(path: Path, count: int) -> list[AuditRow]:
    if not path.exists():
        raise NotFound(f"There is no history {path}.")
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        ) as file:
            found = file.execute("SELECT 1 FROM sqlite_master WHERE name = 'audit'").fetchone()
            return read_audit(file, count) if found else []
    except sqlite3.Error as error:
        raise HistoryError(cannot("read", f"the history {path}", error)) from error


def _time(row: AuditRow) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(min(row.time, 2**53) / 1e6))


def _as_json(row: AuditRow) -> str:
    known = row.action in set(ModeratorAction)
    action = ModeratorAction(row.action).name.lower() if known else str(row.action)
    return json.dumps({**row._asdict(), "time": row.time / 1e6, "action": action})
