"""Connections to Redis, and its errors in netchat's words."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from netchat.errors import ClusterError
from netchat.net.cluster.redis_url import RedisURL

if TYPE_CHECKING:
    from redis.asyncio.connection import AbstractConnection

__all__ = ["RedisConnection", "RedisUnavailable"]

#: Types of a command's arguments.
Argument = bytes | str | int

#: Codes at the start of Redis's errors that operators have to resolve.
_ERRORS = {
    "OOM": (
        "Redis is out of memory (maxmemory). Give it more: "
        "redis-cli CONFIG SET maxmemory BYTES; redis-cli CONFIG REWRITE"
    ),
    "MISCONF": (
        "Redis refuses to write, because it cannot write to its disk. "
        "Free space on the disk of Redis; its log names the file"
    ),
    "READONLY": "Redis is a read-only replica. Connect to the primary",
    "LOADING": "Redis is still loading its data",
    "NOAUTH": "Redis requires a password: redis://USER:PASSWORD@HOST:PORT/DB",
    "WRONGPASS": "Redis refused the user name or password",
    "NOPERM": "the Redis user may not run a command that the cluster needs",
    "NOREPLICAS": "Redis has too few replicas to accept writes (min-replicas-to-write)",
}


class RedisUnavailable(ClusterError):
    """Redis did not answer, or refused to write. Trying again may help."""


class RedisConnection:
    """One connection to Redis, with pipelined commands.

    redis-py connects, authenticates, encodes and parses. Its client is not used, because it sends the
    next command of a connection only after the reply to the last one.

    Args:
        url: Address of Redis.
        timeout: Timeout for connecting and for commands, in seconds.
    """

    def __init__(self, url: RedisURL, timeout: float) -> None:
        self.url = url
        """Address of Redis."""
        self._timeout = timeout
        self._connection: AbstractConnection | None = None

    async def connect(self) -> None:
        """Connect and authenticate.

        Raises:
            RedisUnavailable: That failed.
            ClusterError: redis-py is not installed.
        """
        self._connection = _new(self.url, self._timeout)
        try:
            async with asyncio.timeout(self._timeout):
                await self._connection.connect()  # type: ignore[no-untyped-call]
        except Exception as error:
            raise self._translated(error) from None

    async def send(self, *commands: Sequence[Argument]) -> None:
        """Send commands without waiting for their replies.

        Raises:
            RedisUnavailable: The connection was lost.
        """
        connection = self._opened()
        try:
            packed = connection.pack_commands(commands)
            await connection.send_packed_command(packed, check_health=False)
        except Exception as error:
            raise self._translated(error) from None

    async def reply(self) -> Any:
        """Return the reply to the oldest unanswered command.

        Raises:
            RedisUnavailable: The connection was lost, or the reply is an error.
        """
        try:
            return await self._opened().read_response()
        except Exception as error:
            raise self._translated(error) from None

    async def run(self, *commands: Sequence[Argument]) -> list[Any]:
        """Send commands in one write, and return their replies.

        Raises:
            RedisUnavailable: The connection was lost, the replies took too long, or one is an error.
        """
        try:
            async with asyncio.timeout(self._timeout):
                await self.send(*commands)
                return await self._replies(len(commands))
        except TimeoutError as error:
            raise self._translated(error) from None

    async def _replies(self, count: int) -> list[Any]:
        found: list[Any] = []
        failed: RedisUnavailable | None = None
        for _ in range(count):
            try:
                found.append(await self.reply())
            except RedisUnavailable as error:
                if not self.is_open:
                    raise
                failed = failed or error  # the other replies must still be read
        if failed is not None:
            raise failed
        return found

    @property
    def is_open(self) -> bool:
        """Whether the connection is usable."""
        return self._connection is not None and self._connection.is_connected

    async def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            await self._connection.disconnect(nowait=True)

    def _opened(self) -> AbstractConnection:
        # redis-py must not reopen a closed connection on its own: the replies would no longer
        # match the commands.
        if self._connection is None or not self.is_open:
            raise RedisUnavailable(f"the connection to Redis at {self.url} was lost")
        return self._connection

    def _translated(self, error: Exception) -> ClusterError:
        if isinstance(error, ClusterError):
            return error
        return RedisUnavailable(f"{self.url}: {_describe(error)}")


def _describe(error: BaseException) -> str:
    """Return what is wrong, without anything that could contain a password."""
    from redis import exceptions

    if isinstance(error.__cause__, exceptions.RedisError):  # refused while connecting
        error = error.__cause__
    if isinstance(error, TimeoutError | exceptions.TimeoutError):
        return "Redis does not answer"
    text = str(error)
    kinds = {
        exceptions.OutOfMemoryError: "OOM",
        exceptions.ReadOnlyError: "READONLY",
        exceptions.BusyLoadingError: "LOADING",
        exceptions.AuthenticationError: "NOAUTH" if "required" in text else "WRONGPASS",
        exceptions.NoPermissionError: "NOPERM",
    }
    # redis-py removes the code from the errors for which it has a class.
    codes = [code for kind, code in kinds.items() if isinstance(error, kind)]
    code = codes[0] if codes else text.partition(" ")[0]
    if code in _ERRORS:
        return _ERRORS[code]
    if isinstance(error, exceptions.ResponseError):
        return f"Redis refused a command: {text[:200]}"
    cause = error if isinstance(error, OSError) else error.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return (
            f"the certificate of Redis is not trusted ({cause.verify_message}). "
            "If your own CA issued it, append ?ca=FILE to the URL, with the certificate of that CA"
        )
    if isinstance(cause, ssl.SSLError):
        return f"TLS with Redis failed ({cause.reason})"
    if isinstance(cause, OSError) and cause.errno:
        reason = os.strerror(cause.errno) if cause.errno > 0 else cause.strerror
        return f"cannot connect to Redis: {reason}"
    return "the connection to Redis was lost"


def _new(url: RedisURL, timeout: float) -> AbstractConnection:
    try:
        from redis.asyncio.connection import (
            Connection,
            SSLConnection,
            UnixDomainSocketConnection,
        )
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff
    except ImportError:
        raise ClusterError(
            'A cluster needs redis-py: python -m pip install "netchat[cluster]"'
        ) from None
    kind: Any = UnixDomainSocketConnection if url.path else Connection
    connection: AbstractConnection = (SSLConnection if url.is_tls else kind)(
        **url.options(),
        protocol=2,  # RESP3 has other types for the same replies
        socket_timeout=None,  # the session has one timeout for everything
        socket_connect_timeout=timeout,
        socket_read_size=1 << 18,
        retry=Retry(NoBackoff(), 0),
    )
    return connection
