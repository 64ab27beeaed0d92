"""Part of a history that makes its server a member of a cluster: its identity and its position.

The history of such a server is a copy of the cluster's log. It stores the shared state, with its position
in the log, only from time to time; after a restart, the server applies the rest of the log again.
"""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
import tempfile
from pathlib import Path
from typing import IO, NamedTuple

__all__ = [
    "SAVE_POSITION",
    "ClusterIdentity",
    "copy_database",
    "create_membership",
    "load_membership",
    "load_state",
    "replace_database",
    "temporary_file",
]

_TABLE = """
CREATE TABLE IF NOT EXISTS cluster (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, server TEXT NOT NULL,
    is_first INTEGER NOT NULL,               -- 1: the cluster's history begins with this one
    checkpoint BLOB NOT NULL DEFAULT x'',    -- position in the log, or empty for its start
    state BLOB NOT NULL                      -- shared state at this position
)
"""

SAVE_POSITION = "UPDATE cluster SET checkpoint = ?, state = ?"

#: Random bytes of a server's identifier.
_SERVER_BYTES = 8


class ClusterIdentity(NamedTuple):
    """Identity of a history's server in its cluster."""

    name: str
    """Name of the cluster."""

    server: str
    """Random identifier of the server."""

    is_first: bool
    """Whether the server had its own history, with which the cluster's history begins."""

    checkpoint: bytes
    """Position in the log from which the server continues; empty for a new server."""


def load_membership(file: sqlite3.Connection) -> ClusterIdentity | None:
    """Return the stored membership, or None if the history belongs to a single server."""
    if not file.execute("SELECT 1 FROM sqlite_master WHERE name = 'cluster'").fetchone():
        return None
    name, server, is_first, checkpoint = file.execute(
        "SELECT name, server, is_first, checkpoint FROM cluster"
    ).fetchone()
    return ClusterIdentity(name, server, bool(is_first), checkpoint)


def load_state(file: sqlite3.Connection) -> bytes:
    """Return the stored shared state; empty without one."""
    if load_membership(file) is None:
        return b""
    state: bytes = file.execute("SELECT state FROM cluster").fetchone()[0]
    return state


def create_membership(file: sqlite3.Connection, name: str, state: bytes) -> ClusterIdentity:
    """Make a history's server a member of a cluster.

    Args:
        file: The history.
        name: Name of the cluster.
        state: Shared state of the chat in the history.
    """
    is_first = file.execute("SELECT 1 FROM room").fetchone() is not None
    identity = ClusterIdentity(name, secrets.token_hex(_SERVER_BYTES), is_first, b"")
    # The state, too: a server that is killed before it stores its position applies everything again.
    file.execute("BEGIN IMMEDIATE")
    file.execute(_TABLE)
    file.execute("INSERT INTO cluster VALUES (1, ?, ?, ?, ?, ?)", (*identity, state))
    file.execute("COMMIT")
    return identity


def temporary_file(path: Path) -> IO[bytes]:
    """Create a file next to a history, on a disk that has space for one."""
    return tempfile.NamedTemporaryFile(dir=path.parent, prefix=".netchat-")


def copy_database(path: Path) -> tuple[IO[bytes], bytes]:
    """Copy a database that another connection may be writing to.

    Returns:
        The consistent copy, in a temporary file, and its position in the log.
    """
    copy = temporary_file(path)
    try:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as file:
            file.execute("VACUUM INTO ?", (copy.name,))
        with contextlib.closing(sqlite3.connect(copy.name, isolation_level=None)) as file:
            found = load_membership(file)
    except BaseException:
        copy.close()
        raise
    assert found is not None, "the server is a member of a cluster"
    return copy, found.checkpoint


def replace_database(file: sqlite3.Connection, copy: Path) -> None:
    """Replace the content of an open database with a copy of another server's, except the identity.

    The copy gets the identity first, so that the database never has the other server's.
    """
    own = load_membership(file)
    assert own is not None, "the server is a member of a cluster"
    with contextlib.closing(sqlite3.connect(copy, isolation_level=None)) as other:
        other.execute("UPDATE cluster SET name = ?, server = ?, is_first = ?", own[:3])
        other.backup(file)
