"""Allowance of CPU time that address groups share, and within a group its links.

Each group that has used some gets the same part of the rate, and so does each link of a group. The
balances are kept in virtual time, as in fair queueing (Demers, Keshav and Shenker 1989): a clock counts
the time granted to each group, and another one, per group, that granted to each of its links.
"""

from __future__ import annotations

from collections.abc import Hashable

__all__ = ["WASTE_BURST", "WASTE_RATE", "FairAllowance"]

#: CPU seconds per second, and capacity in seconds of an account that is alone.
WASTE_RATE, WASTE_BURST = 0.1, 0.05

#: Maximum number of groups, and of accounts in a group. The others share one group, or one account.
_MAX_GROUPS, _MAX_ACCOUNTS = 64, 64
_OTHERS = ""

#: Seconds between removals of the accounts that are full again.
_SWEEP_EVERY = 0.25


class _Account:
    """Balance of a link, as the time on its group's clock at which it was or will be 0."""

    __slots__ = ("capacity", "zero_at")

    def __init__(self, zero_at: float, capacity: float) -> None:
        self.zero_at, self.capacity = zero_at, capacity

    def balance(self, clock: float) -> float:
        """Return the balance in seconds, which never exceeds the capacity."""
        self.zero_at = max(self.zero_at, clock - self.capacity)
        return clock - self.zero_at

    def is_full(self, clock: float) -> bool:
        """Return whether the balance has reached the capacity."""
        return self.zero_at <= clock - self.capacity


class _Group:
    """Accounts of an address group.

    Attributes:
        clock: CPU seconds granted to each account.
        accounts: Accounts that are not full.
    """

    def __init__(self, granted: float) -> None:
        self.clock, self.accounts = 0.0, dict[Hashable, _Account]()
        self._granted = granted

    def advance(self, granted: float) -> None:
        """Divide the time that the group was granted among its accounts."""
        self.clock += (granted - self._granted) / max(1, len(self.accounts))
        self._granted = granted

    def shared(self, link: Hashable) -> Hashable:
        """Return the key of a link's account."""
        is_full = link not in self.accounts and len(self.accounts) >= _MAX_ACCOUNTS
        return None if is_full else link


class FairAllowance:
    """Token buckets of CPU time, one for each link or source that has used some.

    A full bucket takes no memory. The first bucket begins with the whole burst, and the others begin
    empty, so that many sources get no more than one.

    Args:
        rate: CPU seconds per second for all together.
        burst: Capacity in seconds.
    """

    def __init__(self, rate: float = WASTE_RATE, burst: float = WASTE_BURST) -> None:
        self._rate, self._burst = rate, burst
        self._now = self._swept = 0.0
        self._granted = 0.0  # CPU seconds granted to each group
        self._groups: dict[str, _Group] = {}

    def wait(self, now: float, share: str, link: Hashable = None) -> float:
        """Return the seconds until a link may use CPU time; 0 if it may now.

        Args:
            now: Time in seconds.
            share: Its address group.
            link: Identifies the link in its group; None for a datagram of no link.
        """
        self._advance(now)
        group = self._groups.get(self._shared(share))
        if group is None:
            return 0.0
        account = group.accounts.get(group.shared(link))
        if account is None:
            return 0.0
        group.advance(self._granted)
        debt = -account.balance(group.clock)
        return max(0.0, debt) * len(group.accounts) * len(self._groups) / self._rate

    def spend(self, seconds: float, share: str, link: Hashable = None) -> None:
        """Withdraw CPU time; the balance may become negative."""
        group = self._group(share)
        group.advance(self._granted)
        account = self._account(group, link)
        account.balance(group.clock)
        account.zero_at += seconds

    def _shared(self, share: str) -> str:
        is_full = share not in self._groups and len(self._groups) >= _MAX_GROUPS
        return _OTHERS if is_full else share

    def _group(self, share: str) -> _Group:
        share = self._shared(share)
        group = self._groups.get(share)
        if group is None:
            group = self._groups[share] = _Group(self._granted)
        return group

    def _account(self, group: _Group, link: Hashable) -> _Account:
        link = group.shared(link)
        account = group.accounts.get(link)
        if account is None:
            alone = len(self._groups) == 1 and not group.accounts
            capacity = self._burst / len(self._groups) / (len(group.accounts) + 1)
            balance = self._burst if alone else 0.0
            account = group.accounts[link] = _Account(group.clock - balance, capacity)
        return account

    def _advance(self, now: float) -> None:
        elapsed, self._now = max(0.0, now - self._now), now
        self._granted += self._rate * elapsed / max(1, len(self._groups))
        if now - self._swept >= _SWEEP_EVERY:
            self._swept = now
            self._sweep()

    def _sweep(self) -> None:
        for share, group in list(self._groups.items()):
            group.advance(self._granted)
            for link, account in list(group.accounts.items()):
                if account.is_full(group.clock):
                    del group.accounts[link]
            if not group.accounts:
                del self._groups[share]
