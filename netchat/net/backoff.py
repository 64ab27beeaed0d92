"""Exponential backoff with full jitter for reconnecting clients."""

from __future__ import annotations

import random

__all__ = ["Backoff"]

#: Upper bounds in seconds for the first delay and for any delay. Each delay is uniform between 0 and
#: a bound that doubles ("full jitter"), so that a server's clients do not all reconnect at once.
FIRST_WAIT, LONGEST_WAIT = 0.2, 10.0

#: Seconds after which a connection counts as a success. Without it, a client would reconnect ten
#: times a second to a server that fails right after WELCOME.
STABLE_AFTER = 5.0


class Backoff:
    """Delays between one client's connection attempts.

    Args:
        longest: Upper bound for any delay, in seconds.
    """

    def __init__(self, longest: float = LONGEST_WAIT) -> None:
        self._longest = longest
        self._bound = min(FIRST_WAIT, longest)
        self._online_since: float | None = None

    def online(self, now: float) -> None:
        """Record that the server has sent WELCOME."""
        if self._online_since is None:
            self._online_since = now

    def wait(self, now: float) -> float:
        """Return the seconds to wait after a connection was lost or an attempt failed."""
        since, self._online_since = self._online_since, None
        if since is not None and now - since >= STABLE_AFTER:
            self._bound = min(FIRST_WAIT, self._longest)
        bound, self._bound = self._bound, min(2 * self._bound, self._longest)
        return random.uniform(0, bound)
