"""The web page of `netchat serve`: starts it, and says where it is."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from netchat.chat.connection import Note
from netchat.chat.notes import Notes
from netchat.errors import NetchatError
from netchat.net.server import ChatServer
from netchat.web import WEB_PORT
from netchat.web.address import is_loopback, lan_address, url
from netchat.web.qr import terminal_qr

if TYPE_CHECKING:
    from netchat.web.site import Site

__all__ = ["Page", "check_origins", "start_page"]


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


def check_origins(
    ctx: click.Context, param: click.Parameter, value: tuple[str, ...]
) -> tuple[str, ...]:
    """Refuse what is no origin; an option's callback."""
    for origin in value:
        try:
            parts = urlsplit(origin)
            wrong = not parts.hostname or parts.port == 0
        except ValueError:
            wrong = True
        if wrong or parts.scheme not in ("http", "https") or parts.path.rstrip("/") or parts.query:
            raise click.BadParameter(
                f"{origin!r} is no origin; write http://NAME:PORT or https://NAME.", ctx, param
            )
    return tuple(origin.rstrip("/") for origin in value)


async def start_page(
    page: Page, server: ChatServer, notes: Notes, tell: Callable[[Note], None], *, picture: bool
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
    notes(Note("page", {"text": here, "port": port}))
    lan = lan_address() if everywhere else None
    if lan is not None:
        site.address = url(lan, port)
    if page.origins:
        site.address = page.origins[0]
    if site.address:
        notes(Note("page", {"text": f"{site.address}  for others", "port": port}))
        if picture:
            click.echo(terminal_qr(site.address), err=True)
    dashboard = f"{here}/server"
    if site.address or not is_loopback(host):
        dashboard = f"{site.address or here}/server#{token}"
    tell(Note("dashboard", {"text": dashboard}))
    return site


def _load() -> type[Site]:
    from netchat.web.site import Site

    return Site


async def _listen(site: Site, page: Page, notes: Notes) -> list[tuple[str, int]]:
    if page.port is not None:
        return await site.start(page.host, page.port)
    try:
        return await site.start(page.host, WEB_PORT)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        notes(Note("page", {"text": f"Port {WEB_PORT} is in use: the page takes a free one."}))
        return await site.start(page.host, 0)
