"""Notice of `netchat serve` that its accounts have no owner."""

from __future__ import annotations

import shlex
from pathlib import Path

from netchat.chat.model import Role
from netchat.chat.settings import Settings
from netchat.chat.shared_state import SharedState

__all__ = ["owner_notice"]


def owner_notice(state: SharedState, settings: Settings, history: Path | None) -> str:
    """Return how to create the server's owner, or an empty string if it has one or needs none.

    Args:
        state: The shared state.
        settings: The server's settings.
        history: Path for the --history of `netchat accounts`; None if the server has no file.
    """
    if settings.accounts == "off" or any(a.role is Role.OWNER for a in state.accounts.values()):
        return ""
    command = f"netchat accounts --history {shlex.quote(str(history))}"
    if history is None:
        if settings.registration != "open":
            return (
                "No user can register: with --ephemeral, netchat accounts cannot reach this server."
            )
        return (
            "No owner yet: the first account becomes the owner of this server. Register in the "
            "terminal or on the page before other users can."
        )
    if state.accounts:
        return f"No account is an owner. Appoint one: {command} role NAME owner"
    when = {
        "open": "Register it before other users can",
        "invitation": "Register it before you hand out invitations",
        "closed": "Register it",
    }[settings.registration]
    return f"No owner yet: the first account becomes the owner of this server. {when}: {command} add NAME"
