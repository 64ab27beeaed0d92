"""Speaking by the clock: an open loop, which does not wait for those who are slow."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from netchat.load.user import User

__all__ = ["speak_at_rate"]

#: Seconds slept at least: what falls due meanwhile goes together, each with its own due time.
_NAP = 0.001


async def speak_at_rate(speakers: Sequence[User], messages: int, rate: float) -> None:
    """Let users speak in turn.

    A message that leaves late carries the time at which it was due, so that a sender that cannot
    keep up shows as latency and not as a lower load ("coordinated omission").

    Args:
        speakers: who speaks.
        messages: how many messages in all.
        rate: how many a second, in all.
    """
    start, said = time.monotonic_ns(), 0
    while said < messages:
        now = time.monotonic_ns()
        ready: dict[User, list[bytes]] = {}
        while said < messages and (due := start + int(said / rate * 1e9)) <= now:
            speaker = speakers[said % len(speakers)]
            ready.setdefault(speaker, []).append(speaker.say(due))
            said += 1
        for speaker, frames in ready.items():
            speaker.write(frames)
        following = start + int(said / rate * 1e9)
        await asyncio.sleep(max(_NAP, (following - time.monotonic_ns()) / 1e9))
