"""Limit on open files, and thus on connections, of this process."""

from __future__ import annotations

import contextlib

__all__ = ["raise_rlimit"]


def raise_rlimit(wanted: int) -> int:
    """Raise the soft limit on open files, if needed, as far as the hard limit allows.

    Args:
        wanted: Required number of open files.

    Returns:
        The resulting limit; at least `wanted` on systems without a limit.
    """
    try:
        import resource
    except ImportError:  # Windows has no limit
        return wanted
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    if soft < wanted:
        allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with contextlib.suppress(ValueError, OSError):  # macOS allows less than it reports
            resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
            soft = allowed
    return soft
