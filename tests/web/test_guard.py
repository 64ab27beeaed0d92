"""Access checks of HTTP requests, without a server; those with one are in test_site.py."""

import pytest

from netchat.web.guard import Guard


@pytest.fixture
def guard():
    guard = Guard()
    guard.set_cluster(["http://b.example:8080/", "https://c.example/chat", "ftp://d.example/", ""])
    return guard


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://b.example:8080", True),
        ("https://c.example", True),
        ("https://c.example:443", True),
        ("http://b.example", False),
        ("https://b.example:8080", False),
        ("ftp://d.example", False),
        ("http://evil.example:8080", False),
    ],
)
def test_pages_of_the_cluster_may_connect(guard, origin, allowed):
    assert guard.is_own_origin(origin, "a.example:8080") == allowed


def test_the_page_may_connect_to_the_cluster(guard):
    assert guard.policy.endswith("connect-src 'self' ws://b.example:8080 wss://c.example:443")


def test_servers_that_have_left_the_cluster_are_foreign(guard):
    guard.set_cluster([])
    assert not guard.is_own_origin("http://b.example:8080", "a.example:8080")
    assert guard.policy.endswith("connect-src 'self'")


@pytest.mark.parametrize(
    "page", ["http://e.example;script-src *", "http://e.example, *", "http://*", "http://e example"]
)
def test_a_page_cannot_add_to_the_policy(guard, page):
    guard.set_cluster([page, "http://[2001:db8::1]:8080/"])
    assert guard.policy.endswith("connect-src 'self' ws://[2001:db8::1]:8080")
