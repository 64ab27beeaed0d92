"""Values that the user enters to connect."""

from __future__ import annotations

from dataclasses import dataclass

from netchat.chat.names import normalize_name, validate_name
from netchat.net.address import parse_addresses

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
    """

    name: str = ""
    host: str = "127.0.0.1"
    port: int = 6464
    tls: bool = False
    room: str = ""
    password: str = ""

    def __repr__(self) -> str:
        """Return the login without the password and the room, which may contain a secret."""
        return f"<Login of {self.name} on {self.host}:{self.port}>"

    @property
    def servers(self) -> list[tuple[str, int]]:
        """Host and port of each server."""
        return parse_addresses(self.host, self.port)


def check_login(
    name: str, host: str, port: str, room: str, *, tls: bool, password: str
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
    login = LoginValues(name, host.strip() or "127.0.0.1", int(port), tls, room.strip(), password)
    try:
        login.servers  # noqa: B018 - checks the addresses
    except ValueError as error:
        raise ValueError(f"{error}.") from error
    return login
