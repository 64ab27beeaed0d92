"""The servers of a cluster, in turn."""

from netchat.net.server_list import ServerList

A, B, C = ("a", 6464), ("b", 7000), ("c", 6464)


def turns(servers, count):
    found = []
    for _ in range(count):
        servers.advance()
        found.append(servers.current)
    return found


def test_one_server_is_always_the_next():
    servers = ServerList([A])
    assert turns(servers, 2) == [A, A]
    assert len(servers) == 1


def test_the_servers_given_take_turns():
    assert turns(ServerList([A, B]), 3) == [B, A, B]


def test_learned_servers_follow_those_given():
    servers = ServerList([A])
    servers.learn(["b:7000", "a", "c"])
    assert turns(servers, 4) == [B, C, A, B]
    assert len(servers) == 3


def test_a_rotation_spreads_the_clients_of_a_failed_server():
    for rotation, expected in ((0.0, [B, C, A]), (0.49, [B, C, A]), (0.5, [C, B, A])):
        servers = ServerList([A], rotation)
        servers.learn(["b:7000", "c"])
        assert turns(servers, 3) == expected


def test_a_new_list_replaces_the_learned_ones_but_not_the_current_one():
    servers = ServerList([A])
    servers.learn(["b:7000"])
    servers.advance()
    servers.learn(["c"])
    assert servers.current == B
    assert turns(servers, 3) == [A, C, A]


def test_addresses_of_a_faulty_server_are_ignored():
    servers = ServerList([A])
    servers.learn(["", "http://b/", "b:99999", "c"])
    assert turns(servers, 2) == [C, A]
