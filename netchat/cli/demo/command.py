"""`netchat demo`: show the main features with real servers and real sockets."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

import click

__all__ = ["demo"]


@click.command(short_help="Show the main features, end to end, in under a minute.")
@click.option("--quick", is_flag=True, help="Skip the load test.")
@click.option("--cluster", is_flag=True, help="Show three servers that form one chat, on Redis.")
def demo(quick: bool, cluster: bool) -> None:
    """Show the main features, end to end, in under a minute.

    The demo starts a server on a free port. Three users join a room by its code and talk. One of
    them loses the connection, then the server is killed, and no message is lost. Finally it shows
    the bytes of one message and runs a short load test. It removes all its files.

    With --cluster, the demo starts its own Redis server and three servers that form one chat.
    Six users, two on each server, talk in one room. One server is killed, and its users continue on
    another one: every message arrives once, in the same order everywhere. This needs redis-server.

    \b
    Examples:
      netchat demo                          one server, with a load test
      netchat demo --quick                  without the load test
      netchat demo --cluster                three servers
    """
    if quick and cluster:
        raise click.UsageError("--cluster runs no load test: omit --quick.")
    with _interrupted_by_any_signal():
        if cluster:
            from netchat.cli.demo.cluster import run_cluster

            run_cluster()
        else:
            from netchat.cli.demo.single_server import run_single_server

            run_single_server(quick=quick)


@contextlib.contextmanager
def _interrupted_by_any_signal() -> Iterator[None]:
    """Handle SIGTERM and SIGHUP like Ctrl-C, so that the demo stops the processes it started."""
    numbers = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    before = [signal.signal(number, signal.default_int_handler) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
