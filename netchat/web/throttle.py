"""Rate limit for requests per client address."""

from __future__ import annotations

import asyncio

from aiohttp import web

from netchat.chat.fair_shares import share_of
from netchat.chat.rate_limit import RatePerKey, TokenBucket

__all__ = ["Throttle"]

#: Requests per second for one address, and the size of a burst. A class of sixty behind one NAT needs
#: about 1,500 requests to open the page. A request takes about 0.3 ms of the event loop's time.
RATE, BURST = 200.0, 2000

#: Longest delay in seconds. Requests that would wait longer are refused, so that neither the number of
#: waiting requests nor the delay grows without bound when an address sends requests and hangs up.
MAX_DELAY = 10.0

#: Maximum number of address groups to remember.
MAX_ADDRESSES = 4096


class Throttle:
    """Rate limiter that delays requests per address."""

    def __init__(self) -> None:
        self._buckets: RatePerKey[str] = RatePerKey(TokenBucket(1 / RATE, BURST), MAX_ADDRESSES)

    def seconds(self, host: str, now: float) -> float | None:
        """Count a request and return its delay in seconds; None if it is refused.

        Args:
            host: Address of the client.
            now: Current time in seconds.
        """
        share = share_of(host)
        wait = self._buckets.wait(share, now)
        if wait > MAX_DELAY:
            return None
        self._buckets.take(share, now)
        return wait

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
