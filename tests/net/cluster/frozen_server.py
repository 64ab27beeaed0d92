"""`python -m tests.net.cluster.frozen_server SOCKET`: a server to be frozen by its parent.

It appends numbers and prints each one that came back, `R` with each one that was rejected, and `J` when
it joins.
"""

from __future__ import annotations

import asyncio
import struct
import sys

from netchat.net.cluster.entry_filter import CommandBatch, ServerJoined
from netchat.net.cluster.redis_url import parse_redis_url
from tests.net.cluster.recorder import Recorder, timing


class Printer(Recorder):
    async def apply(self, entries, checkpoint) -> None:
        await super().apply(entries, checkpoint)
        for entry in entries:
            if self.log.owns(entry) and isinstance(entry, CommandBatch):
                print(entry.commands[0].decode(), flush=True)
            elif self.log.owns(entry) and isinstance(entry, ServerJoined):
                print("J", flush=True)

    def fenced(self, rejected, is_certain: bool) -> None:
        for one in rejected:
            print("R", one.commands[struct.calcsize(">I") :].decode(), flush=True)


async def main() -> None:
    url = parse_redis_url(f"unix://{sys.argv[1]}")
    async with Printer(url, "frozen", timing=timing(lease=0.5)) as server:
        for number in range(100_000):
            server.log.append([b"frozen %d" % number])
            await asyncio.sleep(0.001)


if __name__ == "__main__":
    asyncio.run(main())
