"""How many files, and so connections, this process may have open."""

from __future__ import annotations

import contextlib

__all__ = ["raise_rlimit"]


def raise_rlimit(wanted: int) -> int:
    """Raise the soft limit on open files as far as the hard limit allows, if it is too low.

    Args:
        wanted: how many files will be needed.

    Returns:
        How many may be open now; at least `wanted` where there is no limit.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return wanted
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    if soft < wanted:
        allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with contextlib.suppress(ValueError, OSError):  # macOS allows less than it says
            resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
            soft = allowed
    return soft
