"""What is said to who may not make networks."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from netchat.errors import NotPermitted

__all__ = ["require_network_rights"]


@contextmanager
def require_network_rights() -> Iterator[None]:
    """Tell who may not what to do about it."""
    if sys.platform != "linux":
        raise NotPermitted(
            "The lab is made of Linux's network namespaces: run it in a Linux machine."
        )
    try:
        yield
    except (NotPermitted, PermissionError) as error:
        raise NotPermitted(
            "Only root may make hosts and networks, or enter them. Run it with: "
            'sudo "$(command -v netchat)" lab … (netchat doctor says whether root may, here).'
        ) from error
