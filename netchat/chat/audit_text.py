"""Sentences about entries of the audit log."""

from __future__ import annotations

from netchat.chat.persistence import AuditRow
from netchat.chat.room_codes import LOBBY, show_code
from netchat.wire.moderation_text import ModerationNotice, describe

__all__ = ["audit_line"]


def audit_line(row: AuditRow) -> str:
    """Return the sentence about an entry of the audit log, with its room."""
    notice = ModerationNotice(row.action, row.target, row.actor, row.seconds, row.text)
    where = "the lobby" if row.room == LOBBY else f"room {show_code(row.room)}"
    return f"{describe(notice)} (in {where})"
