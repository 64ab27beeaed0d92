"""Moderation of a room: title, bans, mutes and moderators, with their binary form.

Times are in microseconds since 1970. A ban or mute with the end 0 lasts until it is lifted.
"""

from __future__ import annotations

import struct
from enum import IntFlag

from netchat.chat.names import fold
from netchat.errors import CommandError
from netchat.wire import BannedUser, Record
from netchat.wire.declare import record
from netchat.wire.fields import records, text, u8, u64

__all__ = [
    "MAX_ENTRIES",
    "BanRecord",
    "BanScope",
    "ModeratorRecord",
    "MuteRecord",
    "RoomFlags",
    "RoomRules",
    "RulesRecord",
]

#: Maximum number of bans, of mutes and of moderators of a room. All are stored with each change.
MAX_ENTRIES = 256


#: Length of an encoded list.
_COUNT = struct.Struct(">H")


class RoomFlags(IntFlag):
    """Modes of a room."""

    LOCKED = 1
    READ_ONLY = 2


class BanScope(IntFlag):
    """Properties of a user that a ban applies to."""

    NAME = 1
    DEVICE = 2
    ADDRESS = 4


@record
class BanRecord(Record):
    """A ban."""

    number: int = u64("Number of the ban.")
    until: int = u64("End of the ban.")
    device: int = u64("Banned device id, or 0.")
    scope: int = u8("What is banned, as `BanScope`.")
    name: str = text("Name of the user, or empty.")
    address: str = text("Banned address group, or empty.")
    actor: str = text("Name of the moderator; empty for the operator.")
    reason: str = text("The reason, or empty.")


@record
class MuteRecord(Record):
    """A mute."""

    device: int = u64("Device id of the muted user, or number of the user's account.")
    until: int = u64("End of the mute.")
    name: str = text("Name of the user.")
    actor: str = text("Name of the moderator; empty for the operator.")
    reason: str = text("The reason, or empty.")


@record
class ModeratorRecord(Record):
    """A moderator of a room."""

    id: int = u64("Number of the session, or of its account if it has one.")


@record
class RulesRecord(Record):
    """Stored form of `RoomRules`."""

    floor: int = u64("Sequence number of the oldest event that was not cleared, or 0.")
    flags: int = u8("Modes, as `RoomFlags`.")
    title: str = text("Title, or empty.")
    moderators: tuple[ModeratorRecord, ...] = records(ModeratorRecord, "Moderators.", MAX_ENTRIES)
    mutes: tuple[MuteRecord, ...] = records(MuteRecord, "Mutes.", MAX_ENTRIES)
    bans: tuple[BanRecord, ...] = records(BanRecord, "Bans.", MAX_ENTRIES)


@record
class LockRecord(Record):
    """Reason of a lock, which follows `RulesRecord` if there is one."""

    reason: str = text("The reason.")


class RoomRules:
    """Restrictions and settings that moderators have given a room.

    Attributes:
        title: Title, or empty.
        flags: Modes.
        lock_reason: Why the room is locked, or empty.
        floor: Sequence number of the oldest event that was not cleared, or 0.
        moderators: Numbers of sessions, and of accounts, that moderate the room. The number of a
            session that has ended is never used again.
        mutes: Mutes by device id, or by the number of an account.
        bans: Bans by number.
    """

    __slots__ = (
        "_encoded",
        "bans",
        "flags",
        "floor",
        "lock_reason",
        "moderators",
        "mutes",
        "title",
    )

    def __init__(self) -> None:
        self.title = ""
        self.flags = 0
        self.lock_reason = ""
        self.floor = 0
        self.moderators: dict[int, None] = {}
        self.mutes: dict[int, MuteRecord] = {}
        self.bans: dict[int, BanRecord] = {}
        # Encoded entries by the entry's `id`, with the entry, so that the `id` stays valid. An action changes
        # one of hundreds of entries; the others need not be encoded again.
        self._encoded: dict[int, tuple[BanRecord | MuteRecord, bytes]] = {}

    def is_locked(self) -> bool:
        """Return whether the room is closed to new members."""
        return bool(self.flags & RoomFlags.LOCKED)

    def is_read_only(self) -> bool:
        """Return whether only moderators may write."""
        return bool(self.flags & RoomFlags.READ_ONLY)

    def mute_of(self, device: int, time: int) -> MuteRecord | None:
        """Return the mute of a device or account at a time, or None."""
        mute = self.mutes.get(device)
        return mute if mute is not None and _is_in_force(mute, time) else None

    def ban_of(self, time: int, name: str, device: int, address: str = "") -> BanRecord | None:
        """Return a ban of a user at a time, or None.

        Args:
            time: The time.
            name: The user's name.
            device: The user's device id.
            address: The address group that the user's connection counts against, or empty.
        """
        folded = fold(name) if self.bans else ""
        for ban in self.bans.values():
            if _is_in_force(ban, time) and (
                (ban.scope & BanScope.NAME and fold(ban.name) == folded)
                or (ban.scope & BanScope.DEVICE and ban.device == device)
                or (ban.scope & BanScope.ADDRESS and address and ban.address == address)
            ):
                return ban
        return None

    def find_ban(self, target: str) -> BanRecord | None:
        """Return the newest ban with a number (`#12`), a name or an address, or None."""
        if target.startswith("#"):
            digits = target[1:20]
            return self.bans.get(int(digits)) if digits.isdecimal() and digits.isascii() else None
        folded = fold(target)
        for ban in reversed(self.bans.values()):
            if (ban.name and fold(ban.name) == folded) or (ban.address and ban.address == target):
                return ban
        return None

    def find_mute(self, target: str) -> MuteRecord | None:
        """Return the newest mute of a user with this name, or None."""
        folded = fold(target)
        found = (mute for mute in reversed(self.mutes.values()) if fold(mute.name) == folded)
        return next(found, None)

    def mutes_of_name(self, name: str) -> set[int]:
        """Return the numbers of all mutes of users with a name."""
        folded = fold(name)
        return {number for number, mute in self.mutes.items() if fold(mute.name) == folded}

    def expire(self, time: int) -> None:
        """Forget mutes and bans that have ended."""
        self.mutes = {d: mute for d, mute in self.mutes.items() if _is_in_force(mute, time)}
        self.bans = {n: ban for n, ban in self.bans.items() if _is_in_force(ban, time)}

    def list_bans(self, after: int, time: int, count: int) -> list[BannedUser]:
        """Return the next bans in force after the ban with number `after`."""
        found = [ban for n, ban in self.bans.items() if n > after and _is_in_force(ban, time)]
        return [
            BannedUser(b.number, b.until, b.scope, b.name, b.address, b.actor, b.reason)
            for b in found[:count]
        ]

    def dump(self) -> bytes:
        """Return the rules as bytes."""
        moderators = tuple(map(ModeratorRecord, self.moderators))
        start = RulesRecord(self.floor, self.flags, self.title, moderators, (), ()).encode()
        lists = (list(self.mutes.values()), list(self.bans.values()))
        parts = [start[: -_COUNT.size * len(lists)]]
        encoded: dict[int, tuple[BanRecord | MuteRecord, bytes]] = {}
        for entries in lists:
            parts.append(_COUNT.pack(len(entries)))
            for entry in entries:
                known = self._encoded.get(id(entry))
                encoded[id(entry)] = known = known or (entry, entry.encode())
                parts.append(known[1])
        self._encoded = encoded
        if self.lock_reason:
            parts.append(LockRecord(self.lock_reason).encode())
        return b"".join(parts)

    @classmethod
    def load(cls, data: bytes) -> RoomRules:
        """Return the rules that `dump` wrote.

        Raises:
            CommandError: The bytes are not the rules of a room.
        """
        try:
            stored, end = RulesRecord.read(data, 0)
            reason = ""
            if end < len(data):
                locked, end = LockRecord.read(data, end)
                reason = locked.reason
        except (struct.error, UnicodeDecodeError) as error:
            raise CommandError(f"the rules of a room are damaged: {error}") from error
        if end != len(data):
            raise CommandError(f"the rules of a room have {len(data)} bytes, but end at {end}")
        rules = cls()
        rules.title, rules.flags, rules.floor = stored.title, stored.flags, stored.floor
        rules.lock_reason = reason
        rules.moderators = {moderator.id: None for moderator in stored.moderators}
        rules.mutes = {mute.device: mute for mute in stored.mutes}
        rules.bans = {ban.number: ban for ban in stored.bans}
        return rules


def _is_in_force(entry: BanRecord | MuteRecord, time: int) -> bool:
    return not entry.until or time < entry.until
