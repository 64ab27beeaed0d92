"""Host and port as text: `example.org`, `10.0.0.1:6464`, `[::1]:6464`."""

from __future__ import annotations

import ipaddress
import re
import socket
from urllib.parse import urlsplit

from netchat.wording import cut

__all__ = [
    "connection_problem",
    "parse_address",
    "parse_addresses",
    "parse_host",
    "show_address",
    "split_scheme",
]

#: Schemes of a server: over TLS, and without it.
_TLS, _TCP = "tls://", "tcp://"

#: Schemes of pages. Their port is not that of the chat.
_PAGES = ("http://", "https://", "ws://", "wss://")


def connection_problem(host: str, port: int, error: OSError) -> str:
    """Return why there is no TCP connection to a server, and what to do.

    Args:
        host: Host of the server.
        port: Its port.
        error: Error of the attempt to connect.
    """
    reason = error.strerror or str(error)
    if isinstance(error, socket.gaierror):
        return f"Unknown host {host} ({reason}). Check the spelling."
    return (
        f"No server at {show_address(host, port)} ({reason}). Start one there with: netchat serve"
    )


def parse_address(
    address: str, default_port: int | None, *, any_port: bool = False
) -> tuple[str, int]:
    """Parse HOST, HOST:PORT or [IPV6]:PORT, with or without tcp:// before it.

    An IPv6 address alone needs no brackets.

    Args:
        address: Text to parse.
        default_port: Port to use if the text names none; None if it must name one.
        any_port: Allow port 0, which stands for any free port.

    Returns:
        Host and port.

    Raises:
        ValueError: The text has another form, or the port is out of range.
    """
    text = _without_tcp(address.strip())
    forms = _forms(default_port, any_port=any_port)
    _refuse_url(text, default_port, forms)
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        colon, port = rest[:1], rest[1:]
        good = bool(bracket) and colon in ("", ":") and _is_ipv6(host)
    elif text.count(":") > 1:
        host, colon, port = text, "", ""
        good = _is_ipv6(host)
    else:
        host, colon, port = text.partition(":")
        good = _is_valid_hostname(host)
    number = _port(port) if colon else default_port
    if not good or number is None or not (number or any_port):
        raise ValueError(f"{cut(address)!r} is not a valid address: {forms}")
    return host, number


def parse_addresses(addresses: str, default_port: int) -> list[tuple[str, int]]:
    """Parse the addresses of one or more servers, separated by commas.

    Args:
        addresses: Text to parse, such as `a.example,b.example:7000`.
        default_port: Port of those that name none.

    Returns:
        Host and port of each, in order and without repetitions.

    Raises:
        ValueError: One of them is not a valid address.
    """
    parts = addresses.split(",")
    return list(dict.fromkeys(parse_address(part, default_port) for part in parts))


def split_scheme(addresses: str) -> tuple[str, bool]:
    """Remove `tls://` from the addresses of one or more servers, separated by commas.

    Returns:
        The addresses, and whether to connect to them over TLS.

    Raises:
        ValueError: Only some of them have the scheme.
    """
    parts = [part.strip() for part in addresses.split(",")]
    encrypted = [part[: len(_TLS)].casefold() == _TLS for part in parts]
    if not any(encrypted):
        return addresses, False
    if not all(encrypted):
        raise ValueError(f"write {_TLS} before each address, or before none")
    return ",".join(part[len(_TLS) :].removesuffix("/") for part in parts), True


def parse_host(host: str) -> str:
    """Parse a HOST without a port: a name, an address, or [IPV6].

    Raises:
        ValueError: The text has another form.
    """
    text = host.strip()
    _refuse_url(text, None, "write a name or an address, without a port")
    if text.startswith("[") and text.endswith("]") and _is_ipv6(text[1:-1]):
        return text[1:-1]
    if _is_ipv6(text) or (":" not in text and _is_valid_hostname(text)):
        return text
    raise ValueError(f"{cut(host)!r} is not a host: write a name or an address, without a port")


def _without_tcp(text: str) -> str:
    """Remove `tcp://`, and the slash that some programs add at the end."""
    if text[: len(_TCP)].casefold() != _TCP:
        return text
    return text[len(_TCP) :].removesuffix("/")


def show_address(host: str, port: int) -> str:
    """Format a host and port, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _forms(default_port: int | None, *, any_port: bool) -> str:
    host = "" if default_port is None else "HOST, "
    return f"write {host}HOST:PORT or [IPV6]:PORT, with PORT from {int(not any_port)} to 65535"


def _refuse_url(text: str, default_port: int | None, forms: str) -> None:
    if "/" not in text:
        return
    try:
        parts = urlsplit(text if "//" in text else f"//{text}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    advice = forms
    if host:
        shown = f"[{host}]" if ":" in host else host
        # The port of a page is not that of the chat.
        advice = f"write {shown if port in (None, default_port) else f'{shown} or {shown}:PORT'}"
    what = "is a URL"
    if text.casefold().startswith(_PAGES):
        what = "is a URL with the page's port, for browsers"
    raise ValueError(f"{cut(text)!r} {what}; a chat server has an address: {advice}")


def _port(text: str) -> int | None:
    if not (text.isascii() and text.isdecimal() and len(text) <= 5):
        return None
    return int(text) if int(text) < 65536 else None


def _is_ipv6(host: str) -> bool:
    try:
        return bool(ipaddress.IPv6Address(host))
    except ValueError:
        return False


def _is_valid_hostname(host: str) -> bool:
    if re.search(r"[][\s]", host):
        return False
    try:
        # getaddrinfo encodes the name first, and would raise UnicodeError itself.
        return bool(host.encode("idna"))
    except UnicodeError:
        return False
