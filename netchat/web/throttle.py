"""How many requests an address may make: those above it wait, so that chats do not."""

from __future__ import annotations

import asyncio

from netchat.chat.fair_shares import share_of

__all__ = ["Throttle"]

#: Requests a second of one address, and how many at once: a class of sixty behind one address that
#: opens the page takes about 1,500. One request costs the event loop some 0.3 ms.
RATE, BURST = 200.0, 2000

#: Addresses that are remembered before those that owe nothing are forgotten.
MOST = 4096


class Throttle:
    """Paces requests by address (generic cell rate algorithm)."""

    def __init__(self) -> None:
        self._due: dict[str, float] = {}

    def seconds(self, host: str, now: float) -> float:
        """For how long a request of an address waits.

        Args:
            host: the address.
            now: the present, in seconds.
        """
        if len(self._due) > MOST:
            self._due = {share: due for share, due in self._due.items() if due > now - BURST / RATE}
        share = share_of(host)
        due = max(self._due.get(share, 0.0), now - BURST / RATE) + 1 / RATE
        self._due[share] = due
        return max(0.0, due - now)

    async def wait(self, host: str) -> None:
        """Wait until a request of an address may be answered."""
        if (seconds := self.seconds(host, asyncio.get_running_loop().time())) > 0:
            await asyncio.sleep(seconds)
