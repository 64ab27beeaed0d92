"""Addresses of clients behind proxies: what the header tells, and what clients cannot forge."""

from __future__ import annotations

import ipaddress
import json
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from multidict import CIMultiDict

from netchat.cli.main import cli
from netchat.net.history.memory_history import MemoryHistory
from netchat.web.proxy_headers import ProxyHeaders
from tests.web.serving import browser, serve_page

LOCAL = [ipaddress.ip_network(one) for one in ("127.0.0.0/8", "::1", "10.0.0.0/24")]


def client(*headers: tuple[str, str], remote: str = "127.0.0.1", proxies=LOCAL) -> str:
    request = SimpleNamespace(remote=remote, headers=CIMultiDict(headers))
    return ProxyHeaders(proxies).client(request)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value", "address"),
    [
        ("X-Forwarded-For", "192.0.2.7", "192.0.2.7"),
        ("X-Forwarded-For", "198.51.100.1, 192.0.2.7", "192.0.2.7"),  # the first may be forged
        ("X-Forwarded-For", "192.0.2.7, 10.0.0.8", "192.0.2.7"),  # another proxy of ours
        ("X-Forwarded-For", "192.0.2.7:5123", "192.0.2.7"),
        ("X-Forwarded-For", "2001:db8::7", "2001:db8::7"),
        ("X-Forwarded-For", "[2001:DB8::7]:5123", "2001:db8::7"),
        ("X-Forwarded-For", "10.0.0.7, 10.0.0.8", "10.0.0.7"),
        # Invalid addresses are not believed.
        ("X-Forwarded-For", "unknown", "127.0.0.1"),
        ("X-Forwarded-For", "", "127.0.0.1"),
        ("X-Forwarded-For", "evil\x1b[2J", "127.0.0.1"),
        ("X-Forwarded-For", ", ".join(["10.0.0.8"] * 5000), "10.0.0.8"),
        # Only the proxy's own header is read.
        ("X-Real-IP", "192.0.2.7", "127.0.0.1"),
        ("Forwarded", "for=192.0.2.60;proto=http;by=203.0.113.43", "127.0.0.1"),
    ],
)
def test_the_last_address_that_is_not_a_proxys(name: str, value: str, address: str) -> None:
    assert client((name, value)) == address


def test_repeated_headers_are_one_list() -> None:
    headers = [("X-Forwarded-For", "192.0.2.1"), ("X-Forwarded-For", "192.0.2.2")]
    assert client(*headers) == "192.0.2.2"


def test_a_client_cannot_forge_its_address_with_the_other_header() -> None:
    # nginx sets X-Forwarded-For as in docs/TLS.md, and passes on what its client sent as Forwarded.
    headers = [("Forwarded", "for=192.0.2.3"), ("X-Forwarded-For", "192.0.2.7")]
    assert client(*headers) == "192.0.2.7"
    assert client(*reversed(headers)) == "192.0.2.7"


@pytest.mark.parametrize("remote", ["192.0.2.99", "10.0.1.1", "", "fe80::1%eth0"])
def test_other_clients_are_not_believed(remote: str) -> None:
    assert client(("X-Forwarded-For", "192.0.2.7"), remote=remote) == remote


def test_mapped_addresses_of_proxies() -> None:
    assert client(("X-Forwarded-For", "192.0.2.7"), remote="::ffff:10.0.0.1") == "192.0.2.7"


def test_without_proxies_no_header_is_read() -> None:
    assert client(("X-Forwarded-For", "192.0.2.7"), proxies=[]) == "127.0.0.1"


async def test_the_server_knows_the_browsers_address() -> None:
    headers = {"X-Forwarded-For": "198.51.100.9, 192.0.2.7"}
    for proxies, address in ((LOCAL, "192.0.2.7"), ([], "127.0.0.1")):
        async with (
            serve_page(MemoryHistory(), {"proxies": proxies}) as (serving, port),
            browser(port, "Nova", additional_headers=headers),
        ):
            (peer,) = serving.peers
            assert peer.address.startswith(f"{address}:")
            assert peer.share == address


@pytest.mark.parametrize("value", ["300.0.0.1", "10.0.0.1/8", "proxy.example"])
def test_networks_that_are_none(value: str) -> None:
    result = CliRunner().invoke(cli, ["serve", "--http-proxy-headers", value])
    assert result.exit_code == 2
    assert "must be addresses or networks such as 10.0.0.2" in result.stderr


def test_the_option_alone_trusts_this_machine() -> None:
    result = CliRunner().invoke(cli, ["serve", "--no-web", "--http-proxy-headers"])
    assert result.exit_code == 2
    assert "omit --web-port, --origin, --http-proxy-headers and --code" in result.stderr
    keys = CliRunner().invoke(cli, ["config", "--keys", "--json", "serve"])
    assert "127.0.0.0/8,::1" in json.loads(keys.output)["serve"]["http-proxy-headers"]["help"]
