"""Tests of this machine's addresses."""

from __future__ import annotations

import ipaddress
import socket

import pytest

from netchat.web.local_addresses import has_address, is_loopback, lan_address, url


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost", "chat.localhost"])
def test_loopback_hosts(host):
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["", "192.168.1.5", "localhost.evil.example", "0.0.0.0", "127.0.0.1.nip.io"]
)
def test_other_hosts_are_not_loopback(host):
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        (lan_address() or "127.0.0.1", True),
        ("192.0.2.1", False),  # TEST-NET-1, RFC 5737
        ("2001:db8::1", False),  # documentation, RFC 3849
        ("0.0.0.0", False),
        ("::", False),
        ("localhost", False),  # a name, which is not looked up
        ("", False),
        ("fe80::1%none", False),
        ("1.2.3.4\0", False),
    ],
)
def test_addresses_that_this_machine_has(host, expected):
    assert has_address(host) is expected


def test_url_with_ipv4_and_ipv6():
    assert url("127.0.0.1", 80) == "http://127.0.0.1:80"
    assert url("::1", 80) == "http://[::1]:80"


def test_lan_address_belongs_to_this_machine():
    found = lan_address()
    if found is None:
        pytest.skip("this machine is on no network")
    assert not ipaddress.ip_address(found).is_loopback
    with socket.create_server((found, 0)):  # only works on an own address
        pass
