"""Access checks of HTTP requests, without a server; those with one are in test_site.py."""

import pytest

from netchat.web.guard import MAX_CLUSTER_PAGES, Guard


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


def test_only_the_page_of_a_cluster_may_connect_to_other_servers():
    assert Guard().policy.endswith("; connect-src 'self'")
    assert Guard(is_clustered=True).policy.endswith("; connect-src 'self' ws: wss:")


def test_pages_of_servers_that_have_left_may_still_connect(guard):
    """They are open in browsers whose server has failed."""
    guard.set_cluster([])
    assert guard.is_own_origin("http://b.example:8080", "a.example:8080")


def test_the_number_of_former_servers_is_limited(guard):
    for number in range(MAX_CLUSTER_PAGES - 1):
        guard.set_cluster([f"http://s{number}.example:8080"])
    assert not guard.is_own_origin("http://b.example:8080", "a.example:8080")
    assert guard.is_own_origin("https://c.example", "a.example:8080")
