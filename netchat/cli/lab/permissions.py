"""Errors for users who are not permitted to create network namespaces."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from netchat.errors import NotPermitted

__all__ = ["require_network_rights"]


@contextmanager
def require_network_rights() -> Iterator[None]:
    """Turn permission errors into one that says how to get the permission.

    Raises:
        NotPermitted: This is not Linux, or the user may not create or enter namespaces.
    """
    if sys.platform != "linux":
        raise NotPermitted(
            f"The lab requires Linux network namespaces, but this system is {sys.platform}: run it "
            "on a Linux machine."
        )
    try:
        yield
    except (NotPermitted, PermissionError) as error:
        raise NotPermitted(
            "The lab requires root. Run it with: "
            'sudo "$(command -v netchat)" lab … (netchat doctor checks whether root is enough here).'
        ) from error
