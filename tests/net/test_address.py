"""Addresses: read and shown."""

import re
import socket

import pytest

from netchat.net.address import (
    connection_problem,
    parse_address,
    parse_addresses,
    parse_host,
    show_address,
)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("example.org", ("example.org", 6464)),
        ("example.org:7000", ("example.org", 7000)),
        ("192.0.2.7:1", ("192.0.2.7", 1)),
        ("::1", ("::1", 6464)),
        ("[::1]", ("::1", 6464)),
        ("[::1]:7000", ("::1", 7000)),
        ("fe80::1%eth0", ("fe80::1%eth0", 6464)),
        ("[fe80::1%eth0]:7000", ("fe80::1%eth0", 7000)),
        (" example.org ", ("example.org", 6464)),
        ("1::", ("1::", 6464)),
    ],
)
def test_addresses(written, read):
    assert parse_address(written, 6464) == read


@pytest.mark.parametrize(
    "written",
    [
        "",
        ":",
        ":80",
        "host:",
        "host:x",
        "host:0",
        "host:65536",
        "[]:1",
        "a..b",
        "x" * 64,
        "[::1",
        "::1]",
        "[[::1]]:1",
        "[::1]x",
        "[::1]:",
        "[host]:1",
        "a:b:c",
        "host:\uff16\uff14",
        "host:+1",
        "host: 1",
    ],
)
def test_invalid_addresses(written):
    with pytest.raises(ValueError, match=r"is not a valid address.* PORT from 1 to 65535$"):
        parse_address(written, 6464)


@pytest.mark.parametrize("written", ["example.org:7000", "192.0.2.7:1", "[::1]:7000"])
def test_an_address_is_shown_as_it_is_written(written):
    assert show_address(*parse_address(written, 6464)) == written


@pytest.mark.parametrize(
    "written", ["http://127.0.0.1:6464", "https://x/", "http://[::1]:6480", "x/y", "ws://x"]
)
def test_a_url_is_called_one(written):
    for read in (lambda: parse_address(written, 6464), lambda: parse_host(written)):
        with pytest.raises(ValueError, match=re.escape(f"{written!r} is a URL")):
            read()


@pytest.mark.parametrize("scheme", ["http", "HTTPS", "ws", "wss"])
def test_a_url_of_a_page_is_answered_with_that(scheme):
    with pytest.raises(
        ValueError, match="is a URL with the page's port, for browsers; a chat server"
    ):
        parse_address(f"{scheme}://127.0.0.1:6480/", 6464)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("tcp://example.org", ("example.org", 6464)),
        ("TCP://192.0.2.7:7000/", ("192.0.2.7", 7000)),
        ("tcp://[::1]:7000", ("::1", 7000)),
    ],
)
def test_tcp_urls_are_addresses(written, read):
    assert parse_address(written, 6464) == read
    assert parse_addresses(f"{written},localhost", 6464) == [read, ("localhost", 6464)]


@pytest.mark.parametrize("written", ["tcp://", "tcp://x/room", "tcp://x:99999", "tcp://tcp://x"])
def test_other_tcp_urls_are_not(written):
    with pytest.raises(ValueError):
        parse_address(written, 6464)


def test_a_url_tells_what_to_write():
    with pytest.raises(ValueError, match=r"a chat server has an address: write 127\.0\.0\.1$"):
        parse_address("http://127.0.0.1:6464", 6464)
    with pytest.raises(ValueError, match=r"write \[::1\] or \[::1\]:PORT$"):
        parse_address("http://[::1]:6480/#room", 6464)


def test_any_port_is_one_only_where_it_may_be():
    assert parse_address("[::1]:0", None, any_port=True) == ("::1", 0)
    for written, any_port in (("[::1]:0", False), ("[::1]", True)):
        allowed = f"write HOST:PORT or [IPV6]:PORT, with PORT from {int(not any_port)} to 65535"
        with pytest.raises(ValueError, match=re.escape(allowed)):
            parse_address(written, None, any_port=any_port)


@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]", "::1"),
        ("::1", "::1"),
        ("localhost", "localhost"),
        ("::", "::"),
    ],
)
def test_a_host_has_brackets_or_none(written, host):
    assert parse_host(written) == host


@pytest.mark.parametrize("written", ["", "127.0.0.1:80", "[::1]:80", "[::1", "[x]", "a..b"])
def test_invalid_hosts(written):
    with pytest.raises(
        ValueError, match="is not a host: write a name or an address, without a port"
    ):
        parse_host(written)


def test_an_unknown_host_is_not_taken_for_a_host_without_a_server() -> None:
    unknown = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    assert connection_problem("nosuch.example", 6464, unknown) == (
        "Unknown host nosuch.example (Name or service not known). Check the spelling."
    )
    refused = ConnectionRefusedError(111, "Connection refused")
    assert connection_problem("::1", 6464, refused).startswith("No server at [::1]:6464 (Conn")
