"""Host and port as text: `example.org`, `10.0.0.1:6464`, `[::1]:6464`."""

from __future__ import annotations

__all__ = ["parse_address", "show_address"]


def parse_address(address: str, default_port: int) -> tuple[str, int]:
    """Parse HOST, HOST:PORT or [IPV6]:PORT.

    Args:
        address: Text to parse.
        default_port: Port to use if the text names none.

    Returns:
        Host and port.

    Raises:
        ValueError: The text has another form, or the port is not 1 to 65535.
    """
    host, colon, port = address.rpartition(":")
    if not colon or (":" in host and not host.endswith("]")):
        host, port = address, str(default_port)
    host = host.strip("[]")
    if not _is_valid_hostname(host) or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(
            f"invalid address {address!r}: use HOST, HOST:PORT or [IPV6]:PORT, with a port from 1 to 65535"
        )
    return host, int(port)


def show_address(host: str, port: int) -> str:
    """Format a host and port, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _is_valid_hostname(host: str) -> bool:
    try:
        # getaddrinfo encodes the name first, and would raise UnicodeError itself.
        return bool(host.encode("idna"))
    except UnicodeError:
        return False
