"""Options and addresses of commands that connect over TLS."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from netchat.cli.params.tls import parse_servers, tls_options
from netchat.wire import DEFAULT_PORT

SHA256 = "ab" * 32


def test_addresses_without_tls() -> None:
    assert parse_servers("one,two:7", None, None, None) == (
        [("one", DEFAULT_PORT), ("two", 7)],
        None,
    )


def test_all_servers_share_one_rule() -> None:
    servers, client = parse_servers("tls://one,tls://two:7", None, SHA256.upper(), None)
    assert servers == [("one", DEFAULT_PORT), ("two", 7)]
    assert client is not None


def test_the_user_is_told_of_the_first_use(capsys) -> None:
    _, client = parse_servers("tls://one", None, None, None)
    client.trust.notify("First connection")
    assert capsys.readouterr().err == "netchat: First connection\n"


@pytest.mark.parametrize(
    ("address", "ca", "fingerprint", "udp", "words"),
    [
        ("one", None, SHA256, False, "write tls://"),
        ("one", Path("ca.crt"), None, False, "write tls://"),
        ("tls://one", None, None, True, "does not apply to UDP"),
        ("tls://one", Path("ca.crt"), SHA256, False, "cannot be combined"),
        ("tls://one", None, "abc", False, "64 hexadecimal digits"),
        ("tls://one:x", None, None, False, "one:x"),
    ],
)
def test_errors(address, ca, fingerprint, udp, words) -> None:
    with pytest.raises(click.UsageError) as caught:
        parse_servers(address, ca, fingerprint, None, udp=udp)
    assert words in caught.value.format_message()


def test_the_options_are_shown_in_order() -> None:
    @click.command()
    @tls_options
    def command(**_) -> None:
        """Do nothing."""

    shown = CliRunner().invoke(command, ["--help"]).output
    assert shown.index("--ca") < shown.index("--fingerprint") < shown.index("--keylog")
