"""Reconnect storm: all users lose their connections at once and reconnect."""

from __future__ import annotations

import asyncio
import time

from netchat.load.crowd import Crowd
from netchat.load.report import DropReport, Progress

__all__ = ["drop_all"]

#: Number of messages that the remaining user sends while all others are disconnected.
_MESSAGES = 1000

#: Number of messages that each sender sends meanwhile: some are in flight when its connection is
#: lost, and the rest follow after the reconnect.
_MESSAGES_EACH = 100

#: Seconds between the start of sending and the loss of all connections.
_AFTER = 0.02


async def drop_all(
    crowd: Crowd, senders: int, messages: int, progress: Progress
) -> tuple[DropReport, bool]:
    """Drop all connections at once, while one additional user stays connected and sends.

    Args:
        crowd: The crowd.
        senders: Number of users that continue to send; the first ones.
        messages: Maximum number of messages for each of them.
        progress: Called with the number of reconnected users.

    Returns:
        The report, and whether everything arrived in time.
    """
    clients, active = list(crowd.users), crowd.users[:senders]
    await crowd.gather(1, 1)
    remaining = crowd.users[-1]
    await crowd.wait_until_all_have(())
    for sender in active:
        sender.goal += min(messages, _MESSAGES_EACH)
        sender.send_pending()
    await asyncio.sleep(_AFTER)
    lost, missed = crowd.lost_connections, crowd.missed
    begun = time.monotonic()
    for client in clients:
        client.drop()
    remaining.goal = _MESSAGES
    remaining.send_pending()
    back = asyncio.create_task(_wait_until_back(crowd, lost, progress))
    complete = await crowd.wait_until_all_have([*active, remaining])
    seconds = time.monotonic() - begun
    back.cancel()
    (returned,) = await asyncio.gather(back, return_exceptions=True)
    report = DropReport(
        clients=len(clients),
        back_seconds=round(returned - begun if isinstance(returned, float) else seconds, 3),
        seconds=round(seconds, 3),
        messages=_MESSAGES + senders * min(messages, _MESSAGES_EACH),
        missed=crowd.missed - missed,
        retries=crowd.lost_connections - lost - len(clients),
    )
    return report, complete


async def _wait_until_back(crowd: Crowd, lost: int, progress: Progress) -> float:
    """Wait until all users are in the room again, and return the time."""
    while True:
        connected = sum(u.connected for u in crowd.users)
        # The event loop reports the lost connections only in its next turn.
        if connected == len(crowd.users) and crowd.lost_connections >= lost + connected - 1:
            return time.monotonic()
        progress("reconnecting", connected, len(crowd.users))
        await asyncio.sleep(0.02)
