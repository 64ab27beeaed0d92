"""Accounts, from the client to the shared state and back, with a stand-in for argon2id."""

from __future__ import annotations

import secrets

import pytest

from netchat.chat.client_events import (
    AccountChanged,
    LoginFailed,
    LoginRequired,
    NameRejected,
    Online,
    RequestRefused,
    SessionEnded,
)
from netchat.chat.client_session import Credentials
from netchat.chat.commands import (
    AddInvitation,
    OpenAccountSession,
    OpenSession,
    RemoveAccount,
    SetPassword,
    SetRole,
)
from netchat.chat.credentials import device_id, token_hash
from netchat.chat.handshake import _PendingHello
from netchat.chat.login_limit import PAIR
from netchat.chat.ordering import propose
from netchat.chat.passwords import invitation_hash
from netchat.chat.server_state import MAX_CHECKS
from netchat.chat.settings import Settings
from netchat.wire import (
    AccountStatus,
    Error,
    ErrorCode,
    Feature,
    Hello,
    Login,
    Logout,
    Password,
    Register,
    Rename,
    Role,
    Welcome,
    encode,
)
from tests.chat.world import Link, User, World, hashed, refusal

GOOD, OTHER = "correct horse", "battery staple"


@pytest.fixture
def world() -> World:
    return World(accounts="optional")


def registered(world: World, name: str = "Nova") -> User:
    """Return a user in the lobby who has registered."""
    user = world.user(name, "lobby")
    user.core.register(GOOD)
    world.settle()
    assert user.all(AccountChanged)[-1].name == name
    return user


def entering(world: World, name: str, password: str = GOOD, **more: object) -> User:
    """Return a user of a new device who logs in or registers before HELLO."""
    user = User(name)
    user.core.credentials = Credentials(name, password, **more)  # type: ignore[arg-type]
    world.users.append(user)
    world.connect(user)
    world.settle()
    return user


def device_hello(user: User, token: bytes = b"", features: int = 3) -> Hello:
    """Return a HELLO of a user's device."""
    return Hello(features, user.core.memory.device_key, token, user.core.name, "test", ())


def test_a_guest_registers_and_the_session_becomes_the_accounts(world):
    user = world.user("Nova", "lobby")
    assert user.all(AccountChanged) == [AccountChanged("", Role.MEMBER)]
    before = user.core.memory.token
    user.core.register(GOOD)
    world.settle()
    assert user.all(AccountChanged)[-1] == AccountChanged("Nova", Role.OWNER)
    (account,) = world.hub.state.shared.accounts.values()
    assert account.session is world.hub.state.shared.by_name.get("nova")
    assert account.password == hashed(GOOD)
    assert user.core.memory.token not in (before, b"")
    assert user.texts() == []  # no event: the name has not changed
    user.core.say("lobby", "hi")
    world.settle()
    assert user.texts() == ["hi"]


def test_only_the_first_account_is_the_owner(world):
    registered(world)
    second = registered(world, "Vega")
    assert second.core.role is Role.MEMBER


@pytest.mark.parametrize("name", ["Nova", "nova", "NOVA", "N\u043ev\u0430", "Nov\u0251"])
def test_no_guest_gets_a_registered_name_while_its_owner_is_offline(world, name):
    owner = registered(world)
    owner.core.bye()
    world.settle()
    guest = world.user(name)
    assert not guest.core.online
    assert guest.all(LoginRequired) or guest.all(NameRejected)
    other = world.user("Other", "lobby")
    other.core.rename(name)
    world.settle()
    (refused,) = other.all(RequestRefused)
    assert refused.error.code in (ErrorCode.NAME_TAKEN, ErrorCode.NAME_NOT_ALLOWED)


def test_a_client_without_accounts_sees_a_taken_name(world):
    registered(world).core.bye()
    world.settle()
    link = world.link()
    answer = world.say(link, Hello(0, secrets.token_bytes(16), b"", "Nova", "old", ()))
    assert refusal(answer)[0] == ErrorCode.NAME_TAKEN
    (welcome,) = world.say(link, Hello(0, secrets.token_bytes(16), b"", "Nova2", "old", ()))
    assert isinstance(welcome, Welcome)
    assert not welcome.features & Feature.ACCOUNTS


def test_the_owner_logs_in_from_a_new_device_and_continues_there(world):
    first = registered(world)
    first.core.say("lobby", "one")
    world.settle()
    number = first.core.device
    second = entering(world, "nova")
    assert second.all(Online)[-1].name == "Nova"
    assert "lobby" in second.core.memory.rooms
    (ended,) = first.all(SessionEnded)
    assert not ended.wanted
    assert len(world.hub.state.shared.sessions) == 1
    second.core.say("lobby", "two")
    world.settle()
    assert second.texts() == ["two"]
    assert second.core.device != number


def test_a_device_stays_logged_in_after_its_session_has_ended(world):
    user = registered(world)
    token = user.core.memory.token
    user.core.bye()
    world.settle()
    assert user.core.memory.token == token
    back = world.user("Nova", memory=user.core.memory)
    assert back.core.account == "Nova"
    assert back.core.memory.token != token


def test_the_earlier_device_returns_with_its_token(world):
    first = registered(world)
    entering(world, "Nova")
    back = world.user("Nova", memory=first.core.memory)
    assert back.core.account == "Nova"
    assert len(world.hub.state.shared.sessions) == 1


def test_a_used_token_of_a_login_is_worthless_once_the_next_one_is_proved(world):
    user = registered(world)
    old = user.core.memory.token
    user.core.bye()
    world.settle()
    back = world.user("Nova", memory=user.core.memory)
    back.core.join("lobby")  # a request proves that the client has the new token
    world.settle()
    thief = world.link()
    answer = world.say(thief, device_hello(back, old))
    assert refusal(answer)[0] == ErrorCode.LOGIN_REQUIRED


def test_a_token_on_another_device_is_worthless(world):
    user = registered(world)
    token = user.core.memory.token
    user.core.bye()
    world.settle()
    answer = world.say(world.link(), Hello(3, secrets.token_bytes(16), token, "Nova", "thief", ()))
    assert refusal(answer)[0] == ErrorCode.LOGIN_REQUIRED


def test_a_session_fixed_by_an_attacker_does_not_log_in(world):
    """The attacker gives the victim a device key and a token, and waits until the victim registers."""
    victim = world.user("Nova", "lobby")
    key, token = victim.core.memory.device_key, victim.core.memory.token
    victim.core.register(GOOD)
    world.settle()
    answer = world.say(world.link(), Hello(3, key, token, "Nova", "attacker", ()))
    assert refusal(answer)[0] == ErrorCode.LOGIN_REQUIRED
    assert victim.core.online


def test_a_login_replaces_a_fixed_session(world):
    registered(world)
    fixed = world.user("Guest", "lobby")
    token = fixed.core.memory.token
    world.drop(fixed)
    fixed.core.credentials = Credentials("Nova", GOOD)
    world.connect(fixed)
    world.settle()
    assert fixed.core.account == "Nova"
    assert fixed.core.memory.token != token
    assert "Guest" not in world.hub.state.shared.by_name
    link = world.link()
    answer = world.say(link, Hello(3, secrets.token_bytes(16), token, "Guest", "attacker", ()))
    assert isinstance(answer[0], Welcome)
    assert answer[0].name == "Guest"
    assert answer[-1] == AccountStatus(0, Role.MEMBER, "", b"")


def test_wrong_names_and_wrong_passwords_look_the_same(world):
    registered(world)
    answers = [
        world.say(world.link(), Login(7, secrets.token_bytes(16), name, "wrong password"))
        for name in ("Nova", "Unknown", "x" * 2000, "")
    ]
    assert all(answer == answers[0] for answer in answers)
    assert refusal(answers[0]) == (ErrorCode.WRONG_PASSWORD, Login.TYPE, 7)


def test_a_failed_login_continues_the_guests_session(world):
    registered(world)
    guest = world.user("Guest", "lobby")
    world.drop(guest)
    guest.core.credentials = Credentials("Nova", "wrong password")
    world.connect(guest)
    world.settle()
    assert guest.all(LoginFailed)[-1].code == ErrorCode.WRONG_PASSWORD
    assert guest.core.online
    assert guest.all(Online)[-1].resumed


def test_ten_thousand_guesses(world):
    """All but a few are refused without a check, and the owner's own device is not locked out."""
    owner = registered(world)
    device = owner.core.memory.device_key
    owner.core.memory.token = b""  # it has to give the password
    checked = 0
    link = world.link("10.9.9.9")
    world.slow_checks = True
    for number in range(10_000):
        if link.closed:
            link = world.link("10.9.9.9")
        world.say(link, Login(number, secrets.token_bytes(16), "Nova", f"guess {number}"))
        while world.checks:
            checked += 1
            world.check()
        world.now += 0.5
        world.settle()
    seconds = 10_000 * 0.5
    assert checked <= PAIR.burst + seconds / PAIR.seconds + 1
    world.slow_checks = False
    answer = world.say(world.link("10.9.9.9"), Login(1, device, "Nova", GOOD))
    assert isinstance(answer[0], AccountStatus)
    answer = world.say(world.link("10.1.1.1"), Login(1, secrets.token_bytes(16), "Nova", GOOD))
    assert isinstance(answer[0], AccountStatus), "a new device elsewhere is locked out"


def test_right_passwords_do_not_count(world):
    registered(world)
    for _ in range(100):
        (answer,) = world.say(world.link(), Login(1, secrets.token_bytes(16), "Nova", GOOD))
        assert isinstance(answer, AccountStatus)


def test_one_check_at_a_time_per_connection(world):
    registered(world)
    world.slow_checks = True
    link = world.link()
    world.say(link, Login(1, bytes(16), "Nova", GOOD))
    answer = world.say(link, Login(2, bytes(16), "Nova", GOOD))
    assert refusal(answer)[0] == ErrorCode.UNEXPECTED
    assert link.closed


def test_the_queue_of_checks_is_bounded(world):
    registered(world)
    world.slow_checks = True
    links = [world.link(f"10.0.{n}.1") for n in range(MAX_CHECKS + 1)]
    answers = [world.say(link, Login(1, bytes(16), "Nova", GOOD)) for link in links]
    assert answers[:-1] == [[]] * MAX_CHECKS
    assert refusal(answers[-1])[0] == ErrorCode.LOGIN_BUSY
    for link in links:
        world.hang_up(link)
    world.slow_checks = False
    world.settle()
    assert world.hub.state.checks.total == 0


def test_one_address_cannot_occupy_the_queue_of_checks(world):
    """A user with a right password may repeat it at any rate; other users still log in."""
    registered(world)
    world.slow_checks = True
    links = [world.link("10.0.9.9") for _ in range(60)]
    answers = [
        world.say(link, Login(1, bytes(16), f"Pest{n}", GOOD)) for n, link in enumerate(links)
    ]
    waiting = answers.count([])
    assert 0 < waiting < MAX_CHECKS * 0.8
    assert refusal(answers[-1])[0] == ErrorCode.LOGIN_BUSY
    assert world.say(world.link("10.0.9.8"), Login(1, bytes(16), "Nova", GOOD)) == []
    assert world.hub.state.checks.total == waiting + 1


def test_passwords_that_are_not_allowed(world):
    user = world.user("Nova2026", "lobby")
    for password in ("short", "nova2026", "x" * 1025, "é" * 513, "\0" * 9, "tab\tbetween"):
        user.core.register(password)
        world.settle()
        assert user.all(RequestRefused)[-1].error.code == ErrorCode.PASSWORD_NOT_ALLOWED
    assert not world.hub.state.shared.accounts


def test_a_password_is_compared_in_one_normal_form(world):
    user = entering(world, "Nova", "Zo\u00eb and Zo\u00eb", is_new=True)
    assert user.core.account == "Nova"
    again = entering(world, "Nova", "Zoe\u0308 and Zoe\u0308")
    assert again.core.account == "Nova"


def test_a_new_password_logs_out_the_other_devices(world):
    first = registered(world)
    second = entering(world, "Nova")
    second.core.change_password("wrong password", OTHER)
    world.settle()
    assert second.all(RequestRefused)[-1].error.code == ErrorCode.WRONG_PASSWORD
    token = second.core.memory.token
    second.core.change_password(GOOD, OTHER)
    world.settle()
    assert second.all(AccountChanged)[-1].request
    assert second.core.memory.token != token
    back = world.user("Nova", memory=first.core.memory)
    assert back.all(LoginRequired)
    assert entering(world, "Nova", GOOD).all(LoginFailed)
    assert entering(world, "Nova", OTHER).core.account == "Nova"


def test_log_out_everywhere(world):
    first = registered(world)
    second = entering(world, "Nova")
    second.core.log_out(everywhere=True)
    world.settle()
    assert second.all(SessionEnded) == [SessionEnded("", wanted=True)]
    assert not second.core.memory.token
    assert world.user("Nova", memory=first.core.memory).all(LoginRequired)


def test_log_out_here_leaves_the_other_devices(world):
    first = registered(world)
    second = entering(world, "Nova")
    second.core.log_out()
    world.settle()
    assert world.user("Nova", memory=first.core.memory).core.account == "Nova"


def test_guests_have_no_password_and_cannot_log_out(world):
    link, _ = world.greet("Vega")
    (error,) = world.say(link, Password(3, "a", "b"))
    assert error.code == ErrorCode.NOT_REGISTERED
    (error,) = world.say(link, Logout(4, 0))
    assert (error.code, error.reference) == (ErrorCode.NOT_REGISTERED, 4)


def test_an_account_keeps_its_name(world):
    user = registered(world)
    user.core.rename("Other")
    user.core.register(GOOD)
    world.settle()
    codes = [refused.error.code for refused in user.all(RequestRefused)]
    assert codes == [ErrorCode.REGISTERED, ErrorCode.REGISTERED]


def test_a_guest_registers_only_the_present_name(world):
    link, _ = world.greet("Vega")
    (error,) = world.say(link, Register(1, "Nova", GOOD, ""))
    assert error.code == ErrorCode.NAME_NOT_ALLOWED


def test_login_comes_before_hello(world):
    registered(world)
    link, _ = world.greet("Vega")
    answer = world.say(link, Login(1, bytes(16), "Nova", GOOD))
    assert refusal(answer)[0] == ErrorCode.UNEXPECTED


def test_a_device_key_of_the_wrong_size(world):
    answer = world.say(world.link(), Login(1, b"short", "Nova", GOOD))
    assert refusal(answer)[0] == ErrorCode.UNEXPECTED


def test_a_server_without_accounts_says_so():
    world = World()
    answer = world.say(world.link(), Login(1, bytes(16), "Nova", GOOD))
    assert refusal(answer)[0] == ErrorCode.NO_ACCOUNTS
    user = world.user("Nova", "lobby")
    assert not user.core.has_accounts
    assert not user.all(AccountChanged)


def test_names_stay_registered_when_accounts_are_switched_off(world):
    registered(world).core.bye()
    world.settle()
    world.hub.state.settings = World().settings
    assert world.user("Nova").all(NameRejected)


class TestRequired:
    @pytest.fixture
    def world(self) -> World:
        return World(accounts="required")

    def test_a_guest_is_asked_to_log_in(self, world):
        (required,) = world.user("Vega").all(LoginRequired)
        assert "registered users" in required.why

    def test_an_old_client_is_told_what_to_do(self, world):
        link = world.link()
        answer = world.say(link, Hello(1, bytes(16), b"", "Vega", "old", ()))
        assert refusal(answer)[0] == ErrorCode.UNEXPECTED
        assert "Update netchat" in answer[0].text
        assert link.closed

    def test_a_new_user_registers_first(self, world):
        user = entering(world, "Vega", is_new=True)
        assert user.all(Online)
        assert user.all(AccountChanged)[-1] == AccountChanged("Vega", Role.OWNER)
        taken = entering(world, "Vega", OTHER, is_new=True)
        (failed,) = taken.all(LoginFailed)
        assert failed.code == ErrorCode.NAME_TAKEN
        assert failed.suggestion == "Vega2"


class TestRegistration:
    def test_closed(self):
        world = World(accounts="optional", registration="closed")
        (failed,) = entering(world, "Vega", is_new=True).all(LoginFailed)
        assert failed.code == ErrorCode.NO_REGISTRATION

    def test_by_invitation(self):
        world = World(accounts="optional", registration="invitation")
        state = world.hub.state
        propose(state, AddInvitation(state.time, 0, invitation_hash("7K3F-92MQ")))
        propose(state, AddInvitation(state.time, state.time + 1, invitation_hash("LATE")))
        world.now += 1
        for invitation in ("", "WRONG", "late"):
            (failed,) = entering(world, "Vega", is_new=True, invitation=invitation).all(LoginFailed)
            assert failed.code == ErrorCode.NO_REGISTRATION
        user = entering(world, "Vega", is_new=True, invitation="7k3f 92mq")
        assert user.core.account == "Vega"
        again = entering(world, "Maya", is_new=True, invitation="7K3F-92MQ")
        assert again.all(LoginFailed)

    def test_is_limited_per_address(self):
        world = World(accounts="optional")
        answers = [
            world.say(world.link(), Register(1, f"Pupil{n:02}", GOOD, "")) for n in range(61)
        ]
        assert all(isinstance(answer, AccountStatus) for (answer,) in answers[:60])
        assert refusal(answers[60])[0] == ErrorCode.TOO_MANY_GUESSES


class TestOperator:
    def test_a_reset_password_ends_the_session(self, world):
        user = registered(world)
        (account,) = world.hub.state.shared.accounts.values()
        propose(world.hub.state, SetPassword(0, account.id, 0, 0, 0, b"", hashed(OTHER)))
        world.hub.state.begin(world.now)
        world._carry_out()
        world.settle()
        (ended,) = user.all(SessionEnded)
        assert "password was changed" in ended.why
        assert world.user("Nova", memory=user.core.memory).all(LoginRequired)

    def test_a_removed_account_frees_its_name(self, world):
        user = registered(world)
        (account,) = world.hub.state.shared.accounts.values()
        propose(world.hub.state, RemoveAccount(0, account.id))
        world._carry_out()
        world.settle()
        assert "removed" in user.all(SessionEnded)[0].why
        assert world.user("Nova").core.online

    def test_a_new_role_reaches_the_user(self, world):
        user = registered(world)
        (account,) = world.hub.state.shared.accounts.values()
        propose(world.hub.state, SetRole(account.id, Role.MODERATOR))
        world.settle()
        assert user.core.role is Role.MODERATOR

    def test_a_password_that_changes_during_a_check(self, world):
        registered(world)
        (account,) = world.hub.state.shared.accounts.values()
        link = world.link()
        (status,) = world.say(link, Login(1, bytes(16), "Nova", GOOD))
        assert isinstance(status, AccountStatus)
        propose(world.hub.state, SetPassword(0, account.id, 0, 0, 0, b"", hashed(OTHER)))
        answer = world.say(link, Hello(3, bytes(16), b"", "Nova", "late", ()))
        assert refusal(answer)[0] == ErrorCode.LOGIN_REQUIRED


def test_a_client_never_repeats_a_password(world):
    user = world.user("Nova", "lobby")
    user.core.register(GOOD)
    world.drop(user)  # before it is sent
    assert user.all(RequestRefused)[-1].error.code == ErrorCode.LOGIN_BUSY
    world.connect(user)
    world.settle()
    assert user.core.account == ""


def test_a_new_client_on_an_old_server_says_what_is_missing():
    user = User("Nova")
    user.core.credentials = Credentials("Nova", GOOD)
    user.core.connected()
    text = "UnknownType: frame type 0x30 is not in NCP/1."
    user.core.feed(encode(Error(ErrorCode.BAD_FRAME, 0, 0, text, "")))
    events = user.core.take_events()
    assert "does not support accounts" in events[0].why
    assert isinstance(events[-1], SessionEnded)


def test_credentials_do_not_show_the_password():
    assert GOOD not in repr(Credentials("Nova", GOOD))


def test_the_session_of_an_account_ends_and_its_name_stays(world):
    user = registered(world)
    world.drop(user)
    world.tick(200)
    assert not world.hub.state.shared.sessions
    assert world.user("Nova").all(LoginRequired)
    assert world.user("Nova", memory=user.core.memory).core.account == "Nova"


def test_the_account_of_a_link_that_renames(world):
    link: Link
    link, _ = world.greet("Vega")
    registered(world)
    (error,) = world.say(link, Rename(1, "nova"))
    assert error.code == ErrorCode.NAME_TAKEN


def test_requests_that_are_refused_before_a_check(world):
    link, _ = world.greet("Nova")
    assert isinstance(world.say(link, Register(1, "Nova", GOOD, ""))[0], AccountStatus)
    assert refusal(world.say(link, Register(2, "Nova", GOOD, "")))[0] == ErrorCode.REGISTERED
    assert refusal(world.say(link, Password(3, GOOD, "x")))[0] == ErrorCode.PASSWORD_NOT_ALLOWED
    for _ in range(10):
        assert refusal(world.say(link, Password(3, "x", OTHER)))[0] == ErrorCode.WRONG_PASSWORD
    assert refusal(world.say(link, Password(3, GOOD, OTHER)))[0] == ErrorCode.TOO_MANY_GUESSES
    for n in range(MAX_CHECKS):
        world.hub.state.checks.acquire(str(n))
    assert refusal(world.say(link, Password(4, GOOD, OTHER)))[0] == ErrorCode.LOGIN_BUSY
    for n in range(MAX_CHECKS):
        world.hub.state.checks.release(str(n))
    other = World()
    off, _ = other.greet("Nova")
    assert refusal(other.say(off, Register(5, "Nova", GOOD, "")))[0] == ErrorCode.NO_ACCOUNTS


def test_a_server_without_memory_for_the_hash(world):
    world.slow_checks = True
    link, _ = world.greet("Nova")
    world.say(link, Register(1, "Nova", GOOD, ""))
    world.hub.password_checked(world.checks.popleft(), None, world.now, is_right=False)
    world._carry_out()
    assert refusal(link.take())[0] == ErrorCode.LOGIN_BUSY
    assert not world.hub.state.shared.accounts


@pytest.mark.parametrize("message", [Register(1, "Vega", GOOD, ""), Password(1, GOOD, OTHER)])
def test_a_user_who_leaves_during_a_check(world, message):
    link, _ = world.greet("Vega")
    if isinstance(message, Password):
        world.say(link, Register(1, "Vega", GOOD, ""))
    world.slow_checks = True
    world.say(link, message)
    world.hang_up(link)
    world.check()
    assert world.hub.state.checks.total == 0
    passwords = [account.password for account in world.hub.state.shared.accounts.values()]
    assert passwords == ([hashed(GOOD)] if isinstance(message, Password) else [])


def test_two_changes_of_a_password_at_the_same_time(world):
    link, welcome = world.greet("Vega")
    world.say(link, Register(1, "Vega", GOOD, ""))
    (account,) = world.hub.state.shared.accounts.values()
    world.slow_checks = True
    world.say(link, Password(1, GOOD, OTHER))
    faster = SetPassword(0, account.id, 0, welcome.session, 1, b"faster", hashed("faster"))
    propose(world.hub.state, faster)
    world.check()
    world.settle()
    assert refusal(link.take())[0] == ErrorCode.WRONG_PASSWORD
    assert account.password == hashed("faster")


def test_a_registered_name_cannot_be_registered_again(world, monkeypatch):
    registered(world).core.bye()
    world.settle()
    answer = world.say(world.link(), Register(1, "NOVA", GOOD, ""))
    assert refusal(answer)[0] == ErrorCode.NAME_TAKEN
    world.user("Vega")
    answer = world.say(world.link(), Register(1, "Vega", GOOD, ""))
    assert refusal(answer)[0] == ErrorCode.NAME_TAKEN
    monkeypatch.setattr("netchat.chat.account_rules.MAX_ACCOUNTS", 1)
    answer = world.say(world.link(), Register(1, "Maya", GOOD, ""))
    assert refusal(answer)[0] == ErrorCode.NO_REGISTRATION


def test_a_full_server_admits_an_account_that_has_a_session(world):
    world.hub.state.settings = Settings(accounts="optional", max_users=1)
    first = registered(world)
    assert entering(world, "Nova").core.account == "Nova"
    world.user("Nova", memory=first.core.memory).core.bye()
    world.settle()
    world.user("Vega")
    answer = world.say(world.link(), Login(1, bytes(16), "Nova", GOOD))
    assert isinstance(answer[0], AccountStatus)
    link = world.links[-1]
    answer = world.say(link, Hello(3, bytes(16), b"", "Nova", "test", ()))
    assert refusal(answer)[0] == ErrorCode.SERVER_FULL


def test_a_token_that_exists_already_is_drawn_again(world, monkeypatch):
    user = registered(world)
    tokens = [user.core.memory.token, b"f" * 32]
    monkeypatch.setattr("netchat.chat.handshake.new_token", lambda _: tokens.pop(0))
    assert entering(world, "Nova").core.memory.token == b"f" * 32


def test_a_connection_that_is_lost_before_its_account_is_opened(world):
    registered(world)
    (account,) = world.hub.state.shared.accounts.values()
    link = world.link()
    world.say(link, Login(1, bytes(16), "Nova", GOOD))
    world.hang_up(link)
    command = OpenAccountSession(
        1, 0, device_id(bytes(16)), 0, account.id, 0, b"", token_hash(b"new")
    )
    greeting = _PendingHello(Hello(3, bytes(16), b"", "Nova", "test", ()), b"new")
    propose(world.hub.state, command, link, greeting)
    world.settle()
    assert account.session.is_away


def test_a_name_that_is_registered_while_its_hello_waits_for_the_log(world):
    registered(world).core.bye()
    world.settle()
    link = world.link()
    command = OpenSession(
        world.hub.state.server, 0, device_id(bytes(16)), 0, token_hash(b"new"), "Nova"
    )
    greeting = _PendingHello(Hello(3, bytes(16), b"", "Nova", "test", ()), b"new")
    propose(world.hub.state, command, link, greeting)
    world._carry_out()
    assert refusal(link.take())[0] == ErrorCode.LOGIN_REQUIRED


def test_a_role_of_a_later_version_is_that_of_a_member(world):
    user = registered(world)
    user.core.feed(encode(AccountStatus(0, 99, "Nova", b"")))
    assert user.core.take_events() == [AccountChanged("Nova", Role.MEMBER)]


def test_a_later_log_out_is_sent_once_online(world):
    user = registered(world)
    world.drop(user)
    user.core.log_out()
    world.connect(user)
    world.settle()
    assert user.all(SessionEnded)[-1].wanted
    assert not user.core.memory.token
