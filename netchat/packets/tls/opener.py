"""Decryption of the records of one direction: which key, and which sequence number.

In a complete capture, the key and the number of the next record are known. After missing bytes, or if
the capture begins in the middle, they are found by trial: the authentication tag shows whether a guess
is right. The number of trials is bounded, because a capture may be hostile.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from netchat.packets.tls.key_log import EARLY, HANDSHAKE, TRAFFIC, KeyLog
from netchat.packets.tls.key_schedule import SUITES, CipherSuite, RecordKey, suites_for
from netchat.packets.tls.records import HEADER_SIZE, OVERHEAD
from netchat.packets.tls.state import TlsState

__all__ = ["OpenedRecord", "RecordOpener", "TrialBudget"]

#: Trials for one record, and bytes that all trials for one direction may take: 0.2 s.
_MAX_TRIALS, _MAX_TRIAL_BYTES = 65_536, 32 * 1024 * 1024

#: Bytes that all trials of a decoder may take: 5 s. Each byte of a record adds some, so that a long
#: capture is not at a disadvantage.
_MAX_ALL_TRIAL_BYTES, _PER_BYTE = 1024 * 1024 * 1024, 16

#: A trial costs as much as decrypting this many bytes; trying one more connection or key update costs
#: more, since its keys are kept.
_TRIAL, _DERIVATION = 256, 65_536

#: Key updates that may have been missed.
_MAX_UPDATES = 4

#: Maximum number of connections of the key log to try if the handshake was not captured.
_MAX_CONNECTIONS = 64

#: After this many records that could not be decrypted, only every power of two is tried by trial.
_PATIENCE = 8

#: Records longer than this are not used to find out the connection and the number.
_SHORT = 4096


class TrialBudget:
    """Bytes that the trials of one decoder may still take.

    Attributes:
        left: The bytes.
    """

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = _MAX_ALL_TRIAL_BYTES

    def add(self, size: int) -> None:
        """Allow more for a record of `size` bytes."""
        self.left = min(self.left + _PER_BYTE * size, _MAX_ALL_TRIAL_BYTES)


class OpenedRecord(NamedTuple):
    """Decrypted record.

    Attributes:
        inner: Content, inner type and padding.
        sequence: Its sequence number.
        epoch: `early`, `handshake` or `application`.
        missed: Records of the same key that were not decrypted before it; -1 if unknown.
        is_first: Whether it is the first record of its epoch.
    """

    inner: bytes
    sequence: int
    epoch: str
    missed: int
    is_first: bool


class RecordOpener:
    """Decryption of the records of one direction.

    Args:
        state: What both directions share.
        keys: The secrets.
        budget: Bytes that trials may take.
        to_server: Whether this is the direction to the server.

    Attributes:
        key: Key of the next record, once a record was decrypted.
        missing: Bytes missing from the stream, or unreadable, since the last decrypted record.
        reason: Why the last record was not decrypted.
    """

    __slots__ = (
        "_budget", "_changes", "_failed", "_fruitless", "_keys", "_left", "_state", "_to_server",
        "_tried", "key", "missing", "reason",
    )  # fmt: skip

    def __init__(
        self, state: TlsState, keys: KeyLog, budget: TrialBudget, *, to_server: bool
    ) -> None:
        self.key: RecordKey | None = None
        self.missing = 0
        self.reason = ""
        self._state = state
        self._keys = keys
        self._budget = budget
        self._to_server = to_server
        self._failed = 0  # records since the last decrypted one
        self._fruitless = 0  # the same, but since the key log's last change
        self._changes = -1  # of the key log, at the last trial
        self._left = _MAX_TRIAL_BYTES
        self._tried: dict[tuple[bytes, str, str], RecordKey] = {}  # keys of the capture's secrets

    def swap_direction(self) -> None:
        """Reverse the direction."""
        self._to_server = not self._to_server
        self._tried.clear()

    def open(self, raw: bytes) -> OpenedRecord | None:
        """Decrypt a record; return None, and set `reason`, if that is impossible."""
        header, body, key = raw[:HEADER_SIZE], raw[HEADER_SIZE:], self.key
        if key is not None:
            inner = key.open(header, body, key.sequence)
            if inner is not None:
                return self._opened(key, key.sequence, inner)
        self.reason = self._check()
        self._budget.add(len(raw))
        if not self.reason:
            if self._is_worth_trying(raw):
                for candidate, sequence in self._candidates(raw):
                    inner = candidate.open(header, body, sequence)
                    if inner is not None:
                        return self._opened(candidate, sequence, inner)
            self.reason = self._failure()
        self._failed += 1
        self._fruitless += 1
        return None

    def _opened(self, key: RecordKey, sequence: int, inner: bytes) -> OpenedRecord:
        before = self.key
        missed = -1
        if before is not None and (before.epoch, before.generation) == (key.epoch, key.generation):
            missed = sequence - before.sequence
        elif not self._failed and not self.missing:
            missed = 0
        key.sequence = sequence + 1
        self.key = key
        self._failed = self._fruitless = self.missing = 0
        if self._state.random is None:
            self._identify(key)
        is_first = sequence == 0 and key.generation == 0
        return OpenedRecord(inner, sequence, key.epoch, missed, is_first)

    def _identify(self, key: RecordKey) -> None:
        """Record which connection this is, after a key of the key log fitted."""
        state = self._state
        state.random = next(name[0] for name, tried in self._tried.items() if tried is key)
        state.suite = next(number for number, suite in SUITES.items() if suite is key.suite)
        state.version = 0x0304
        self._tried.clear()

    def start(self, epoch: str) -> None:
        """Use the keys of an epoch from now on, if they are known."""
        key = next((key for key in self._epoch(epoch) if key.suite == self._suite()), None)
        if key is not None:
            key.sequence = 0
            self.key = key

    def update(self) -> None:
        """Use the next generation of the key from now on: the sender has sent KeyUpdate."""
        if self.key is not None:
            self.key = self.key.updated()

    # -- which keys ---------------------------------------------------------------------------------

    def _suite(self) -> CipherSuite | None:
        return SUITES.get(self._state.suite)

    def _check(self) -> str:
        """Return why trials are pointless, or an empty string."""
        state, keys = self._state, self._keys
        keys.refresh()
        if state.version and state.version != 0x0304:
            return "only TLS 1.3 is decrypted"
        if not len(keys):
            return "no key" if state.random is not None else "no key, handshake not captured"
        if state.random is not None and not keys.has(state.random):
            return "the key log does not have this connection"
        if state.suite and state.suite not in SUITES:
            return f"cipher suite {state.suite:#06x} is unknown"
        return ""

    def _failure(self) -> str:
        if self._state.random is None:
            return "handshake not captured, and no secret of the key log fits"
        return "no secret of the key log fits, or the record is damaged"

    def _is_worth_trying(self, raw: bytes) -> bool:
        """Return whether trials are allowed for this record."""
        if self._keys.changes != self._changes:
            self._changes = self._keys.changes
            self._fruitless = 0
        elif self._fruitless >= _PATIENCE and self._fruitless & (self._fruitless - 1):
            return False
        if self._state.random is None and len(raw) > _SHORT and self._fruitless < _PATIENCE:
            return False
        return min(self._left, self._budget.left) > 0

    def _candidates(self, raw: bytes) -> Iterator[tuple[RecordKey, int]]:
        """Yield keys and sequence numbers, the most likely first, as far as the budget allows."""
        cost = len(raw) + _TRIAL
        for key, first, last in self._ranges():
            for sequence in range(first, last):
                if self._left < cost or self._budget.left < cost:
                    return
                self._left -= cost
                self._budget.left -= cost
                yield key, sequence

    def _ranges(self) -> Iterator[tuple[RecordKey, int, int]]:
        """Yield keys, each with a range of sequence numbers."""
        if self._state.random is None:
            yield from self._unknown_connection()
            return
        # Every record that was not decrypted has a number, and so has every missing one.
        bound = 1 + min(self._failed + self.missing // OVERHEAD, _MAX_TRIALS)
        current = self.key
        if current is not None:
            yield current, current.sequence + 1, current.sequence + bound
        epochs = ["early", "handshake", "application"]
        for epoch in epochs[epochs.index(current.epoch) + 1 if current is not None else 0 :]:
            for key in self._epoch(epoch):
                yield key, 0, bound
        if bound > 1:
            # A key update may have been among the missing records.
            latest = [current] if current is not None and current.epoch == "application" else []
            for key in latest or self._epoch("application"):
                for _ in range(_MAX_UPDATES):
                    if not self._pay():
                        return
                    key = key.updated()
                    yield key, 0, bound

    def _epoch(self, epoch: str) -> list[RecordKey]:
        """Return the keys that an epoch of this connection may have."""
        labels = {"early": EARLY, "handshake": HANDSHAKE, "application": TRAFFIC}[epoch]
        label, random = labels[self._to_server], self._state.random
        if random is None or not label:
            return []
        return self._derived(random, label, epoch)

    def _derived(self, random: bytes, label: str, epoch: str) -> list[RecordKey]:
        """Return keys from a secret of the key log: one for each suite that it may belong to."""
        secret, suite = self._keys.secret(random, label), self._suite()
        found = []
        for possible in suites_for(secret) if secret is not None else ():
            # Early data may use a different suite from the one that the server selects later.
            if suite not in (None, possible) and epoch != "early":
                continue
            name = random, label, possible.name
            if name not in self._tried:
                assert secret is not None
                self._tried[name] = RecordKey(secret, possible, epoch)
            found.append(self._tried[name])
        return found

    def _unknown_connection(self) -> Iterator[tuple[RecordKey, int, int]]:
        """Yield the keys of all connections in the key log: the handshake was not captured."""
        label = TRAFFIC[self._to_server]
        randoms = self._keys.randoms()[:_MAX_CONNECTIONS]
        keys = []
        for random in randoms:
            if not self._pay():
                return
            keys += self._derived(random, label, "application")
        most = _MAX_TRIALS // max(1, len(keys))
        first, size = 0, 16
        while first < most:
            for key in keys:
                yield key, first, min(first + size, most)
            first, size = first + size, size * 4

    def _pay(self) -> bool:
        """Take the cost of deriving a key; return whether the budget allows it."""
        self._left -= _DERIVATION
        self._budget.left -= _DERIVATION
        return self._left >= 0 and self._budget.left >= 0
