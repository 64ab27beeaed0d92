"""Device keys that were seen under each name (trust on first use)."""

from __future__ import annotations

from typing import Any

from netchat.chat.names import fold

__all__ = ["Pins"]


class Pins:
    """The device keys that this client knows, by name.

    Args:
        saved: What `dump` returned.
    """

    def __init__(self, saved: dict[str, Any] | None = None) -> None:
        self._keys = {name: bytes.fromhex(key) for name, (key, _) in (saved or {}).items()}
        self._verified = {name for name, (_, verified) in (saved or {}).items() if verified}

    def dump(self) -> dict[str, Any]:
        """Return the pins for JSON."""
        return {name: [key.hex(), name in self._verified] for name, key in self._keys.items()}

    def get(self, name: str) -> bytes | None:
        """Return the public keys known for a name, or None."""
        return self._keys.get(fold(name))

    def is_verified(self, name: str) -> bool:
        """Return whether the user has compared the safety number with this user."""
        return fold(name) in self._verified

    def mark_verified(self, name: str) -> None:
        """Record that the user has compared the safety number."""
        if fold(name) in self._keys:
            self._verified.add(fold(name))

    def forget(self, name: str) -> None:
        """Forget the keys of a name, so that new keys, or messages without keys, are accepted."""
        self._keys.pop(fold(name), None)
        self._verified.discard(fold(name))

    def check(self, name: str, keys: bytes) -> bool:
        """Pin the keys of a name; return False if different keys were pinned before."""
        folded = fold(name)
        known = self._keys.get(folded)
        if known == keys:
            return True
        self._keys[folded] = keys
        self._verified.discard(folded)
        return known is None

    def rename(self, old: str, new: str) -> None:
        """Pin the keys of a renamed user to the new name too, unless it has keys already."""
        old, new = fold(old), fold(new)
        if old in self._keys and new not in self._keys:
            self._keys[new] = self._keys[old]
            if old in self._verified:
                self._verified.add(new)
