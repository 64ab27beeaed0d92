"""Updates from the thread of the chat to the window: immutable values in one queue."""

from __future__ import annotations

from dataclasses import dataclass

from netchat.tui.entries import Entry
from netchat.tui.panes import PanesState

__all__ = ["Changed", "ChatEnded", "LoginRefused", "Update"]


@dataclass(frozen=True, slots=True)
class Changed:
    """A change of what the window shows.

    Attributes:
        state: Everything besides the logs.
        appended: New entries of each log, by the key of the conversation.
        replaced: Whole logs to show instead of the previous ones, by the key of the conversation.
    """

    state: PanesState
    appended: dict[str, tuple[Entry, ...]]
    replaced: dict[str, tuple[Entry, ...]]


@dataclass(frozen=True, slots=True)
class LoginRefused:
    """A failed attempt to connect or to log in. The login window shows it.

    Attributes:
        why: The reason.
        suggestion: A name that is free; empty if another name does not help.
        needs_password: A password is required, or the password was wrong.
    """

    why: str
    suggestion: str = ""
    needs_password: bool = False


@dataclass(frozen=True, slots=True)
class ChatEnded:
    """The end of the session.

    Attributes:
        why: The reason; empty if the user has left.
        undelivered: A sentence about messages that were not delivered; otherwise empty.
    """

    why: str
    undelivered: str = ""


Update = Changed | LoginRefused | ChatEnded
