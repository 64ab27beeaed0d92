"""Rate limit for conversations that users start with the same other user."""

from __future__ import annotations

from collections.abc import Callable

from netchat.chat.fair_shares import GUARANTEED

__all__ = ["ADDRESS_BURST", "ADDRESS_SECONDS", "PAIR_BURST", "PAIR_SECONDS", "ConversationLimit"]

#: Time per conversation that a user may start with the same other user, in seconds, and how many
#: conversations at once. Two users share one private room, so they rarely need another one.
PAIR_SECONDS, PAIR_BURST = 20.0, 3

#: The same for all users of one address group together: a class whose users all use their burst.
ADDRESS_SECONDS, ADDRESS_BURST = 2.0, GUARANTEED * PAIR_BURST

#: Pairs of users that are remembered for each address group of the senders: 100 users who each
#: started a conversation with 40 others.
MAX_PAIRS = 4096


class _Receiver:
    """The conversations that one address group has started with one user.

    Attributes:
        due: Time from which the address group may use the full burst again.
        senders: The same time for each sender.
    """

    __slots__ = ("due", "senders")

    def __init__(self) -> None:
        self.due = 0.0
        self.senders: dict[int, float] = {}


class ConversationLimit:
    """Generic cell rate algorithm for each pair of users and for each address group.

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
        due, address_due = now, max(now, known.due)
        for other, time in known.senders.items():
            if time > due and (other == sender or (other < sender and not is_connected(other))):
                due = time
        is_new, pairs = sender not in known.senders, self._pairs.get(share, 0)
        if (
            due > now + (PAIR_BURST - 1) * PAIR_SECONDS
            or address_due > now + (ADDRESS_BURST - 1) * ADDRESS_SECONDS
            or (is_new and pairs >= MAX_PAIRS)
        ):
            return False
        known.due = address_due + ADDRESS_SECONDS
        known.senders[sender] = due + PAIR_SECONDS
        self._receivers.setdefault(share, {})[receiver] = known
        self._pairs[share] = pairs + is_new
        return True

    def expire(self, now: float) -> None:
        """Forget the conversations that no longer limit anyone."""
        for share, receivers in list(self._receivers.items()):
            for number, receiver in list(receivers.items()):
                receiver.senders = {s: due for s, due in receiver.senders.items() if due > now}
                if not receiver.senders and receiver.due <= now:
                    del receivers[number]
            self._pairs[share] = sum(len(receiver.senders) for receiver in receivers.values())
            if not receivers:
                del self._receivers[share], self._pairs[share]
