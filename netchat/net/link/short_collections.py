"""Garbage collection while modules with very many objects are loaded."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

__all__ = ["short_collections"]

#: New objects per collection while modules are loaded, about two milliseconds of work; and the number
#: of collections before a longer one.
_NEW_OBJECTS, _NEVER = 5000, 1_000_000_000


@contextlib.contextmanager
def short_collections() -> Iterator[None]:
    """Keep the garbage collector from pausing the event loop for long while modules are loaded.

    Numba creates 100,000 objects, which stay in memory. A full collection would hold the GIL for 0.1 s, so
    only new objects are examined, and those that remain are left out of later collections.
    """
    thresholds = gc.get_threshold()
    gc.set_threshold(_NEW_OBJECTS, _NEVER, _NEVER)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.freeze()
