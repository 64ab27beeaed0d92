"""Codes of a client's links. Those with incremental redundancy are loaded in the background."""

from __future__ import annotations

import threading
from functools import cache

from netchat.link.code_table import (
    BlockCode,
    block_code,
    numbered,
    warm_up,
    warm_up_redundancy,
)
from netchat.link.incremental_redundancy import is_redundancy

__all__ = ["ready_code", "warm_up_client"]


@cache
def _loading() -> threading.Thread:
    """Return the thread that loads the codes with incremental redundancy, once for all links."""
    thread = threading.Thread(target=warm_up_redundancy, name="redundancy", daemon=True)
    thread.start()
    return thread


def warm_up_client(spec: str) -> None:
    """Load the codes that a link needs when it opens.

    Args:
        spec: Code or policy that the link requests.
    """
    warm_up()
    if is_redundancy(numbered(spec)):
        _loading().join()


def ready_code(spec: str) -> BlockCode | None:
    """Return the code of a spec; None while it is being loaded.

    Raises:
        ValueError: A link cannot use the code.
    """
    if is_redundancy(numbered(spec)) and _loading().is_alive():
        return None
    return block_code(spec)
