"""Part of a history that makes its server a member of a cluster: its identity and its position.

The history of such a server is a copy of the cluster's log. It stores the shared state, with its place
in the log, only from time to time; after a restart, the server applies the rest of the log again.
"""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
import tempfile
from pathlib import Path
from typing import NamedTuple

from netchat.errors import HistoryError

__all__ = [
    "SAVE_POSITION",
    "ClusterIdentity",
    "copy_database",
    "join_cluster",
    "load_membership",
    "load_state",
    "read_checkpoint",
    "replace_database",
]

_TABLE = """
CREATE TABLE IF NOT EXISTS cluster (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, server TEXT NOT NULL,
    checkpoint BLOB NOT NULL DEFAULT x'',    -- place in the log
    state BLOB NOT NULL DEFAULT x''          -- shared state at this place
)
"""

SAVE_POSITION = "UPDATE cluster SET checkpoint = ?, state = ?"

#: Random bytes of a server's identifier.
_SERVER_BYTES = 8


class ClusterIdentity(NamedTuple):
    """ClusterIdentity of a history's server in a cluster."""

    name: str
    """Name of the cluster."""

    server: str
    """Random identifier of the server."""

    checkpoint: bytes
    """Place in the log from which the server continues; empty for a new server."""


def load_membership(file: sqlite3.Connection) -> ClusterIdentity | None:
    """Return the stored membership, or None if the history belongs to a single server."""
    if not file.execute("SELECT 1 FROM sqlite_master WHERE name = 'cluster'").fetchone():
        return None
    row = file.execute("SELECT name, server, checkpoint FROM cluster").fetchone()
    return None if row is None else ClusterIdentity(*row)


def load_state(file: sqlite3.Connection) -> bytes:
    """Return the stored shared state; empty without one."""
    if load_membership(file) is None:
        return b""
    state: bytes = file.execute("SELECT state FROM cluster").fetchone()[0]
    return state


def join_cluster(file: sqlite3.Connection, name: str, path: Path) -> ClusterIdentity:
    """Return the membership of a history in a cluster; create it if the history is unused.

    Raises:
        HistoryError: The history belongs to another cluster, or to a single server.
    """
    found = load_membership(file)
    if found is None:
        if file.execute("SELECT 1 FROM room").fetchone():
            raise HistoryError(
                f"The history {path} belongs to a server without a cluster. A server of a cluster "
                "starts with a new history: choose another file with --history."
            )
        found = ClusterIdentity(name, secrets.token_hex(_SERVER_BYTES), b"")
        file.execute(_TABLE)
        file.execute("INSERT INTO cluster (id, name, server) VALUES (1, ?, ?)", found[:2])
    if found.name != name:
        raise HistoryError(
            f"The history {path} belongs to the cluster {found.name}, not {name}: choose another file "
            f"with --history, or --cluster-name {found.name}."
        )
    return found


def copy_database(path: Path) -> bytes:
    """Return a consistent copy of a database that another connection may be writing to."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".netchat-") as folder:
        copy = Path(folder) / "copy.db"
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as file:
            file.execute("VACUUM INTO ?", (str(copy),))
        return copy.read_bytes()


def read_checkpoint(data: bytes) -> bytes:
    """Return the place in the log of a copied database."""
    with contextlib.closing(sqlite3.connect(":memory:")) as file:
        file.deserialize(data)
        found = load_membership(file)
    return b"" if found is None else found.checkpoint


def replace_database(file: sqlite3.Connection, data: bytes, path: Path) -> None:
    """Replace the content of an open database by a copy of another server's, except the identity."""
    own = load_membership(file)
    assert own is not None, "the server is a member of a cluster"
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".netchat-") as folder:
        copy = Path(folder) / "copy.db"
        copy.write_bytes(data)
        with contextlib.closing(sqlite3.connect(copy, isolation_level=None)) as other:
            other.execute("UPDATE cluster SET server = ?, name = ?", (own.server, own.name))
            other.backup(file)
