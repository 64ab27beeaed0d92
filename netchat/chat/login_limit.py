"""Limit on wrong passwords, per address, per account, and per device.

Each wrong password costs three tokens: one of its address group, one of its account at this address
group, and one of its account. Right passwords cost nothing. The rules follow from these attacks:

- One address guesses passwords of one account: it has `PAIR`, 10 guesses and then one per 2 minutes.
- One address guesses passwords of many accounts: it has `ADDRESS`, 60 guesses and then one per 10
  seconds. A class that shares an address has that many typing mistakes.
- Many addresses guess passwords of one account: they share `ACCOUNT`, 100 guesses and then one per
  minute.
- An attacker guesses continuously to lock the owner out: a device that has logged in before does not share
  these buckets of the account, but has its own, `DEVICE`. Tokens, which keep such a device logged in, do not
  count as guesses. Only a new device of the owner has to wait, and only while many addresses attack, or if
  the attacker shares its address.

Names that are not registered are limited in the same way, so that the limits do not tell them apart.
"""

from __future__ import annotations

from netchat.chat.rate_limit import RatePerKey, TokenBucket

__all__ = ["LoginLimit"]

#: Buckets of each kind; see above.
PAIR = TokenBucket(seconds=120.0, burst=10)
ADDRESS = TokenBucket(seconds=10.0, burst=60)
ACCOUNT = TokenBucket(seconds=60.0, burst=100)
DEVICE = TokenBucket(seconds=60.0, burst=10)

#: Maximum number of stored buckets of each kind.
MAX_KEYS = 10_000


class LoginLimit:
    """Token buckets for wrong passwords and for registrations."""

    def __init__(self) -> None:
        self._addresses = RatePerKey[str](ADDRESS, MAX_KEYS)
        self._registrations = RatePerKey[str](ADDRESS, MAX_KEYS)
        self._pairs = RatePerKey[tuple[str, str]](PAIR, MAX_KEYS)
        self._accounts = RatePerKey[str](ACCOUNT, MAX_KEYS)
        self._devices = RatePerKey[tuple[str, int]](DEVICE, MAX_KEYS)

    def wait(self, share: str, name: str, device: int, now: float) -> float:
        """Return the seconds until a password may be tried; 0 if it may be now.

        Args:
            share: Address group of the connection.
            name: Folded name of the account.
            device: Id of a device that has logged in to the account before, or 0.
            now: The current time, in seconds.
        """
        if device:
            return self._devices.wait((name, device), now)
        return max(
            self._addresses.wait(share, now),
            self._pairs.wait((name, share), now),
            self._accounts.wait(name, now),
        )

    def failed(self, share: str, name: str, device: int, now: float) -> None:
        """Record a wrong password; the arguments are those of `wait`."""
        if device:
            self._devices.take((name, device), now)
            return
        self._addresses.take(share, now)
        self._pairs.take((name, share), now)
        self._accounts.take(name, now)

    def succeeded(self, share: str, name: str, device: int, now: float) -> None:
        """Give back the tokens of a correct password, which `failed` has counted in advance."""
        if device:
            self._devices.give_back((name, device), now)
            return
        self._addresses.give_back(share, now)
        self._pairs.give_back((name, share), now)
        self._accounts.give_back(name, now)

    def registration_wait(self, share: str, now: float) -> float:
        """Return the seconds until an address group may register an account; 0 if it may now."""
        return self._registrations.wait(share, now)

    def registered(self, share: str, now: float) -> None:
        """Record an attempt to register an account."""
        self._registrations.take(share, now)
