"""Check of a connected Redis: its version, and whether it keeps what it acknowledges."""

from __future__ import annotations

from netchat.net.cluster.connection import RedisConnection, RedisUnavailable
from netchat.net.cluster.persistence_check import SETTINGS, problems, version_problem

__all__ = ["check_redis"]


async def check_redis(redis: RedisConnection, *, is_durable: bool) -> None:
    """Check the configuration of Redis.

    Args:
        redis: Connection to Redis.
        is_durable: Whether Redis must keep what it acknowledges.

    Raises:
        RedisUnavailable: Redis cannot be used as it is. The text says how to configure it.
    """
    (text,) = await redis.run(("INFO",))
    lines = text.decode("utf-8", "replace").splitlines()
    info = dict(line.split(":", 1) for line in lines if ":" in line)
    problem = version_problem(info)
    if problem is None and is_durable:
        problem = problems(info, await _config(redis), redis.url.redis_cli())
    if problem is not None:
        raise RedisUnavailable(problem)


async def _config(redis: RedisConnection) -> dict[str, str] | None:
    try:
        (flat,) = await redis.run(("CONFIG", "GET", *(name for name, _, _ in SETTINGS)))
    except RedisUnavailable:
        if not redis.is_open:
            raise
        return None  # the user may not run it, or it was renamed
    texts = [part.decode("utf-8", "replace") for part in flat]
    return dict(zip(texts[::2], texts[1::2], strict=True))
