"""Address of a Redis server as a URL: `redis://`, `rediss://` or `unix://`.

The URL may contain a password, so no error and no `repr` shows the URL itself.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from netchat.net.address import show_address

__all__ = ["RedisURL", "parse_redis_url"]

FORMS = (
    "write redis://HOST:PORT/DB, rediss://HOST:PORT/DB (TLS; ?ca=FILE names your own CA) or "
    "unix:///PATH?db=DB, "
    "with USER:PASSWORD@ before HOST or PATH if Redis requires it"
)

DEFAULT_PORT = 6379


@dataclass(frozen=True, slots=True)
class RedisURL:
    """Address and credentials of a Redis server."""

    host: str
    """Host name or IP address; empty for a Unix socket."""
    port: int
    """TCP port; 0 for a Unix socket."""
    path: str
    """Path of the Unix socket; empty for TCP."""
    db: int
    """Number of the database."""
    is_tls: bool
    """Whether the connection uses TLS."""
    ca: str
    """File with the CA certificates for TLS; empty for those of the system."""
    username: str | None = field(repr=False)
    """User name, or None for the default user."""
    password: str | None = field(repr=False)
    """Password, or None if Redis requires none."""

    def __str__(self) -> str:
        """Return the URL without credentials, for logs and errors."""
        if self.path:
            return f"unix://{self.path}?db={self.db}"
        scheme = "rediss" if self.is_tls else "redis"
        return f"{scheme}://{show_address(self.host, self.port)}/{self.db}"

    def redis_cli(self) -> str:
        """Return the shell command that opens this Redis; it asks for the password."""
        where = ["-s", self.path] if self.path else ["-h", self.host, "-p", str(self.port)]
        tls = ["--tls"] if self.is_tls else []
        tls += ["--cacert", self.ca] if self.ca else []
        user = ["--user", self.username] if self.username else []
        password = [] if self.password is None else ["--askpass"]
        return shlex.join(["redis-cli", *where, *tls, *user, *password])

    def options(self) -> dict[str, Any]:
        """Return the arguments of redis-py's connection."""
        where: dict[str, Any] = (
            {"path": self.path} if self.path else {"host": self.host, "port": self.port}
        )
        if self.ca:
            where["ssl_ca_certs"] = self.ca
        return {**where, "db": self.db, "username": self.username, "password": self.password}


def parse_redis_url(url: str) -> RedisURL:
    """Parse the URL of a Redis server.

    Raises:
        ValueError: The URL has another form. The text does not contain the URL.
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
        query = parse_qs(parts.query, strict_parsing=bool(parts.query))
    except ValueError:
        raise _wrong("it cannot be parsed, or its port is out of range") from None
    if parts.scheme not in ("redis", "rediss", "unix"):
        raise _wrong("its scheme is not redis, rediss or unix")
    allowed = {"db", "ca"} if parts.scheme == "rediss" else {"db"}
    if parts.fragment or set(query) - allowed or any(len(one) > 1 for one in query.values()):
        raise _wrong("only ?db=DB may follow the path, and ?ca=FILE with rediss")
    is_unix = parts.scheme == "unix"
    if is_unix and (parts.hostname or not parts.path.strip("/")):
        raise _wrong("unix:// needs an absolute path: unix:///run/redis/redis.sock")
    if not is_unix and not parts.hostname:
        raise _wrong("it has no host")
    path = unquote(parts.path)
    number = query["db"][0] if "db" in query else "0" if is_unix else path.strip("/") or "0"
    if not (number.isascii() and number.isdecimal() and len(number) <= 5):
        raise _wrong("DB is not a number")
    return RedisURL(
        host="" if is_unix else parts.hostname or "",
        port=0 if is_unix else DEFAULT_PORT if port is None else port,
        path=path if is_unix else "",
        db=int(number),
        is_tls=parts.scheme == "rediss",
        ca=query["ca"][0] if "ca" in query else "",
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
    )


def _wrong(reason: str) -> ValueError:
    return ValueError(f"the URL of Redis is not valid: {reason}; {FORMS}")
