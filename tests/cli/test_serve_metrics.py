"""`netchat serve --metrics`."""

from __future__ import annotations

import socket
import urllib.request

import click
import pytest
from click.testing import CliRunner

from netchat.cli.main import cli
from netchat.cli.serve_metrics import check_metrics
from tests.end_to_end.processes import Server

OPTION = click.Option(["--metrics"])


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (None, None),
        ("6490", ("127.0.0.1", 6490)),
        ("10.0.0.5", ("10.0.0.5", 6490)),
        ("10.0.0.5:9000", ("10.0.0.5", 9000)),
        ("[::1]:0", ("::1", 0)),
        ("::", ("::", 6490)),
    ],
)
def test_addresses(given, read) -> None:
    assert check_metrics(click.Context(click.Command("serve")), OPTION, given) == read


def test_an_invalid_address_is_a_usage_error() -> None:
    result = CliRunner().invoke(cli, ["serve", "--metrics", "http://x/metrics"])
    assert result.exit_code == 2
    assert "Invalid value for '--metrics'" in result.stderr


def test_metrics_without_a_page() -> None:
    with Server("--ephemeral", "--metrics", "127.0.0.1:0") as server:
        url = server.wait_for("metrics")["text"]
        with urllib.request.urlopen(url, timeout=10) as answer:
            assert b"\nnetchat_ready 1.0\n" in answer.read()
        assert server.stop() == 0
    assert server.complaints == []


def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        arguments = ["serve", "--ephemeral", "--port", "0", "--no-web"]
        result = CliRunner().invoke(cli, [*arguments, "--metrics", str(port)])
    assert result.exit_code == 1
    assert f"The metrics cannot listen on 127.0.0.1:{port}: " in str(result.exception)
