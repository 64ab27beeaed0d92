"""Everybody loses the connection at once, and comes back."""

from __future__ import annotations

import asyncio
import time

from netchat.load.crowd import Crowd
from netchat.load.report import DropReport, Progress

__all__ = ["drop_all"]

#: Messages that the one who stays says to those who are away.
_MESSAGES = 1000

#: Messages that each sender says meanwhile: some are under way when its connection is lost, the
#: rest follows when it is back.
_MESSAGES_EACH = 100

#: Seconds that the senders have spoken when all connections are lost.
_AFTER = 0.02


async def drop_all(
    crowd: Crowd, senders: int, messages: int, progress: Progress
) -> tuple[DropReport, bool]:
    """Let everybody lose the connection at once, while one who came in addition speaks.

    Args:
        crowd: who is there.
        senders: how many of them, the first ones, go on speaking.
        messages: how many each of those says at most.
        progress: told how many are back.

    Returns:
        How it went, and whether everything came in time.
    """
    clients, speakers = list(crowd.users), crowd.users[:senders]
    await crowd.gather(1, 1)
    stays = crowd.users[-1]
    await crowd.wait_until_all_have(())
    for speaker in speakers:
        speaker.goal += min(messages, _MESSAGES_EACH)
        speaker.talk()
    await asyncio.sleep(_AFTER)
    lost, missed = crowd.lost_connections, crowd.missed
    begun = time.monotonic()
    for client in clients:
        client.drop()
    stays.goal = _MESSAGES
    stays.talk()
    back = asyncio.create_task(_until_back(crowd, lost, progress))
    complete = await crowd.wait_until_all_have([*speakers, stays])
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


async def _until_back(crowd: Crowd, lost: int, progress: Progress) -> float:
    """Wait until everybody is in the room again; returns when that was."""
    while True:
        there = sum(u.connected for u in crowd.users)
        # That the connections are lost shows in the next turn of the loop only.
        if there == len(crowd.users) and crowd.lost_connections >= lost + there - 1:
            return time.monotonic()
        progress("coming back", there, len(crowd.users))
        await asyncio.sleep(0.02)
