"""Rules about sessions that several commands share."""

from netchat.chat.model import Account, Role, Session
from netchat.chat.outcomes import SessionMoved
from netchat.chat.session_rules import (
    account_row,
    attached,
    forget_login,
    moved,
    remember_login,
    session_row,
)
from netchat.chat.shared_state import SharedState
from netchat.chat.state_records import unpack_logins


def test_a_command_of_an_earlier_connection_has_no_session():
    state, session = SharedState(), Session(1, "Nova", 7)
    session.attachment = 2
    state.sessions[1] = session

    class Command:
        session, attachment = 1, 2

    assert attached(state, Command()) is session
    Command.attachment = 1
    assert attached(state, Command()) is None


def test_the_reason_of_a_moved_session():
    session = Session(1, "Nova", 7)
    assert moved(session) == SessionMoved(1, ())
    assert moved(session, "Why").text == "Why"


def test_rows_hold_what_is_stored():
    state, account = SharedState(), Account(3, "Nova", "$", Role.OWNER, 5)
    session = account.session = Session(1, "Nova", 7)
    session.token, session.previous = b"t", b"p"
    assert session_row(session) == (1, b"t", b"p", 7, "Nova")
    remember_login(state, account, 8, b"a", b"")
    row = account_row(account)
    assert row[:7] == (3, "Nova", "$", 0, 2, 5, 1)
    assert unpack_logins(row.logins) == {8: (b"a", b"")}
    assert state.logins == {b"a": (account, 8)}
    forget_login(state, account, 8)
    forget_login(state, account, 8)
    assert not state.logins
    account.session = None
    assert account_row(account).session == 0
