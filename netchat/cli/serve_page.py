"""Web page of `netchat serve`: starts it and logs its address."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from netchat.chat.effects import Log
from netchat.chat.server_log import ServerLog
from netchat.errors import NetchatError
from netchat.net.address import parse_host
from netchat.net.server_driver import ServerDriver
from netchat.web import WEB_PORT
from netchat.web.local_addresses import is_loopback, lan_address, url
from netchat.web.qr import terminal_qr

if TYPE_CHECKING:
    from netchat.web.site import Site

__all__ = ["Page", "check_codes", "check_host", "check_origins", "start_page"]


_ORIGIN = re.compile(r"https?://[^/?#@\\\s]+/?", re.IGNORECASE)
#: A label of a host name (RFC 1123) in ASCII; "_" is not in the RFC, but in use.
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Page:
    """Requested address of the web page.

    Attributes:
        host: Address to listen on; None is every address.
        port: TCP port; None is the default port, or a free one if that is in use.
        origins: Additional origins that the page may be served from.
        codes: Codes that the channel lab also offers, by the name that visitors see.
    """

    host: str | None
    port: int | None
    origins: Sequence[str]
    codes: Mapping[str, str] = field(default_factory=dict)


def check_host(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """Read an address to listen on, in brackets or without; an option's callback."""
    try:
        return parse_host(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from error


def check_codes(
    ctx: click.Context, param: click.Parameter, value: tuple[str, ...]
) -> dict[str, str]:
    """Return codes of the channel lab by the name that visitors see; an option's callback.

    The name of `folder/my_code.py:Mine` is `my_code.py:Mine`.
    """
    found: dict[str, str] = {}
    for spec in value:
        from netchat.coding import get  # only for servers with codes of their own
        from netchat.plugins import FILE

        try:
            get(spec)
        except ValueError as error:
            raise click.BadParameter(str(error), ctx, param) from error
        names, paths = [], []
        for stage in spec.replace(" ", "").split("+"):
            match = FILE.fullmatch(stage)
            file = Path(match["file"]).expanduser() if match else None
            rest = stage if match is None else stage[len(match["file"]) :]
            names.append(f"{file.name if file else ''}{rest}")
            paths.append(f"{file.resolve() if file else ''}{rest}")
        name = "+".join(names)
        if name in found:
            raise click.BadParameter(f"two codes have the name {name!r}.", ctx, param)
        found[name] = "+".join(paths)
    return found


def check_origins(
    ctx: click.Context, param: click.Parameter, value: tuple[str, ...]
) -> tuple[str, ...]:
    """Return origins as browsers write them; reject invalid ones (an option's callback)."""
    origins = []
    for written in value:
        origin = _origin(written)
        if origin is None:
            raise click.BadParameter(
                f"must be http://NAME:PORT or https://NAME, got {written!r}. NAME is one host name "
                "or address, without * or a path; repeat the option for several.",
                ctx,
                param,
            )
        origins.append(origin)
    return tuple(origins)


def _origin(written: str) -> str | None:
    """Return an origin in lower case and ASCII, or None if it is invalid."""
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
    except ValueError:  # includes UnicodeError
        return None
    return None if parts.port == 0 else f"{parts.scheme}://{host}{port}"


async def start_page(
    page: Page,
    server: ServerDriver,
    notes: ServerLog,
    tell: Callable[[Log], None],
    *,
    picture: bool,
) -> Site:
    """Serve the page of a server that is already listening.

    Args:
        page: Requested address.
        server: Chat server.
        notes: Log of the server, which the dashboard also shows.
        tell: Log for the operator only: the dashboard's address contains its token.
        picture: Draw a QR code on standard error, which is a terminal.

    Raises:
        NetchatError: The port cannot be listened on.
    """
    # The HTTP modules take as long to load as everything else; the chat continues meanwhile.
    site_class = await asyncio.to_thread(_load)
    token = secrets.token_urlsafe(16)
    hosts = [] if page.host is None else [page.host]
    site = site_class(
        server, notes, token=token, origins=page.origins, hosts=hosts, codes=page.codes
    )
    try:
        (host, port), *_ = await _listen(site, page, notes)
    except OSError as error:
        raise NetchatError(
            f"The web page cannot listen on {page.host or 'any address'}, port {page.port}: "
            f"{error.strerror or error}. --web-port 0 takes a free one; --no-web omits the page."
        ) from error
    has_tls = server.tls is not None
    everywhere = page.host is None or ipaddress.ip_address(host).is_unspecified
    here = url("127.0.0.1" if everywhere else host, port, has_tls=has_tls)
    site.local_address = here
    notes(Log("page", {"text": here, "port": port}))
    lan = lan_address() if everywhere else None
    if lan is not None:
        site.address = url(lan, port, has_tls=has_tls)
    if page.origins:
        site.address = page.origins[0]
    if site.address:
        notes(Log("page", {"text": f"{site.address}  for others", "port": port}))
        if picture:
            # Browsers do not send the fragment; its reader can compare it with the browser's display.
            tag = f"/#sha256={server.tls.fingerprint}" if server.tls is not None else ""
            click.echo(terminal_qr(site.address + tag), err=True)
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
        notes(Log("page", {"text": f"Port {WEB_PORT} is in use; the page takes a free one."}))
        return await site.start(page.host, 0)
