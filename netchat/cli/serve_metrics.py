"""Metrics of `netchat serve`, on an address of their own."""

from __future__ import annotations

import asyncio
import ipaddress
from typing import TYPE_CHECKING

import click

from netchat.chat.effects import Log
from netchat.chat.server_log import ServerLog
from netchat.errors import NetchatError
from netchat.net.address import parse_address, show_address
from netchat.net.server_driver import ServerDriver
from netchat.web import METRICS_PORT
from netchat.web.local_addresses import url

if TYPE_CHECKING:
    from netchat.web.operations import MetricsListener

__all__ = ["check_metrics", "start_metrics"]


def check_metrics(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> tuple[str, int] | None:
    """Read the address of the metrics; an option's callback."""
    if value is None:
        return None
    if value.strip().isdecimal():  # a port alone
        value = f"127.0.0.1:{value.strip()}"
    try:
        return parse_address(value, METRICS_PORT, any_port=True)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from error


async def start_metrics(
    host: str | None, port: int, server: ServerDriver, log: ServerLog
) -> MetricsListener:
    """Serve the metrics of a server that is already listening.

    Args:
        host: Address to listen on; None for all addresses of this machine.
        port: TCP port; 0 for any free one.
        server: Chat server.
        log: Its log.

    Raises:
        NetchatError: The address or port cannot be listened on.
    """
    listener_class = await asyncio.to_thread(_load)
    listener = listener_class(server, log)
    try:
        bound, number = await listener.start(host, port)
    except OSError as error:
        await listener.stop()
        raise NetchatError(
            f"The metrics cannot listen on {show_address(host or '*', port)}: "
            f"{error.strerror or error}. Choose another address or port with --metrics."
        ) from error
    shown = "127.0.0.1" if ipaddress.ip_address(bound).is_unspecified else bound
    log(Log("metrics", {"text": f"{url(shown, number)}/metrics", "port": number}))
    return listener


def _load() -> type[MetricsListener]:
    from netchat.web.operations import MetricsListener

    return MetricsListener
