"""Rate limit for conversations that users start with the same other user."""

from __future__ import annotations

from collections.abc import Callable

from netchat.chat.fair_shares import GUARANTEED
from netchat.chat.rate_limit import TokenBucket

__all__ = ["ADDRESS_BURST", "ADDRESS_SECONDS", "PAIR_BURST", "PAIR_SECONDS", "ConversationLimit"]

#: Conversations that a user may start with the same other user: one per `PAIR_SECONDS`, and how many
#: at once. Two users share one private room, so they rarely need another one.
PAIR_SECONDS, PAIR_BURST = 20.0, 3

#: The same for all users of one address group together: a class whose users all use their burst.
ADDRESS_SECONDS, ADDRESS_BURST = 2.0, GUARANTEED * PAIR_BURST

_PAIR = TokenBucket(PAIR_SECONDS, PAIR_BURST)
_ADDRESS = TokenBucket(ADDRESS_SECONDS, ADDRESS_BURST)

#: Maximum number of pairs of users that are remembered for each address group of the senders: 100 users
#: who each started a conversation with 40 others.
MAX_PAIRS = 4096


class _Receiver:
    """The conversations that one address group has started with one user.

    Attributes:
        full_at: Time at which the token bucket of the address group is full.
        senders: The same for each sender.
    """

    __slots__ = ("full_at", "senders")

    def __init__(self) -> None:
        self.full_at = 0.0
        self.senders: dict[int, float] = {}


class ConversationLimit:
    """Token buckets for each pair of users, and for each address group and user.

    A new session does not reset the limit: it inherits that of older sessions of its address group
    that have lost their connection or ended. Other users of the group are not affected.
    """

    def __init__(self) -> None:
        self._receivers: dict[str, dict[int, _Receiver]] = {}
        self._pairs: dict[str, int] = {}

    def __bool__(self) -> bool:
        return bool(self._receivers)

    def allows(
        self,
        share: str,
        sender: int,
        receiver: int,
        is_connected: Callable[[int], bool],
        now: float,
    ) -> bool:
        """Return whether a user may start another conversation with another user, and count it.

        Args:
            share: Address group of the sender.
            sender: Session number of the sender. Newer sessions have larger numbers.
            receiver: Session number of the receiver.
            is_connected: Returns whether a session number belongs to a connected session.
            now: The current time, in seconds.
        """
        known = self._receivers.get(share, {}).get(receiver) or _Receiver()
        full_at = now
        for other, time in known.senders.items():
            if time > full_at and (other == sender or (other < sender and not is_connected(other))):
                full_at = time
        is_new, pairs = sender not in known.senders, self._pairs.get(share, 0)
        if (
            _PAIR.wait(full_at, now)
            or _ADDRESS.wait(known.full_at, now)
            or (is_new and pairs >= MAX_PAIRS)
        ):
            return False
        known.full_at = _ADDRESS.take(known.full_at, now)
        known.senders[sender] = _PAIR.take(full_at, now)
        self._receivers.setdefault(share, {})[receiver] = known
        self._pairs[share] = pairs + is_new
        return True

    def expire(self, now: float) -> None:
        """Forget the conversations that no longer limit anyone."""
        for share, receivers in list(self._receivers.items()):
            for number, receiver in list(receivers.items()):
                receiver.senders = {s: time for s, time in receiver.senders.items() if time > now}
                if not receiver.senders and receiver.full_at <= now:
                    del receivers[number]
            self._pairs[share] = sum(len(receiver.senders) for receiver in receivers.values())
            if not receivers:
                del self._receivers[share], self._pairs[share]
