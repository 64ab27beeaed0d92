"""Rules of moderation: rights in a room, and the effects of each action.

A moderator outranks members, an owner outranks moderators, and the operator of the server outranks all.
No moderator acts on a user of the same rank. A room's own moderators have this rank only there; those of the
lobby have it in all rooms, because the lobby stands for the server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from netchat.chat.commands import ModerateRoom
from netchat.chat.model import Account, Role, Room, Session
from netchat.chat.outcomes import (
    MemberLeft,
    Outcome,
    Reason,
    Rejected,
    RoleChanged,
    RoomClosed,
    SessionRemoved,
    StateChange,
)
from netchat.chat.persistence import AuditRow, EventRow, HistoryCleared, RoomDeleted, RulesRow
from netchat.chat.room_codes import LOBBY
from netchat.chat.room_log import Removal, append_event, remove_member
from netchat.chat.room_moderation import (
    MAX_ENTRIES,
    BanRecord,
    BanScope,
    MuteRecord,
    RoomFlags,
    RoomRules,
)
from netchat.chat.session_rules import end_session
from netchat.chat.shared_state import SharedState
from netchat.wire import EventKind, ModeratorAction, RoomKind
from netchat.wire.moderation_text import HOST, event_text

__all__ = [
    "ABOUT_USERS",
    "OPERATOR",
    "OWNER_ACTIONS",
    "account_ban",
    "entry_problem",
    "find_mute",
    "moderate",
    "post_problem",
    "rank",
    "rights_key",
    "server_ban",
]

#: Rank of the operator: above every role.
OPERATOR = Role.OWNER + 1

#: Actions about a user.
ABOUT_USERS = frozenset(
    {
        ModeratorAction.KICK,
        ModeratorAction.MUTE,
        ModeratorAction.UNMUTE,
        ModeratorAction.BAN,
        ModeratorAction.UNBAN,
        ModeratorAction.APPOINT,
        ModeratorAction.DISMISS,
    }
)

#: Actions that only owners and the operator may carry out.
OWNER_ACTIONS = frozenset({ModeratorAction.APPOINT, ModeratorAction.DISMISS})

#: Verbs for a user whom a moderator has removed.
_REMOVED = {ModeratorAction.KICK: "removed", ModeratorAction.BAN: "banned"}


def rights_key(session: Session) -> int:
    """Return the number under which a room lists a user as its moderator."""
    return session.account.id if session.account is not None else session.id


def rank(state: SharedState, session: Session, room: Room) -> int:
    """Return a user's rank in a room: a `Role`."""
    if session.role >= Role.MODERATOR:
        return session.role
    for place in (room, state.rooms.get(LOBBY)):
        listed = place.rules.moderators if place is not None and place.rules is not None else ()
        if session.id in listed or (session.account is not None and session.account.id in listed):
            return Role.MODERATOR
    return Role.MEMBER


def server_ban(state: SharedState, time: int, name: str, device: int) -> BanRecord | None:
    """Return the ban that keeps a user out of the server, or None."""
    lobby = state.rooms.get(LOBBY)
    if lobby is None or lobby.rules is None:
        return None
    return lobby.rules.ban_of(time, name, device)


def account_ban(
    state: SharedState, time: int, account: Account, device: int, address: str = ""
) -> BanRecord | None:
    """Return the ban that keeps the owner of an account out of the server, or None."""
    lobby = state.rooms.get(LOBBY)
    if lobby is None or lobby.rules is None or account.role >= Role.MODERATOR:
        return None
    if account.id in lobby.rules.moderators:
        return None
    return lobby.rules.ban_of(time, account.name, device, address)


def entry_problem(state: SharedState, session: Session, room: Room, time: int) -> Reason | None:
    """Return why a user may not enter a room, or None."""
    rules = room.rules
    if rules is None or not (rules.bans or rules.flags) or rank(state, session, room):
        return None
    if rules.ban_of(time, session.name, session.device) is not None:
        return Reason.BANNED
    return Reason.LOCKED if rules.is_locked() else None


def find_mute(session: Session, room: Room, time: int) -> MuteRecord | None:
    """Return the mute of a user in a room at a time, or None.

    It is listed under the user's device, and under the account, which may be used from other devices.
    """
    rules = room.rules
    if rules is None:
        return None
    mute = rules.mute_of(session.device, time)
    if mute is None and session.account is not None:
        mute = rules.mute_of(session.account.id, time)
    return mute


def post_problem(
    state: SharedState, session: Session, room: Room, rules: RoomRules, time: int
) -> Reason | None:
    """Return why a member may not write in a room, or None."""
    if rules.mutes and find_mute(session, room, time) is not None:
        return Reason.MUTED
    if rules.is_read_only() and not rank(state, session, room):
        return Reason.READ_ONLY
    return None


class _Request:
    """A command that is being carried out."""

    __slots__ = ("actor", "command", "rank", "room", "state", "user")

    def __init__(self, state: SharedState, command: ModerateRoom, room: Room, own: int) -> None:
        session = state.sessions.get(command.session)
        self.state, self.command, self.room, self.rank = state, command, room, own
        self.actor = session.name if session is not None else ""
        self.user = state.sessions.get(command.user)

    @property
    def rules(self) -> RoomRules:
        """The room's rules; empty ones if it has none."""
        if self.room.rules is None:
            self.room.rules = RoomRules()
        return self.room.rules

    @property
    def until(self) -> int:
        """End of the mute or ban, or 0."""
        seconds = self.command.seconds
        return self.command.time + seconds * 1_000_000 if seconds else 0

    @property
    def text(self) -> str:
        """Text of the event."""
        return event_text(self.actor, self.command.seconds, self.command.text)

    def event(self, kind: EventKind, sender: str) -> EventRow:
        """Append the event about the action to the room's log."""
        command = self.command
        return append_event(
            self.room, kind, sender, self.text, command.time, counter=command.action
        )

    def about(self, name: str) -> EventRow:
        """Append an event about a user."""
        return self.event(EventKind.MODERATED, name)

    def stored(self) -> RulesRow:
        """Return the row of the changed rules."""
        return RulesRow(self.room.id, self.rules.dump())


def moderate(state: SharedState, command: ModerateRoom) -> Outcome:
    """Apply `ModerateRoom`: carry out a moderator's action."""
    if command.session:
        session = state.sessions.get(command.session)
        if session is None or session.attachment != command.attachment:
            return Rejected(Reason.STALE)
        room = session.rooms.get(command.room)
        if room is None:
            return Rejected(Reason.NOT_A_MEMBER)
        own = rank(state, session, room)
    else:
        found = state.rooms.get(command.room)
        if found is None:
            return Rejected(Reason.NO_SUCH_ROOM)
        room, own = found, OPERATOR
    carry_out = _ACTIONS.get(command.action)
    if carry_out is None or room.kind is RoomKind.PRIVATE:
        return Rejected(Reason.NOT_POSSIBLE)
    needed = Role.OWNER if command.action in OWNER_ACTIONS else Role.MODERATOR
    if command.scope & BanScope.ADDRESS:
        needed = Role.OWNER
    if own < needed:
        return Rejected(Reason.NOT_ALLOWED)
    request = _Request(state, command, room, own)
    if request.user is not None and own <= rank(state, request.user, room):
        return Rejected(Reason.NOT_ALLOWED)
    target = request.user.name if request.user is not None else command.target
    outcome = carry_out(request)
    if isinstance(outcome, Reason):
        return Rejected(outcome)
    audit = AuditRow(
        state.new_id(),
        command.time,
        request.actor,
        command.action,
        room.code,
        target,
        command.seconds,
        command.text,
    )
    return [*outcome, audit]


# -- users ----------------------------------------------------------------------------------------


def _kick(request: _Request) -> list[StateChange] | Reason:
    user = request.user
    if user is None or (
        request.room.kind is not RoomKind.LOBBY and user not in request.room.members
    ):
        return Reason.NO_SUCH_USER
    return _remove(request, user)


def _remove(request: _Request, user: Session) -> list[StateChange]:
    """Remove a user from a room, or from the server if it is the lobby."""
    state, room, command = request.state, request.room, request.command
    removal, head = Removal(command.action, request.text), room.head
    changes: list[StateChange]
    if room.kind is RoomKind.LOBBY:
        what = _REMOVED[ModeratorAction(command.action)]
        text = f"You were {what} by {request.actor or HOST}"
        text += f": {command.text}" if command.text else "."
        reason = f"{what} by {request.actor or HOST}"
        *changes, ended = end_session(state, user, reason, command.time, removal)
        # After the last events of its rooms, and while the session still has its connection.
        changes += [SessionRemoved(user.id, text), ended]
    elif user in room.members:
        changes = remove_member(state, user, room, "", command.time, removal)
        changes.append(MemberLeft(user.id, room.code, 0))
    else:
        changes = []
    if room.head == head:  # the room has not seen it, because the user was not in it
        changes.append(request.about(user.name))
    return changes


def _ban(request: _Request) -> list[StateChange] | Reason:
    command, user, room = request.command, request.user, request.room
    scope = command.scope
    if not scope:
        scope = BanScope.NAME | BanScope.DEVICE if user is not None else BanScope.NAME
    if scope & BanScope.DEVICE and user is None:
        return Reason.NO_SUCH_USER
    if scope & BanScope.ADDRESS and not command.address:
        return Reason.NO_SUCH_USER
    if scope & BanScope.NAME and user is None and not command.target:
        return Reason.NO_SUCH_USER
    if _is_full(room.rules.bans.values() if room.rules is not None else (), command.time):
        return Reason.TOO_MANY
    rules = request.rules
    rules.expire(command.time)
    name = user.name if user is not None else command.target if scope & BanScope.NAME else ""
    ban = BanRecord(
        request.state.new_id(),
        request.until,
        user.device if user is not None and scope & BanScope.DEVICE else 0,
        scope,
        name,
        command.address if scope & BanScope.ADDRESS else "",
        request.actor,
        command.text,
    )
    rules.bans[ban.number] = ban
    stored = request.stored()
    if user is None:
        return [stored, request.about(name)]
    return [stored, *_remove(request, user)]


def _unban(request: _Request) -> list[StateChange] | Reason:
    rules = request.room.rules
    ban = rules.find_ban(request.command.target) if rules is not None else None
    if rules is None or ban is None:
        return Reason.NO_SUCH_USER
    del rules.bans[ban.number]
    return [request.stored(), request.about(ban.name)]


def _mute(request: _Request) -> list[StateChange] | Reason:
    user, command, room = request.user, request.command, request.room
    if user is None or user not in room.members:
        return Reason.NO_SUCH_USER
    numbers = _mute_numbers(user)
    mutes = room.rules.mutes.values() if room.rules is not None else ()
    if _is_full(mutes, command.time, len(numbers)):
        return Reason.TOO_MANY
    rules = request.rules
    rules.expire(command.time)
    for number in numbers:
        rules.mutes.pop(number, None)
        rules.mutes[number] = MuteRecord(
            number, request.until, user.name, request.actor, command.text
        )
    return [request.stored(), request.about(user.name)]


def _mute_numbers(user: Session) -> tuple[int, ...]:
    """Return the numbers under which a user's mute is listed: the device's and the account's.

    The number of an account is small, and that of a device is a hash, so that they are not the same.
    """
    return (user.device, user.account.id) if user.account is not None else (user.device,)


def _unmute(request: _Request) -> list[StateChange] | Reason:
    user, rules = request.user, request.room.rules
    if rules is None:
        return Reason.NOTHING_TO_CHANGE
    numbers = _mute_numbers(user) if user is not None else ()
    found = [mute for number in numbers if (mute := rules.mutes.get(number)) is not None]
    mute = found[0] if found else rules.find_mute(request.command.target)
    if mute is None:
        return Reason.NOTHING_TO_CHANGE
    # Also unmute the other devices on which the account was muted.
    over = {one.device for one in found} | rules.mutes_of_name(mute.name)
    for number in over:
        del rules.mutes[number]
    return [request.stored(), request.about(user.name if user is not None else mute.name)]


def _appoint(request: _Request) -> list[StateChange] | Reason:
    user, room = request.user, request.room
    if user is None:
        return Reason.NO_SUCH_USER
    if rank(request.state, user, room) >= Role.MODERATOR:
        return Reason.NOTHING_TO_CHANGE
    if room.rules is not None and len(room.rules.moderators) >= MAX_ENTRIES:
        return Reason.TOO_MANY
    request.rules.moderators[rights_key(user)] = None
    return [request.stored(), request.about(user.name), RoleChanged(user.id, room.id)]


def _dismiss(request: _Request) -> list[StateChange] | Reason:
    user, rules = request.user, request.room.rules
    if user is None:
        return Reason.NO_SUCH_USER
    keys = {user.id, rights_key(user)}
    if rules is None or not keys & rules.moderators.keys():
        return Reason.NOTHING_TO_CHANGE
    for key in keys:
        rules.moderators.pop(key, None)
    return [request.stored(), request.about(user.name), RoleChanged(user.id, request.room.id)]


def _is_full(entries: Iterable[BanRecord | MuteRecord], time: int, new: int = 1) -> bool:
    """Return whether a room has too many mutes or bans in force for new ones."""
    return sum(not one.until or time < one.until for one in entries) + new > MAX_ENTRIES


# -- the room -------------------------------------------------------------------------------------


def _title(request: _Request) -> list[StateChange] | Reason:
    if request.room.title == request.command.text:
        return Reason.NOTHING_TO_CHANGE
    request.rules.title = request.command.text
    return [request.stored(), request.event(EventKind.ROOM_CHANGED, request.actor)]


def _flag(flag: RoomFlags, *, is_set: bool) -> Callable[[_Request], list[StateChange] | Reason]:
    def carry_out(request: _Request) -> list[StateChange] | Reason:
        before = request.room.rules.flags if request.room.rules is not None else 0
        flags = before | flag if is_set else before & ~flag
        if flags == before:
            return Reason.NOTHING_TO_CHANGE
        request.rules.flags = flags
        if flag is RoomFlags.LOCKED:
            request.rules.lock_reason = request.command.text if is_set else ""
        return [request.stored(), request.event(EventKind.ROOM_CHANGED, request.actor)]

    return carry_out


def _clear(request: _Request) -> list[StateChange] | Reason:
    room = request.room
    event = request.event(EventKind.ROOM_CHANGED, request.actor)
    request.rules.floor = room.head
    return [request.stored(), event, HistoryCleared(room.id, room.head)]


def _close(request: _Request) -> list[StateChange] | Reason:
    state, room = request.state, request.room
    if room.kind is RoomKind.LOBBY:
        return Reason.NOT_POSSIBLE
    event = request.event(EventKind.ROOM_CHANGED, request.actor)
    members = tuple(session.id for session in room.members)
    for session in room.members:
        del session.rooms[room.code]
    room.members.clear()
    del state.rooms[room.code]
    return [event, RoomClosed(room.id, room.code, members), RoomDeleted(room.id)]


_ACTIONS: dict[int, Callable[[_Request], list[StateChange] | Reason]] = {
    ModeratorAction.KICK: _kick,
    ModeratorAction.MUTE: _mute,
    ModeratorAction.UNMUTE: _unmute,
    ModeratorAction.BAN: _ban,
    ModeratorAction.UNBAN: _unban,
    ModeratorAction.APPOINT: _appoint,
    ModeratorAction.DISMISS: _dismiss,
    ModeratorAction.TITLE: _title,
    ModeratorAction.LOCK: _flag(RoomFlags.LOCKED, is_set=True),
    ModeratorAction.UNLOCK: _flag(RoomFlags.LOCKED, is_set=False),
    ModeratorAction.READ_ONLY: _flag(RoomFlags.READ_ONLY, is_set=True),
    ModeratorAction.WRITABLE: _flag(RoomFlags.READ_ONLY, is_set=False),
    ModeratorAction.CLEAR: _clear,
    ModeratorAction.CLOSE: _close,
}
