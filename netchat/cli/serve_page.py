"""The web page of `netchat serve`: starts it, and says where it is."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from netchat.chat.effects import Log
from netchat.chat.server_log import ServerLog
from netchat.errors import NetchatError
from netchat.net.address import parse_host
from netchat.net.chat_server import ChatServer
from netchat.web import WEB_PORT
from netchat.web.address import is_loopback, lan_address, url
from netchat.web.qr import terminal_qr

if TYPE_CHECKING:
    from netchat.web.site import Site

__all__ = ["Page", "check_host", "check_origins", "start_page"]


_ORIGIN = re.compile(r"https?://[^/?#@\\\s]+/?", re.IGNORECASE)
#: A label of a host's name (RFC 1123), as the look-up sees it; "_" is not in the RFC, but in use.
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Page:
    """What is wished for.

    Attributes:
        host: address to listen on; None is every one.
        port: to listen on; None is the usual one, or a free one where that is in use.
        origins: where else the page may be served from.
    """

    host: str | None
    port: int | None
    origins: Sequence[str]


def check_host(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """Read an address to listen on, in brackets or without; an option's callback."""
    try:
        return parse_host(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from error


def check_origins(
    ctx: click.Context, param: click.Parameter, value: tuple[str, ...]
) -> tuple[str, ...]:
    """Refuse what is no origin; an option's callback. Returns them as browsers write them."""
    origins = []
    for written in value:
        origin = _origin(written)
        if origin is None:
            raise click.BadParameter(
                f"{written!r} is no origin; write http://NAME:PORT or https://NAME. NAME is one name "
                "or address, without * or a path: give the option once for each.",
                ctx,
                param,
            )
        origins.append(origin)
    return tuple(origins)


def _origin(written: str) -> str | None:
    """Return an origin in lower case and ASCII; None if it is none."""
    if _ORIGIN.fullmatch(written) is None:
        return None
    try:
        parts = urlsplit(written)
        port = "" if parts.port is None else f":{parts.port}"
        if parts.netloc.startswith("["):
            host = f"[{ipaddress.IPv6Address(parts.hostname or '')}]"
        else:
            host = (parts.hostname or "").encode("idna").decode().lower()
            if not all(map(_LABEL.fullmatch, host.removesuffix(".").split("."))):
                return None
    except ValueError:  # UnicodeError is one, too
        return None
    return None if parts.port == 0 else f"{parts.scheme}://{host}{port}"


async def start_page(
    page: Page, server: ChatServer, notes: ServerLog, tell: Callable[[Log], None], *, picture: bool
) -> Site:
    """Serve the page beside a server that listens already.

    Args:
        page: what is wished for.
        server: that server.
        notes: where notes go.
        tell: where goes what only the owner is to see.
        picture: draw a QR code on standard error, which is a terminal.

    Raises:
        NetchatError: the port cannot be had.
    """
    # What it takes to speak HTTP costs as much as all else to load: the chat goes on meanwhile.
    site_class = await asyncio.to_thread(_load)
    token = secrets.token_urlsafe(16)
    hosts = [] if page.host is None else [page.host]
    site = site_class(server, notes, token=token, origins=page.origins, hosts=hosts)
    try:
        (host, port), *_ = await _listen(site, page, notes)
    except OSError as error:
        raise NetchatError(
            f"Cannot listen for the page on {page.host or 'any address'}, port {page.port}: "
            f"{error.strerror or error}. --web-port 0 takes a free one, --no-web goes without."
        ) from error
    everywhere = page.host is None or ipaddress.ip_address(host).is_unspecified
    here = url("127.0.0.1" if everywhere else host, port)
    notes(Log("page", {"text": here, "port": port}))
    lan = lan_address() if everywhere else None
    if lan is not None:
        site.address = url(lan, port)
    if page.origins:
        site.address = page.origins[0]
    if site.address:
        notes(Log("page", {"text": f"{site.address}  for others", "port": port}))
        if picture:
            click.echo(terminal_qr(site.address), err=True)
    dashboard = f"{here}/server"
    if site.address or not is_loopback(host):
        dashboard = f"{site.address or here}/server#{token}"
    tell(Log("dashboard", {"text": dashboard}))
    return site


def _load() -> type[Site]:
    from netchat.web.site import Site

    return Site


async def _listen(site: Site, page: Page, notes: ServerLog) -> list[tuple[str, int]]:
    if page.port is not None:
        return await site.start(page.host, page.port)
    try:
        return await site.start(page.host, WEB_PORT)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        notes(Log("page", {"text": f"Port {WEB_PORT} is in use: the page takes a free one."}))
        return await site.start(page.host, 0)
