"""Addresses as people write them: `example.org`, `10.0.0.1:6464`, `[::1]:6464`."""

from __future__ import annotations

__all__ = ["parse_address", "show_address"]


def parse_address(address: str, default_port: int) -> tuple[str, int]:
    """Read HOST, HOST:PORT or [IPV6]:PORT.

    Raises:
        ValueError: it is none of them.
    """
    host, colon, port = address.rpartition(":")
    if not colon or (":" in host and not host.endswith("]")):
        host, port = address, str(default_port)
    host = host.strip("[]")
    if not _may_be_looked_up(host) or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(f"{address!r} is no address; write HOST, HOST:PORT or [IPV6]:PORT")
    return host, int(port)


def show_address(host: str, port: int) -> str:
    """An address as it is written."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _may_be_looked_up(host: str) -> bool:
    try:
        # What the look-up itself does first; its error would come out of the middle of it.
        return bool(host.encode("idna"))
    except UnicodeError:
        return False
