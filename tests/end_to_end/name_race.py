"""Two clients that ask for the same name on two servers at the same moment: at most one gets it."""

from __future__ import annotations

import asyncio
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
        self.decided = self.undecided = 0
        self.faults: list[str] = []

    async def run(self) -> None:
        """Contest names until cancelled."""
        while True:
            await self.contest()
            await asyncio.sleep(self._source.uniform(0, 0.5))

    async def contest(self) -> None:
        """Contest one name."""
        number = self.decided + self.undecided + len(self.faults)
        # The second form counts as the same name.
        names = [f"Rival{number}", f"rival{number}"]
        first, second = self._source.sample(self._ports, 2)
        both = asyncio.Barrier(2)
        self.judge(
            names[0],
            await asyncio.gather(
                self._ask(first, names[0], both), self._ask(second, names[1], both)
            ),
        )

    def judge(self, name: str, answers: Sequence[bool | None]) -> None:
        """Record a contest: for each client whether it got the name, or None without an answer."""
        winners = answers.count(True)
        if winners > 1 or (not winners and None not in answers):
            self.faults.append(f"{winners} clients got the name {name!r}")
        elif winners:
            self.decided += 1
        else:
            self.undecided += 1

    async def _ask(self, port: int, name: str, both: asyncio.Barrier) -> bool | None:
        has_name: bool | None = None
        try:
            async with asyncio.timeout(TIMEOUT):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                try:
                    await both.wait()
                    writer.write(encode(Hello(0, os.urandom(16), b"", name, "rival", ())))
                    has_name = await _answer(reader, writer)
                    await both.wait()  # the winner keeps the name until the loser has its answer
                    if has_name:
                        writer.write(encode(Bye("")))
                        await reader.read()
                finally:
                    writer.transport.abort()
        except (TimeoutError, OSError, EOFError, PeerError, asyncio.BrokenBarrierError):
            await both.abort()
        return has_name


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    frames = FrameReader(1 << 24)
    while data := await reader.read(1 << 16):
        for frame in frames.feed(data):
            message: Message = decode(frame)
            match message:
                case Welcome():
                    return True
                case Error(code=ErrorCode.NAME_TAKEN):
                    return False
                case Ping(time):
                    writer.write(encode(Pong(time)))
                case _:
                    pass
    raise EOFError
