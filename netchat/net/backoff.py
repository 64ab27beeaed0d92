"""How long to wait before connecting again."""

from __future__ import annotations

import random

__all__ = ["Backoff"]

#: Seconds that the first wait has at most, and that any has. Each wait is drawn between 0 and a
#: bound that doubles ("full jitter"), so that many clients of one server do not all return at once.
FIRST_WAIT, LONGEST_WAIT = 0.2, 10.0

#: Seconds after which a connection counts as a success. A server that greets and then fails would
#: otherwise be asked ten times a second.
STABLE_AFTER = 5.0


class Backoff:
    """The waits between the attempts of one client."""

    def __init__(self) -> None:
        self._bound = FIRST_WAIT
        self._online_since: float | None = None

    def online(self, now: float) -> None:
        """Take note that the server has greeted the client."""
        if self._online_since is None:
            self._online_since = now

    def wait(self, now: float) -> float:
        """Return the seconds to wait, after a connection or an attempt has failed."""
        since, self._online_since = self._online_since, None
        if since is not None and now - since >= STABLE_AFTER:
            self._bound = FIRST_WAIT
        bound, self._bound = self._bound, min(2 * self._bound, LONGEST_WAIT)
        return random.uniform(0, bound)
