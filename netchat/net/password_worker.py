"""Checks and hashes passwords with argon2id, in threads: the event loop never waits for them.

The parameters follow the recommendations of RFC 9106 and OWASP for little memory: 19 MiB, two passes,
one lane. The number of threads bounds the memory; `netchat.chat.account_handlers` bounds the queue.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from netchat.chat.effects import CheckPassword

if TYPE_CHECKING:
    from argon2 import PasswordHasher

__all__ = ["PasswordVerdict", "PasswordWorker", "check_password", "hash_password", "is_password"]

#: Passes, KiB of memory, and lanes of argon2id.
TIME_COST, MEMORY_COST, PARALLELISM = 2, 19 * 1024, 1

#: Sizes of the hash and of the random salt, in bytes.
HASH_LENGTH, SALT_LENGTH = 32, 16

#: Passwords that are checked at the same time.
THREADS = 2


class PasswordVerdict(NamedTuple):
    """The result of a `CheckPassword`."""

    is_right: bool
    """Whether the given password matches the stored hash; True if there was nothing to check."""

    encoded: str | None
    """Encoded hash of the new password, or None without one."""


def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher(TIME_COST, MEMORY_COST, PARALLELISM, HASH_LENGTH, SALT_LENGTH)


def hash_password(password: str) -> str:
    """Return the encoded hash of a password, with a random salt; takes about 20 ms."""
    return _hasher().hash(password)


def is_password(password: str, stored: str) -> bool:
    """Return whether a password matches an encoded hash; takes about 20 ms."""
    from argon2.exceptions import Argon2Error, InvalidHashError

    try:
        return _hasher().verify(stored, password)
    except (Argon2Error, InvalidHashError):
        return False


def check_password(work: CheckPassword) -> PasswordVerdict:
    """Check a password and hash the new one; any thread can call it."""
    is_right = not work.stored or is_password(work.given, work.stored)
    encoded = hash_password(work.new) if is_right and work.new else None
    return PasswordVerdict(is_right, encoded)


class PasswordWorker:
    """Threads that check passwords.

    Args:
        loop: Event loop that gets the results.
        done: Called in the event loop with each result.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        done: Callable[[CheckPassword, PasswordVerdict], None],
    ) -> None:
        self._loop = loop
        self._done = done
        self._threads: ThreadPoolExecutor | None = None

    def put(self, work: CheckPassword) -> None:
        """Queue a password."""
        if self._threads is None:
            self._threads = ThreadPoolExecutor(THREADS, "password")
        future = self._loop.run_in_executor(self._threads, check_password, work)
        future.add_done_callback(lambda done: self._finish(work, done))

    def _finish(self, work: CheckPassword, future: asyncio.Future[PasswordVerdict]) -> None:
        if not future.cancelled():
            failed = future.exception() is not None  # for example if there is too little memory
            self._done(
                work, PasswordVerdict(is_right=False, encoded=None) if failed else future.result()
            )

    def close(self) -> None:
        """Finish the passwords that are being checked, and drop the others."""
        if self._threads is not None:
            self._threads.shutdown(wait=True, cancel_futures=True)
