"""The noisy lines of a server's pages, up to a limit; loads what they need with the first one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:
    from netchat.web.noisy_line import NoisyLine, NoisyPath
    from netchat.web.websocket import WebSocket

__all__ = ["MOST_LINES", "NoisyLines"]

#: Most lines at a time: a class.
MOST_LINES = 64


class NoisyLines:
    """Opens noisy lines for pages that ask for one."""

    def __init__(self) -> None:
        self._open: WeakSet[NoisyLine] = WeakSet()
        self._loading = 0
        # Not the loop's executor, which would delay the end of the loop until everything is compiled.
        self._thread = ThreadPoolExecutor(1, "noisy lines")

    async def read(self, query: Mapping[str, str]) -> NoisyPath | str:
        """Read the query of a WebSocket's address.

        Returns:
            The path that it asks for, or the reason why it cannot have one.
        """
        if self._loading + sum(not line.is_over for line in self._open) >= MOST_LINES:
            return f"{MOST_LINES} noisy lines are open on this server; try again later"
        self._loading += 1
        try:  # in a thread: the first line of a server imports NumPy and may compile decoders
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, _read, dict(query))
        except ValueError as error:
            return str(error)
        finally:
            self._loading -= 1

    def close(self) -> None:
        """Cancel what is still loading."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def create(
        self, path: NoisyPath, websocket: WebSocket, lower: asyncio.Transport, max_frame: int
    ) -> NoisyLine:
        """Create a line; the caller connects it with `NoisyLine.begin`."""
        from netchat.web.noisy_line import NoisyLine

        line = NoisyLine(path, websocket, lower, max_frame)
        self._open.add(line)
        return line

    @staticmethod
    def refuse(websocket: WebSocket, why: str) -> None:
        """Tell a page why it has no noisy line; its connection continues without one."""
        websocket.send_text(json.dumps({"line": {"refused": why}}))


def _read(query: Mapping[str, str]) -> NoisyPath:
    from netchat.web.noisy_line import read_line

    return read_line(query)
