"""Two clients that ask two servers for the same name at the same moment: at most one gets it."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
from collections.abc import Sequence

from netchat.errors import PeerError
from netchat.wire import (
    Bye,
    Error,
    ErrorCode,
    FrameReader,
    Hello,
    Message,
    Ping,
    Pong,
    Rename,
    Renamed,
    Welcome,
    decode,
    encode,
)

__all__ = ["NameRace"]

#: Seconds until a contest without an answer counts as undecided.
TIMEOUT = 15.0


class NameRace:
    """Contests for one new name after another, on two servers each.

    Args:
        ports: Ports of the servers.
        source: Source of all randomness.

    Attributes:
        decided: Number of contests with one winner.
        undecided: Number of contests without a winner: a fault prevented an answer.
        faults: Contests with two winners, or, if both clients got an answer, with none.
    """

    def __init__(self, ports: Sequence[int], source: random.Random) -> None:
        self._ports, self._source = ports, source
        self._numbers = itertools.count()
        self.decided = self.undecided = 0
        self.faults: list[str] = []

    async def run(self) -> None:
        """Contest names until cancelled; may run several times at once."""
        while True:
            await self.contest()
            await asyncio.sleep(self._source.uniform(0, 0.5))

    async def contest(self) -> None:
        """Contest one name."""
        number = next(self._numbers)
        # The second form counts as the same name.
        names = f"Rival{number}", f"rival{number}"
        is_rename = self._source.random() < 0.5
        both = asyncio.Barrier(2)
        asking = []
        for port, name in zip(self._source.sample(self._ports, 2), names, strict=True):
            steps: list[Message] = [_hello(f"{name}-{port}" if is_rename else name)]
            if is_rename:
                steps.append(Rename(1, name))
            asking.append(_ask(port, steps, both))
        self.judge(names[0], await asyncio.gather(*asking))

    def judge(self, name: str, answers: Sequence[bool | None]) -> None:
        """Record a contest: for each client whether it got the name, or None without an answer."""
        winners = answers.count(True)
        if winners > 1 or (not winners and None not in answers):
            self.faults.append(f"{winners} clients got the name {name!r}")
        elif winners:
            self.decided += 1
        else:
            self.undecided += 1


def _hello(name: str) -> Hello:
    return Hello(0, os.urandom(16), b"", name, "rival", ())


async def _ask(port: int, steps: list[Message], both: asyncio.Barrier) -> bool | None:
    """Take all steps but the last, wait for the rival, and return whether the last one succeeds."""
    succeeds: bool | None = None
    try:
        async with asyncio.timeout(TIMEOUT):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                frames = FrameReader(1 << 24)
                for step in steps[:-1]:
                    writer.write(encode(step))
                    await _answer(frames, reader, writer)
                await both.wait()
                writer.write(encode(steps[-1]))
                succeeds = await _answer(frames, reader, writer)
                await both.wait()  # the winner keeps the name until the loser has its answer
                writer.write(encode(Bye("")))
                await reader.read()
            finally:
                writer.transport.abort()
    except (TimeoutError, OSError, EOFError, PeerError, asyncio.BrokenBarrierError):
        await both.abort()
    return succeeds


async def _answer(
    frames: FrameReader, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> bool:
    while data := await reader.read(1 << 16):
        for frame in frames.feed(data):
            match decode(frame):
                case Welcome() | Renamed():
                    return True
                case Error(code=ErrorCode.NAME_TAKEN):
                    return False
                case Ping(time):
                    writer.write(encode(Pong(time)))
                case _:
                    pass
    raise EOFError
