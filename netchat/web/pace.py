"""How many requests an address may make: those above it wait, so that chats do not."""

from __future__ import annotations

import asyncio

from aiohttp import web

from netchat.chat.fair_shares import share_of

__all__ = ["Pace"]

#: Requests a second of one address, and how many at once: a class of sixty behind one address that
#: opens the page takes about 1,500. One request costs the event loop some 0.3 ms.
RATE, BURST = 200.0, 2000

#: Seconds that a request waits at most: what would wait longer is refused, so that neither those that
#: wait nor the wait itself grow without bound when an address sends requests and hangs up.
LONGEST = 10.0

#: Addresses that are remembered before those that owe nothing are forgotten.
MOST = 4096


class Pace:
    """Paces requests by address (generic cell rate algorithm)."""

    def __init__(self) -> None:
        self._due: dict[str, float] = {}

    def seconds(self, host: str, now: float) -> float | None:
        """For how long a request of an address waits; None if it is refused.

        Args:
            host: the address.
            now: the present, in seconds.
        """
        if len(self._due) > MOST:
            self._due = {share: due for share, due in self._due.items() if due > now - BURST / RATE}
        share = share_of(host)
        due = max(self._due.get(share, 0.0), now - BURST / RATE) + 1 / RATE
        if due - now > LONGEST:
            return None
        self._due[share] = due
        return max(0.0, due - now)

    async def wait(self, host: str) -> None:
        """Wait until a request of an address may be answered.

        Raises:
            web.HTTPTooManyRequests: too many others wait already.
        """
        seconds = self.seconds(host, asyncio.get_running_loop().time())
        if seconds is None:
            raise web.HTTPTooManyRequests(
                headers={"Retry-After": f"{LONGEST:.0f}"},
                text=f"Your address sends more than {RATE:g} requests a second; try again later.",
            )
        if seconds > 0:
            await asyncio.sleep(seconds)
