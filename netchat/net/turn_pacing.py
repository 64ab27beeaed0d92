"""Pacing of the work for heavy senders, so that it does not delay light ones."""

from __future__ import annotations

__all__ = ["TurnPacing"]

#: Seconds after which a light connection that was read no longer counts as active.
LATELY = 0.1

#: Pause in seconds between turns: it lets the operating system schedule this
#: process and its clients promptly, and usually a light connection finds the event loop free.
REST_SECONDS = 0.002

#: Seconds between checks whether a commit is over.
CHECK_SECONDS = 0.001

#: Longest pause before a turn, in seconds, however slow the disk is.
MAX_REST_SECONDS = 0.01


class TurnPacing:
    """When heavy senders have their next turn.

    While light connections are active, heavy ones have short turns with pauses between them, and
    not while a commit is running: the writer's thread needs the GIL several times, and the event loop
    sends what it stored.

    Attributes:
        light_at: Time of the last read from a light connection, in seconds.
        sent_at: Time at which the last commit's events had been sent.
    """

    __slots__ = ("light_at", "sent_at")

    def __init__(self) -> None:
        self.light_at = self.sent_at = float("-inf")

    def is_light_active(self, now: float) -> bool:
        """Return whether a light connection was read lately."""
        return now - self.light_at < LATELY

    def wait(self, now: float, worked_at: float, *, is_committing: bool) -> float:
        """Return the seconds until the next turn, or until the next question; 0 for a turn now.

        Args:
            now: Current time, in seconds.
            worked_at: Time at which the last turn ended.
            is_committing: Whether a commit is running or due.
        """
        if not self.is_light_active(now):
            return 0.0
        busy_at = max(self.sent_at, worked_at)
        rest = CHECK_SECONDS if is_committing else busy_at + REST_SECONDS - now
        return max(0.0, min(rest, worked_at + MAX_REST_SECONDS - now))
