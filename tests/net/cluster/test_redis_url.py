"""URLs of Redis."""

from __future__ import annotations

import pytest

from netchat.net.cluster.redis_url import parse_redis_url


@pytest.mark.parametrize(
    ("url", "shown", "options"),
    [
        ("redis://localhost", "redis://localhost:6379/0", ("localhost", 6379, 0, None, None)),
        ("redis://h:1234/5", "redis://h:1234/5", ("h", 1234, 5, None, None)),
        ("redis://h/0?db=7", "redis://h:6379/7", ("h", 6379, 7, None, None)),
        ("rediss://u:p%40s@[::1]:1/2", "rediss://[::1]:1/2", ("::1", 1, 2, "u", "p@s")),
        ("redis://:pass@h", "redis://h:6379/0", ("h", 6379, 0, None, "pass")),
    ],
)
def test_tcp(url: str, shown: str, options: tuple) -> None:
    parsed = parse_redis_url(url)
    assert str(parsed) == shown
    names = ("host", "port", "db", "username", "password")
    assert parsed.options() == dict(zip(names, options, strict=True))
    assert parsed.is_tls == url.startswith("rediss")


def test_unix_sockets() -> None:
    parsed = parse_redis_url("unix://u:secret@/run/my%20redis.sock?db=3")
    assert str(parsed) == "unix:///run/my redis.sock?db=3"
    assert parsed.options() == {
        "path": "/run/my redis.sock",
        "db": 3,
        "username": "u",
        "password": "secret",
    }
    assert "secret" not in repr(parsed) + str(parsed)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "scheme"),
        ("localhost:6379", "scheme"),
        ("http://u:s3cret@h", "scheme"),
        ("redis://", "no host"),
        ("redis:///0", "no host"),
        ("redis://u:s3cret@h:99999/0", "out of range"),
        ("redis://u:s3cret@[::1/0", "cannot be parsed"),
        ("redis://u:s3cret@h/zero", "DB is not a number"),
        ("redis://u:s3cret@h/0?timeout=1", "only ?db=DB"),
        ("redis://u:s3cret@h/0#x", "only ?db=DB"),
        ("redis://u:s3cret@h/0?ca=/etc/ca.crt", "only ?db=DB"),
        ("rediss://u:s3cret@h/0?ca=a&ca=b", "only ?db=DB"),
        ("unix://host/path", "absolute path"),
        ("unix://", "absolute path"),
    ],
)
def test_refused_urls_are_not_repeated(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match="the URL of Redis is not valid") as caught:
        parse_redis_url(url)
    assert reason in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("url", "command"),
    [
        ("redis://127.0.0.1:6380", "redis-cli -h 127.0.0.1 -p 6380"),
        ("rediss://u:s3cret@h", "redis-cli -h h -p 6379 --tls --user u --askpass"),
        ("rediss://h/0?ca=/etc/ca.crt", "redis-cli -h h -p 6379 --tls --cacert /etc/ca.crt"),
        ("redis://:s3cret@[::1]/3", "redis-cli -h ::1 -p 6379 --askpass"),
        ("unix:///run/my redis.sock", "redis-cli -s '/run/my redis.sock'"),
    ],
)
def test_the_command_for_redis_cli_has_no_password(url: str, command: str) -> None:
    assert parse_redis_url(url).redis_cli() == command
