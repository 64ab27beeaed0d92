"""Names of a cluster's keys in Redis."""

from __future__ import annotations

import re

__all__ = ["Keys"]

_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Keys:
    """Keys that start with the cluster's name.

    Args:
        name: Name of the cluster: 1 to 64 letters, digits, dots, hyphens or underscores.

    Raises:
        ValueError: The name contains other characters, or is too long.
    """

    def __init__(self, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"cluster name {name[:80]!r} must be 1 to 64 letters, digits, dots, hyphens or underscores"
            )
        self.identity = f"{name}:id"
        """Random identifier of the stream."""
        self.first = f"{name}:first"
        """Identifier of the server whose history the cluster begins with, until it is stored."""
        self.stream = f"{name}:stream"
        """The stream."""
        self.epoch = f"{name}:epoch"
        """Counter of epochs."""
        self.snapshot = f"{name}:snapshot"
        """Hash that describes the latest snapshot."""
        self.snapshot_lock = f"{name}:snapshot:lock"
        """Lock of the server that writes a snapshot."""

    def lease(self, epoch: int) -> str:
        """Return the key of a lease."""
        return f"{self.stream.removesuffix('stream')}lease:{epoch}"

    def chunks(self, identifier: str) -> str:
        """Return the key of a snapshot's chunks."""
        return f"{self.snapshot}:{identifier}"
