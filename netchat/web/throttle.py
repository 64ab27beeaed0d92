"""Rate limit for requests per client address."""

from __future__ import annotations

import asyncio

from aiohttp import web

from netchat.chat.fair_shares import share_of

__all__ = ["Throttle"]

#: Requests per second for one address, and the size of a burst. A class of sixty behind one NAT needs
#: about 1,500 requests to open the page. A request takes about 0.3 ms of the event loop's time.
RATE, BURST = 200.0, 2000

#: Longest delay in seconds. Requests that would wait longer are refused, so that neither the number of
#: waiting requests nor the delay grows without bound when an address sends requests and hangs up.
MAX_DELAY = 10.0

#: Addresses stored before those without pending delays are removed.
MAX_ADDRESSES = 4096


class Throttle:
    """Rate limiter that delays requests per address (generic cell rate algorithm)."""

    def __init__(self) -> None:
        self._due: dict[str, float] = {}

    def seconds(self, host: str, now: float) -> float | None:
        """Count a request and return its delay in seconds; None if it is refused.

        Args:
            host: Address of the client.
            now: Current time in seconds.
        """
        if len(self._due) > MAX_ADDRESSES:
            self._due = {share: due for share, due in self._due.items() if due > now - BURST / RATE}
        share = share_of(host)
        due = max(self._due.get(share, 0.0), now - BURST / RATE) + 1 / RATE
        if due - now > MAX_DELAY:
            return None
        self._due[share] = due
        return max(0.0, due - now)

    async def wait(self, host: str) -> None:
        """Wait until a request from an address may be answered.

        Raises:
            web.HTTPTooManyRequests: Too many requests of this address are waiting already.
        """
        seconds = self.seconds(host, asyncio.get_running_loop().time())
        if seconds is None:
            raise web.HTTPTooManyRequests(
                headers={"Retry-After": f"{MAX_DELAY:.0f}"},
                text=f"Your address sends more than {RATE:g} requests a second; try again later.",
            )
        if seconds > 0:
            await asyncio.sleep(seconds)
