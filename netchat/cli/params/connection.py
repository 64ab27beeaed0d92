"""Options of the chat clients, collected in one object."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netchat.cli.params.path import check_path, path_options
from netchat.cli.params.tls import parse_servers, tls_options
from netchat.wire import DEFAULT_PORT

if TYPE_CHECKING:
    from netchat.net.client_path import ClientPath
    from netchat.net.tls.client import TlsClient

__all__ = ["ConnectionOptions", "connection_options"]


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """Values of the options of a chat client.

    Attributes:
        name: The user's name; None prompts for it.
        room: Code of the room to join first; None for the default.
        state: Store the session on disk.
        insecure_password: Send passwords even where the network can read them.
        ca: File with CA certificates.
        fingerprint: SHA-256 of the server's key or certificate.
        keylog: File to append TLS keys to.
        link: Code or policy of a link.
        udp: Run the link over UDP.
        channel: Simulated channel.
        seed: Random seed of the channel.
        port: Port of servers whose address names none.
    """

    name: str | None
    room: str | None
    state: bool
    insecure_password: bool
    ca: Path | None
    fingerprint: str | None
    keylog: Path | None
    link: str | None = None
    udp: bool = False
    channel: str | None = None
    seed: int | None = None
    port: int = DEFAULT_PORT

    def connect_to(
        self, addresses: str
    ) -> tuple[list[tuple[str, int]], TlsClient | None, ClientPath | None]:
        """Check the options together with the servers' addresses.

        Returns:
            Host and port of each server, the factory of TLS connections and that of paths; None without
            TLS, and without a link or channel.

        Raises:
            UsageError: An option is not valid.
        """
        code = check_path(self.link, self.channel, udp=self.udp)
        servers, tls = parse_servers(
            addresses, self.ca, self.fingerprint, self.keylog, udp=self.udp, port=self.port
        )
        if code is None and self.channel is None:
            return servers, tls, None
        from netchat.net.client_path import ClientPath

        return servers, tls, ClientPath(code, self.channel, self.seed, udp=self.udp, tls=tls)


def connection_options(
    *,
    name_default: str = "prompt for it",
    state_help: str = "Store the session and unacknowledged messages on disk, to resume after a crash.",
    has_path: bool = True,
    has_port: bool = True,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator that adds the options of a chat client.

    The command gets them as the argument `connection`, a `ConnectionOptions`.

    Args:
        name_default: What happens without `--name`, for the help.
        state_help: Help of `--state`.
        has_path: Add the options of links and channels.
        has_port: Add `--port`.
    """
    names = {each.name for each in fields(ConnectionOptions)}

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def collect(*arguments: Any, **values: Any) -> Any:
            own = {name: values.pop(name) for name in names & values.keys()}
            return command(*arguments, connection=ConnectionOptions(**own), **values)

        port = click.option(
            "-p", "--port", type=click.IntRange(1, 65535), default=DEFAULT_PORT, show_default=True,
            help="Port, if the address names none.",
        )  # fmt: skip
        added = path_options(collect) if has_path else collect
        added = tls_options(added)
        for option in (
            click.option(
                "--insecure-password", is_flag=True,
                help="Send passwords even over a network that can read them.",
            ),
            click.option(
                "--state/--no-state", default=True, show_default=True, help=state_help
            ),
            click.option(
                "--room", metavar="CODE", help="Room to join first.  [default: the lobby]"
            ),
            *([port] if has_port else []),
            click.option("-n", "--name", help=f"Your user name.  [default: {name_default}]"),
        ):  # fmt: skip
            added = option(added)
        return added

    return decorate
