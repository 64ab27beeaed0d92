"""Addresses: read and shown."""

import pytest

from netchat.net.address import parse_address, show_address


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("example.org", ("example.org", 6464)),
        ("example.org:7000", ("example.org", 7000)),
        ("192.0.2.7:1", ("192.0.2.7", 1)),
        ("::1", ("::1", 6464)),
        ("[::1]", ("::1", 6464)),
        ("[::1]:7000", ("::1", 7000)),
    ],
)
def test_addresses(written, read):
    assert parse_address(written, 6464) == read


@pytest.mark.parametrize(
    "written", ["", ":", ":80", "host:", "host:x", "host:0", "host:65536", "[]:1", "a..b", "x" * 64]
)
def test_invalid_addresses(written):
    with pytest.raises(ValueError, match="invalid address"):
        parse_address(written, 6464)


@pytest.mark.parametrize("written", ["example.org:7000", "192.0.2.7:1", "[::1]:7000"])
def test_an_address_is_shown_as_it_is_written(written):
    assert show_address(*parse_address(written, 6464)) == written
