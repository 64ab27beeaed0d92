"""The devices that the server lists as members of a sealed room, compared with the room's events.

A former member knows the room's secret until it changes. If the server helps, a new device can be proved
with it, and listed under any name. A member notices that a device is new since the departure.
"""

from __future__ import annotations

from typing import Any, Self

from netchat.chat.names import fold

__all__ = ["MemberDevices"]


class MemberDevices:
    """One member's knowledge of the other members of a sealed room.

    Attributes:
        listed: Public keys of the devices that were listed, by folded name.
    """

    def __init__(self) -> None:
        self.listed: dict[str, bytes] = {}
        self._joined: dict[str, int] = {}  # sequence number of each JOIN
        self._departed_at = 0
        self._rekeyed_at = 0
        self._is_reviewed = False

    def joined(self, name: str, seq: int) -> None:
        """Note a JOIN."""
        self._joined[fold(name)] = seq

    def left(self, name: str, seq: int) -> None:
        """Note the departure of a member."""
        self._joined.pop(fold(name), None)
        self.listed.pop(fold(name), None)
        self._departed_at = seq

    def renamed(self, old: str, new: str) -> None:
        """Note a RENAME."""
        if (keys := self.listed.pop(fold(old), None)) is not None:
            self.listed[fold(new)] = keys
        if (seq := self._joined.pop(fold(old), None)) is not None:
            self._joined[fold(new)] = seq

    def rekeyed(self, seq: int) -> None:
        """Note a new secret."""
        self._rekeyed_at = seq

    def review(self, members: dict[str, bytes]) -> list[tuple[str, bool]]:
        """Compare a list of members with what is known, and note it.

        Returns:
            The names whose device may be a former member's, each once, and whether another device of
            that name was listed before.
        """
        found = []
        for name, keys in members.items():
            before = self.listed.get(fold(name))
            if before != keys and self._is_reviewed and (before or self._is_late(name)):
                found.append((name, before is not None))
            self.listed[fold(name)] = keys
        self._is_reviewed = True
        return found

    def _is_late(self, name: str) -> bool:
        """Return whether a name was not here at the last departure, nor came with a later secret."""
        joined = self._joined.get(fold(name), 0)
        if not self._departed_at or 0 < joined < self._departed_at:
            return False
        return not joined > self._rekeyed_at > self._departed_at

    def dump(self) -> dict[str, Any]:
        """Return the state for JSON."""
        return {
            "listed": {name: keys.hex() for name, keys in self.listed.items()},
            "joined": self._joined,
            "departed_at": self._departed_at,
            "rekeyed_at": self._rekeyed_at,
            "reviewed": self._is_reviewed,
        }

    @classmethod
    def load(cls, saved: dict[str, Any] | None) -> Self:
        """Return what `dump` has saved; None is that of an earlier version, which saved nothing."""
        known = cls()
        if saved is not None:
            known.listed = {name: bytes.fromhex(keys) for name, keys in saved["listed"].items()}
            known._joined = dict(saved["joined"])
            known._departed_at, known._rekeyed_at = saved["departed_at"], saved["rekeyed_at"]
            known._is_reviewed = saved["reviewed"]
        return known
