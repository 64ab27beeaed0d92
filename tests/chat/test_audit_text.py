"""Sentences about entries of the audit log."""

from __future__ import annotations

from netchat.chat.audit_text import audit_line
from netchat.chat.persistence import AuditRow


def test_an_entry_of_the_audit_log_names_its_room():
    row = AuditRow(1, 0, "", 1, "lobby", "Nova", 0, "spam")
    assert audit_line(row) == "Nova was removed by the host: spam (in the lobby)"
    row = row._replace(room="7K3F92MQ0T")
    assert audit_line(row) == "Nova was removed by the host: spam (in room 7K3F9-2MQ0T)"
