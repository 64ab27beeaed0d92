"""Options of the chat clients, collected in one object."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from netchat.cli.params.connection import ConnectionOptions, connection_options


def parsed(arguments: list[str], **options) -> ConnectionOptions:
    found = []

    @click.command()
    @click.option("--other")
    @connection_options(**options)
    def command(other: str | None, connection: ConnectionOptions) -> None:
        found.append(connection)

    result = CliRunner().invoke(command, arguments, standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return found[0]


def test_the_options_are_collected():
    found = parsed(
        ["-n", "Nova", "--room", "lobby", "--no-state", "--link", "rs:255,223", "--seed", "7",
         "-p", "7000", "--channel", "bsc:1e-3", "--other", "x"]
    )  # fmt: skip
    assert (found.name, found.room, found.state, found.insecure_password) == (
        "Nova", "lobby", False, False,
    )  # fmt: skip
    servers, tls, path = found.connect_to("chat.example,other.example:9")
    assert servers == [("chat.example", 7000), ("other.example", 9)]
    assert tls is None
    assert path.channel == "bsc:1e-3"


def test_defaults_use_neither_tls_nor_a_path():
    found = parsed([])
    assert (found.name, found.room, found.state) == (None, None, True)
    assert found.connect_to("127.0.0.1") == ([("127.0.0.1", 6464)], None, None)


def test_a_command_can_leave_out_the_path_and_the_port():
    with pytest.raises(click.NoSuchOption):
        parsed(["--link", "rs:255,223"], has_path=False)
    with pytest.raises(click.NoSuchOption):
        parsed(["--port", "1"], has_port=False)


def test_options_that_do_not_fit_are_errors():
    with pytest.raises(click.UsageError, match="apply to TLS only"):
        parsed(["--fingerprint", "00"]).connect_to("127.0.0.1")
    with pytest.raises(click.BadParameter, match="no:code"):
        parsed(["--link", "no:code"]).connect_to("127.0.0.1")
