"""The web page of `netchat serve`: starts it, and says where it is."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from netchat.chat.connection import Note
from netchat.errors import NetchatError
from netchat.net.server import ChatServer
from netchat.web import WEB_PORT
from netchat.web.address import lan_address, url

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


async def start_page(page: Page, server: ChatServer, log: Callable[[Note], None]) -> Site:
    """Serve the page beside a server that listens already.

    Raises:
        NetchatError: the port cannot be had.
    """
    lan = lan_address() if page.host is None else None
    # What it takes to speak HTTP costs as much as all else to load: the chat goes on meanwhile.
    site_class = await asyncio.to_thread(_load)
    hosts = [] if page.host is None else [page.host]
    site = site_class(server, origins=page.origins, hosts=hosts)
    try:
        (host, port), *_ = await _listen(site, page, log)
    except OSError as error:
        raise NetchatError(
            f"Cannot listen for the page on {page.host or 'any address'}, port {page.port}: "
            f"{error.strerror or error}. --web-port 0 takes a free one, --no-web goes without."
        ) from error
    local = url("127.0.0.1" if page.host is None else host, port)
    log(Note("page", {"text": local, "port": port}))
    if lan is not None:
        site.address = url(lan, port)
        log(Note("page", {"text": f"{site.address}  for others on this network", "port": port}))
    if page.origins:
        site.address = page.origins[0]
    return site


def _load() -> type[Site]:
    from netchat.web.site import Site

    return Site


async def _listen(site: Site, page: Page, log: Callable[[Note], None]) -> list[tuple[str, int]]:
    if page.port is not None:
        return await site.start(page.host, page.port)
    try:
        return await site.start(page.host, WEB_PORT)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        log(Note("page", {"text": f"Port {WEB_PORT} is in use: the page takes a free one."}))
        return await site.start(page.host, 0)
