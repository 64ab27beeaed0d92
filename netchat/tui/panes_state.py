"""State of a front end with panes, as immutable values."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ConversationState", "PanesState", "TransferState"]


@dataclass(frozen=True, slots=True)
class ConversationState:
    """One row in the list of conversations.

    Attributes:
        key: Its identity.
        label: Its title, its room code or the name of the user.
        code: Room code to invite others with; empty without one.
        is_private: It is with one user.
        is_sealed: Its texts are encrypted end to end.
        unread: Number of messages that the user has not seen.
        is_mentioned: One of them contains the user's name.
        is_locked: It is closed to new members.
        is_read_only: Only moderators can write.
    """

    key: str
    label: str
    code: str
    is_private: bool
    is_sealed: bool
    unread: int
    is_mentioned: bool
    is_locked: bool = False
    is_read_only: bool = False


@dataclass(frozen=True, slots=True)
class TransferState:
    """A transfer of a file in progress.

    Attributes:
        number: Its number.
        status: Direction, name, share, speed and remaining time.
        share: Transferred share, from 0 to 1.
        is_paused: The user has paused it.
    """

    number: int
    status: str
    share: float
    is_paused: bool


@dataclass(frozen=True, slots=True)
class PanesState:
    """State that the front end shows besides the logs.

    Attributes:
        name: The user's name.
        server: Address of the server.
        is_online: There is a session on a connection.
        is_encrypted: TLS protects the connection.
        status: The state of the connection, as a phrase.
        unsent: Number of messages that are not acknowledged.
        selected: Key of the selected conversation; empty without one.
        conversations: The conversations: rooms first, then users.
        people: Names of the members of the selected conversation, sorted.
        known_people: Names of all users seen, for completion.
        rooms: Codes of the user's rooms, for completion.
        role: The user's rights in the selected room: 0 member, 1 moderator, 2 owner.
        transfers: Transfers of files in progress.
    """

    name: str
    server: str
    is_online: bool
    is_encrypted: bool
    status: str
    unsent: int
    selected: str
    conversations: tuple[ConversationState, ...]
    people: tuple[str, ...]
    known_people: tuple[str, ...]
    rooms: tuple[str, ...]
    role: int
    transfers: tuple[TransferState, ...] = ()
