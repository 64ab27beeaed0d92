"""When a client asks for its link, again and again until it is answered or gives up."""

from __future__ import annotations

__all__ = ["EVERY", "TIMEOUT", "OpenRetry"]

#: Seconds between two attempts to open a link, and for all of them.
EVERY, TIMEOUT = 0.5, 10.0


class OpenRetry:
    """The attempts to open a link.

    Attributes:
        next: when the next one is due; None before the first.
        until: when the last one has failed.
        challenged: the server wants another one at once, with its cookie.
    """

    def __init__(self) -> None:
        self.next: float | None = None
        self.until = 0.0
        self.challenged = False

    def due(self, now: float, *, opened: bool) -> bool:
        """Whether to ask now; the first call starts the clock."""
        if self.next is None:
            self.next, self.until = now, now + TIMEOUT
        return self.challenged or (not opened and now >= self.next)

    def made(self, now: float) -> None:
        """Take note of an attempt."""
        self.challenged, self.next = False, now + EVERY

    def failure(self, now: float) -> str:
        """Return why the link could not be opened; empty while it may still be."""
        if self.next is None or now <= self.until:
            return ""
        return (
            f"nobody answered on the other side within {TIMEOUT:g} s: no link is spoken "
            "there, or nothing gets through"
        )
