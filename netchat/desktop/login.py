"""Values that the user enters to connect."""

from __future__ import annotations

from dataclasses import dataclass

from netchat.chat.names import normalize_name, validate_name
from netchat.net.address import parse_addresses
from netchat.net.path_options import check_channel, check_link

__all__ = ["LoginValues", "check_login"]


@dataclass(frozen=True, slots=True)
class LoginValues:
    """Values of the login window.

    Attributes:
        name: User name.
        host: Name or address of the server, or several, separated by commas.
        port: Its TCP port.
        tls: Connect over TLS.
        room: Code of the room to join first; empty for the lobby. Of a sealed room, with its secret.
        password: Password of the account; empty for a guest.
        link: Code or policy of a link, such as `rs:255,223`; empty for none.
        channel: Simulated channel, such as `bsc:1e-3`; empty for none.
        udp: Connect over UDP, with a link.
    """

    name: str = ""
    host: str = "127.0.0.1"
    port: int = 6464
    tls: bool = False
    room: str = ""
    password: str = ""
    link: str = ""
    channel: str = ""
    udp: bool = False

    def __repr__(self) -> str:
        """Return the login without the password and the room, which may contain a secret."""
        return f"<Login of {self.name} on {self.host}:{self.port}>"

    @property
    def has_path(self) -> bool:
        """Whether there is a link, a simulated channel or UDP between client and server."""
        return bool(self.link or self.channel or self.udp)

    @property
    def path_text(self) -> str:
        """Description of the path to the server; empty for plain TCP."""
        parts = [f"link {self.link or 'uncoded'}"] if self.link or self.udp else []
        parts += ["UDP"] if self.udp else []
        parts += [f"channel {self.channel}"] if self.channel else []
        return "  ·  ".join(parts)

    @property
    def servers(self) -> list[tuple[str, int]]:
        """Host and port of each server."""
        return parse_addresses(self.host, self.port)


def check_login(
    name: str,
    host: str,
    port: str,
    room: str,
    *,
    tls: bool,
    password: str,
    link: str = "",
    channel: str = "",
    udp: bool = False,
) -> LoginValues:
    """Check what the user has entered.

    Raises:
        ValueError: A value is invalid. The text says which one, and what is allowed.
    """
    if not name.strip():
        raise ValueError("Enter a name.")
    name = normalize_name(name)
    if problem := validate_name(name):
        raise ValueError(problem)
    if not (port.strip().isascii() and port.strip().isdigit() and 0 < int(port) <= 65535):
        raise ValueError(f"The port must be from 1 to 65535, got {port.strip()[:20]!r}.")
    login = LoginValues(
        name, host.strip() or "127.0.0.1", int(port), tls, room.strip(), password, link.strip(),
        channel.strip(), udp,
    )  # fmt: skip
    _check_path(login)
    try:
        login.servers  # noqa: B018 - checks the addresses
    except ValueError as error:
        raise ValueError(f"{error}.") from error
    return login


def _check_path(login: LoginValues) -> None:
    if login.udp and login.tls:
        raise ValueError("TLS does not apply to UDP: turn one of them off.")
    if login.udp and login.link == "none":
        raise ValueError("UDP always uses a link: leave its field empty, or enter a code.")
    try:
        check_link(login.link, udp=login.udp)
    except ValueError as error:
        raise ValueError(f"Link: {error}") from error
    try:
        if login.channel:
            check_channel(login.channel)
    except ValueError as error:
        raise ValueError(f"Channel: {error}") from error
