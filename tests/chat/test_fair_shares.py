"""Fair shares: no address can use up a resource, and a class behind one NAT fits."""

import itertools

import pytest

from netchat.chat.connection import Connection
from netchat.chat.conversation_limit import PAIR_BURST, PAIR_SECONDS
from netchat.chat.fair_shares import GUARANTEED, Shares, share_of, share_of_address
from netchat.chat.server_handlers import MAX_MEMBERSHIPS
from netchat.chat.server_state import MAX_EMPTY
from netchat.net.address import show_address
from netchat.net.history.sqlite_history import SqliteHistory
from netchat.wire import (
    Bye,
    Create,
    Error,
    ErrorCode,
    Join,
    Joined,
    Leave,
    Left,
    Ping,
    Pong,
    Private,
    Welcome,
)
from tests.chat.world import World, hello, refusal

NUMBERS = itertools.count()
ATTACKER, OTHER = "10.0.0.1", "10.0.0.2"


@pytest.mark.parametrize(
    ("host", "share"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("not:an:address", "not:an:address"),
        ("2001:db8::ffff:1", "2001:db8::/64"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("[2001:db8::1]", "2001:db8::/64"),
        ("[fe80::1%eth0]", "fe80::/64"),
        ("[::ffff:10.0.0.1]", "10.0.0.1"),
        ("?", "?"),
    ],
)
def test_an_address_is_what_one_customer_has(host, share):
    assert share_of(host) == share


@pytest.mark.parametrize(
    ("address", "share"),
    [
        ("10.0.0.1:6464", "10.0.0.1"),
        ("[2001:db8::1]:6464", "2001:db8::/64"),
        ("[::ffff:10.0.0.1]:6464", "10.0.0.1"),
        ("[fe80::1%eth0]:6464", "fe80::/64"),
        ("?:0", "?"),
    ],
)
def test_the_port_does_not_matter(address, share):
    assert share_of_address(address) == share


def test_connections_from_one_customers_ipv6_addresses_count_together():
    world = World(max_per_address=3)
    links = [world.link(f"[2001:db8::{n:x}]") for n in range(1, 6)]
    assert {link.share for link in links} == {"2001:db8::/64"}
    assert [link.closed for link in links] == [False] * 3 + [True] * 2
    assert world.hub.state.addresses == {"2001:db8::/64": 5}
    for link in links:
        world.hang_up(link)
    assert not world.hub.state.addresses
    assert not world.hub.state.half_open_shares.counts


def test_connections_of_one_ipv6_network_share_one_part():
    world = World()
    shares = set()
    for number in range(3):
        connection = Connection()
        connection.address = show_address(f"2001:db8::{number}", 6464)
        world.hub.connect(connection, 0.0)
        shares.add(connection.share)
    assert shares == {"2001:db8::/64"}
    assert world.hub.state.half_open_shares.counts == {"2001:db8::/64": 3}


def test_the_parts_can_be_smaller():
    shares = Shares(16, guaranteed=1, free_factor=1)
    taken = {}
    for address in "abcde":
        while shares.allows(address):
            shares.acquire(address)
        taken[address] = shares.counts[address]
    assert taken == {"a": 8, "b": 4, "c": 2, "d": 1, "e": 1}


def test_one_address_gets_three_quarters_and_then_a_quarter_is_shared():
    shares = Shares(1000)
    while shares.allows("a"):
        shares.acquire("a")
    assert shares.counts["a"] == 750
    while shares.allows("b"):
        shares.acquire("b")
    assert shares.counts["b"] == 188
    assert shares.allows("c")
    shares.release("b")
    assert shares.allows("b")


def test_a_class_at_one_nat_address_always_fits():
    shares = Shares(1000)
    for address in "ab":
        while shares.allows(address):
            shares.acquire(address)
    free = 1000 - shares.total
    assert free < GUARANTEED
    for _ in range(free):
        assert shares.allows("class")
        shares.acquire("class")
    assert not shares.allows("class")


def crowd(world, count, host=ATTACKER):
    """Connect `count` users from one address; return the admitted ones."""
    links = []
    for _ in range(count):
        link = world.link(host)
        answer = world.say(link, hello(f"user{next(NUMBERS)}"))
        if isinstance(answer[0], Welcome):
            links.append(link)
        else:
            (error,) = answer
            assert error.code == ErrorCode.SERVER_FULL
    return links


class TestUsers:
    def test_one_address_cannot_take_every_name(self):
        world = World()
        assert len(crowd(world, 1000)) == 750
        assert len(crowd(world, 60, OTHER)) == 60

    def test_a_lost_session_counts_against_its_own_address(self):
        world = World()
        links = crowd(world, 760)
        for link in links:
            world.hang_up(link)
        assert len(world.hub.state.away) == 750
        assert crowd(world, 1) == []
        assert len(crowd(world, 60, OTHER)) == 60
        world.tick(world.settings.resume_seconds)
        assert world.hub.state.user_shares.counts == {OTHER: 60}
        assert len(crowd(world, 100)) == 100

    def test_a_session_resumed_elsewhere_counts_there(self):
        world = World()
        link = world.link(ATTACKER)
        (welcome,) = world.say(link, hello("Nova", b"n" * 16))
        world.hang_up(link)
        world.say(world.link(OTHER), hello("Nova", b"n" * 16, welcome.token))
        assert world.hub.state.user_shares.counts == {OTHER: 1}

    def test_counters_are_zero_after_all_users_have_left(self):
        world = World()
        for link in crowd(world, 5):
            world.say(link, Bye(""))
        assert world.hub.state.user_shares.counts == {}
        assert world.hub.state.half_open_shares.counts == {}

    def test_sessions_from_before_a_restart_count_against_no_address(self, tmp_path):
        history = SqliteHistory(tmp_path / "history.db", fsync=False)
        world = World(history)
        crowd(world, 3)
        world.crash()
        assert world.hub.state.user_shares.counts == {"": 3}
        assert len(crowd(world, 3, OTHER)) == 3
        world.tick(world.settings.resume_seconds)
        assert world.hub.state.user_shares.counts == {OTHER: 3}
        history.close()


def test_half_open_connections_are_shared():
    world = World()
    links = [world.link(ATTACKER) for _ in range(1024)]
    assert sum(link.closed for link in links) == 256
    (error,) = links[-1].take()
    assert error.code == ErrorCode.BUSY
    late = world.link(OTHER)
    assert isinstance(world.say(late, hello("Nova"))[0], Welcome)
    for link in links:
        world.hang_up(link)
    assert world.hub.state.half_open_shares.counts == {}


def test_empty_rooms_are_shared():
    world = World()
    link = world.link(ATTACKER)
    world.say(link, hello("Nova"))
    for _ in range(MAX_EMPTY):
        joined, *_ = world.say(link, Create(1))
        world.say(link, Leave(2, joined.membership[0].room))
    assert len(world.hub.state.shared.rooms) == 1 + MAX_EMPTY * 3 // 4
    other = world.link(OTHER)
    world.say(other, hello("Maya"))
    joined, *_ = world.say(other, Create(1))
    code = joined.membership[0].room
    world.say(other, Leave(2, code))
    assert isinstance(world.say(other, Join(3, 0, 0, code))[0], Joined)
    world.tick(world.settings.room_ttl)
    assert set(world.hub.state.shared.rooms) == {"lobby", code}
    world.say(other, Leave(4, code))
    world.tick(world.settings.room_ttl + 10)
    assert set(world.hub.state.shared.rooms) == {"lobby"}
    assert world.hub.state.empty_shares.counts == {}


class TestPairs:
    """Private rooms that other users start do not count against a user."""

    def dead_rooms(self, world, victim, count):
        """Create private rooms with the victim, each by a user who has left since."""
        for number in range(count):
            link = world.link(f"10.1.0.{number}")
            world.say(link, hello(f"Mallory{number}"))
            joined, *_ = world.say(link, Private(1, "Nova"))
            assert isinstance(joined, Joined)
            world.say(link, Bye(""))
        victim.take()

    def test_rooms_that_others_have_left_do_not_count(self):
        world = World()
        victim, _ = world.greet("Nova")
        self.dead_rooms(world, victim, 2 * world.settings.max_rooms)
        for number in range(world.settings.max_rooms):
            assert isinstance(world.say(victim, Create(number))[0], Joined)
        answer = world.say(victim, Create(99))
        assert refusal(answer)[0] == ErrorCode.TOO_MANY_ROOMS

    def test_the_oldest_of_them_is_removed(self):
        world = World()
        victim, _ = world.greet("Nova")
        self.dead_rooms(world, victim, MAX_MEMBERSHIPS)
        first = next(iter(victim.session.rooms))
        self.dead_rooms(world, victim, 1)
        assert len(victim.session.rooms) == MAX_MEMBERSHIPS
        assert first not in victim.session.rooms
        assert [m.room for m in victim.wire if isinstance(m, Left)] == [first]
        joined, *_ = world.say(victim, Create(1))
        assert isinstance(joined, Joined)
        assert len(victim.session.rooms) == MAX_MEMBERSHIPS

    def test_the_same_two_users_start_a_few_conversations_at_a_time(self):
        world = World()
        world.greet("Nova")
        link, _ = world.greet("Mallory")

        def begin():
            answer, *_ = world.say(link, Private(7, "Nova"))
            if isinstance(answer, Joined):
                world.say(link, Leave(8, answer.membership[0].room))
            return answer

        answers = [begin() for _ in range(50)]
        assert [isinstance(a, Joined) for a in answers].count(True) == PAIR_BURST
        assert isinstance(answers[-1], Error)
        assert (answers[-1].code, answers[-1].reference) == (ErrorCode.TOO_FAST, 7)
        world.now += PAIR_SECONDS
        assert [isinstance(begin(), Joined) for _ in range(2)] == [True, False]
        # Other users may still start one, the two may still talk, and the limit expires.
        other, _ = world.greet("Maya")
        assert isinstance(world.say(other, Private(1, "Nova"))[0], Joined)
        assert world.say(link, Ping(1)) == [Pong(1)]
        world.wait(PAIR_BURST * PAIR_SECONDS + 10)
        assert not world.hub.state.conversation_limit
