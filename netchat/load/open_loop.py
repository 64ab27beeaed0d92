"""Open-loop load: messages at a fixed rate, regardless of how fast the server answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from netchat.load.user import User

__all__ = ["send_at_rate"]

#: Minimum sleep in seconds; messages due within it are sent together, each with its own due time.
_MIN_SLEEP = 0.001


async def send_at_rate(senders: Sequence[User], messages: int, rate: float) -> None:
    """Send messages at a fixed rate, from the senders in turn.

    Each message carries the time at which it was due. A sender that cannot keep up therefore shows
    as latency and not as a lower load, which avoids coordinated omission.

    Args:
        senders: Users that send.
        messages: Total number of messages.
        rate: Total messages per second.
    """
    start, sent = time.monotonic_ns(), 0
    while sent < messages:
        now = time.monotonic_ns()
        ready: dict[User, list[bytes]] = {}
        while sent < messages and (due := start + int(sent / rate * 1e9)) <= now:
            sender = senders[sent % len(senders)]
            ready.setdefault(sender, []).append(sender.queue_message(due))
            sent += 1
        for sender, frames in ready.items():
            sender.write(frames)
        following = start + int(sent / rate * 1e9)
        await asyncio.sleep(max(_MIN_SLEEP, (following - time.monotonic_ns()) / 1e9))
