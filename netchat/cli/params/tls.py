"""Options of commands that connect to a server over TLS, and its addresses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from netchat.net.address import parse_addresses, split_scheme
from netchat.wire import DEFAULT_PORT

if TYPE_CHECKING:
    from netchat.net.tls.client import TlsClient

__all__ = ["parse_servers", "tls_options"]

_F = TypeVar("_F", bound=Callable[..., Any])


def tls_options(command: _F) -> _F:
    """Add `--ca`, `--fingerprint` and `--keylog`."""
    for option in (
        click.option(
            "--keylog", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
            help="With tls://: file to append the keys to, to decrypt captures.  [default: "
            "$SSLKEYLOGFILE, or none]",
        ),
        click.option(
            "--fingerprint", metavar="SHA256",
            help="With tls://: SHA-256 that the server's key or certificate must have.  [default: that "
            "of the first connection]",
        ),
        click.option(
            "--ca", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="With tls://: CA certificates in PEM, one of which must have issued the server's.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


def parse_servers(
    addresses: str,
    ca: Path | None,
    fingerprint: str | None,
    keylog: Path | None,
    *,
    hint: str = "[tls://]HOST[:PORT]",
    udp: bool = False,
    port: int = DEFAULT_PORT,
) -> tuple[list[tuple[str, int]], TlsClient | None]:
    """Parse the addresses of one or more servers, and the options for TLS.

    Args:
        addresses: Addresses, separated by commas.
        ca: The option `--ca`.
        fingerprint: The option `--fingerprint`.
        keylog: The option `--keylog`.
        hint: Name of the parameter with the addresses, for errors.
        udp: Whether the connections use UDP.
        port: Port of the servers whose address names none.

    Returns:
        Host and port of each server, and the factory of TLS connections; None without TLS.

    Raises:
        BadParameter: An address or the fingerprint is invalid.
        UsageError: The options do not match.
        TlsError: A file cannot be used.
    """
    try:
        plain, is_tls = split_scheme(addresses)
        servers = parse_addresses(plain, port)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=hint) from error
    if not is_tls:
        if ca is not None or fingerprint is not None or keylog is not None:
            raise click.UsageError(
                "--ca, --fingerprint and --keylog apply to TLS only: write tls:// before the address."
            )
        return servers, None
    if udp:
        raise click.UsageError("TLS does not apply to UDP: omit tls:// or --udp.")
    if ca is not None and fingerprint is not None:
        raise click.UsageError("--ca and --fingerprint cannot be combined.")
    from netchat.net.tls.client import TlsClient
    from netchat.net.tls.trust import Trust

    try:
        trust = Trust(
            ca=ca,
            fingerprint=fingerprint,
            keylog=keylog,
            notify=lambda text: click.echo(f"netchat: {text}", err=True),
        )
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--fingerprint") from error
    return servers, TlsClient(trust)
