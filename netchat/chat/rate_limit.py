"""Rate limits: the token bucket, and one bucket for each of many keys."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, NamedTuple, TypeVar

__all__ = ["RatePerKey", "TokenBucket"]


class TokenBucket(NamedTuple):
    """Parameters of a token bucket, in the form of the generic cell rate algorithm (ITU-T I.371).

    The state of a bucket is a single number: the time at which it is full. The number of tokens may be
    negative; the next token is then available later.

    Attributes:
        seconds: Time after which a bucket has one more token.
        burst: Number of tokens in a full bucket.
    """

    seconds: float
    burst: float

    def wait(self, full_at: float, now: float) -> float:
        """Return the seconds until a bucket has a token; 0 if it has one.

        Args:
            full_at: Time at which the bucket is full.
            now: The current time, in seconds.
        """
        return max(0.0, full_at - now - (self.burst - 1) * self.seconds)

    def take(self, full_at: float, now: float) -> float:
        """Take a token from a bucket, and return the time at which it is full again.

        Args:
            full_at: Time at which the bucket is full.
            now: The current time, in seconds.
        """
        return max(full_at, now) + self.seconds


K = TypeVar("K", bound=Hashable)


class RatePerKey(Generic[K]):
    """Token bucket for each key, such as an address group.

    Args:
        bucket: Parameters of each bucket.
        max_keys: Number of buckets to store. Beyond it, the least recently used one is full again.
    """

    def __init__(self, bucket: TokenBucket, max_keys: int) -> None:
        self._bucket = bucket
        self._max_keys = max_keys
        self._full_at: OrderedDict[K, float] = OrderedDict()  # least recently used first

    def __len__(self) -> int:
        """Return the number of stored buckets; a full one is stored for a while, or not at all."""
        return len(self._full_at)

    def wait(self, key: K, now: float) -> float:
        """Return the seconds until the bucket of a key has a token; 0 if it has one."""
        return self._bucket.wait(self._full_at.get(key, now), now)

    def take(self, key: K, now: float) -> None:
        """Take a token from the bucket of a key, even if it is empty."""
        stored = self._full_at
        stored[key] = self._bucket.take(stored.get(key, now), now)
        stored.move_to_end(key)
        self._forget(now)

    def give_back(self, key: K, now: float) -> None:
        """Return a token to the bucket of a key."""
        stored = self._full_at
        if key in stored:
            stored[key] -= self._bucket.seconds
            self._forget(now)

    def _forget(self, now: float) -> None:
        """Forget full buckets and those above the limit, the least recently used first."""
        stored = self._full_at
        while stored and (len(stored) > self._max_keys or stored[next(iter(stored))] <= now):
            stored.popitem(last=False)
