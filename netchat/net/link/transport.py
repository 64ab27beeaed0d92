"""A link between a connection and whoever speaks on it, on either side."""

from __future__ import annotations

import asyncio
from typing import cast

from netchat.errors import LinkError
from netchat.link.link import Link
from netchat.net.half_close import half_close
from netchat.net.link.cpu_budget import ABUSE, LinkWork
from netchat.net.transport_shim import TransportShim
from netchat.wire.reader import http_problem

__all__ = ["LinkTransport"]

#: Bytes that the other side has not acknowledged at which whoever writes is told to stop, and to go
#: on: as for a plain connection.
HIGH_WATER, LOW_WATER = 256 * 1024, 64 * 1024


class LinkTransport(TransportShim):
    """Carries a protocol's bytes over a link.

    Over datagrams each block is written by itself, and the protocol above has a connection only when
    the link is open. Over a stream it has one at once; what it writes waits.

    Who pauses reading makes the link's window shrink, and so the other side stop; who writes is
    paused by what the other side has not acknowledged. What one turn of the loop writes goes out
    together, in as few blocks as hold it.

    Args:
        upper: the protocol above.
        link: the link, fresh.
        work: divides processor time among a server's links; None is no limit.

    Attributes:
        link: it.
        wasted: seconds of processor time spent on what arrived since the last useful block.
    """

    def __init__(self, upper: asyncio.Protocol, link: Link, work: LinkWork | None = None) -> None:
        super().__init__(upper)
        self.link = link
        self.wasted = 0.0
        self._work = work
        self._waits_for_work = False
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._scheduled = False
        self._reading = True
        self._lower_paused = False
        self._lower_full = False
        self._upper_paused = False
        self._closing = False
        self._is_over = False  # the last byte was written, and what still arrives is discarded
        self._announced = False
        self._problem = ""
        self._opened: asyncio.Future[None] = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """There is a connection: open the link on it."""
        self.lower = cast(asyncio.Transport, transport)
        if self.link.mtu is None:
            self._announce()
        self._pump()

    async def opened(self) -> None:
        """Wait until the link is open.

        Raises:
            OSError: the way to the other side was lost before.
            LinkError: the other side refused it, or did not answer.
        """
        await self._opened

    def _announce(self) -> None:
        self._announced = True
        self._opened.set_result(None)
        self.upper.connection_made(self)

    def begin(self, transport: asyncio.Transport, data: bytes) -> None:
        """Take over a connection on which the first bytes of a link have arrived.

        Args:
            transport: the connection's, which the protocol above knows already.
            data: those bytes.
        """
        self.lower, self._announced = transport, True
        transport.set_protocol(self)
        self.data_received(data)

    def data_received(self, data: bytes) -> None:
        """Bytes have arrived, damaged perhaps."""
        if not self.link.opened and self.link.mtu is None and (problem := http_problem(data)):
            self._problem = f"no link is spoken there: {problem}"
            self.lower.abort()
            return
        if self.link.mtu is not None:
            self.link.receive_block(data, self._loop.time())
        elif self._work is None:
            self.link.receive(data, self._loop.time())
        else:
            self.link.feed(data)
            if not self._waits_for_work:
                self._take_slice(self._work)
            return
        self.arrived()

    def step(self) -> tuple[bool, bool]:
        """Look at a little of what has arrived: whether it was useful, and whether there is more."""
        useful = self.link.useful
        more = self.link.step(self._loop.time())
        return self.link.useful != useful, more

    def resumed(self) -> None:
        """Look at more of what has arrived: it is this link's turn."""
        self._waits_for_work = False
        if self._work is not None and not self._is_over and not self.lower.is_closing():
            self._take_slice(self._work)

    def _take_slice(self, work: LinkWork) -> None:
        """Look at what has arrived, for as long as that may take, and read on or wait."""
        self._waits_for_work = not work.run(self)
        self.arrived()
        if self._is_over:
            work.forget(self)
        elif self.wasted >= ABUSE:
            self.give_up()
        elif self._waits_for_work and not self._lower_paused:
            self._lower_paused = True
            self.lower.pause_reading()
        elif self._lower_paused and not self._waits_for_work and not self.lower.is_closing():
            self._lower_paused = False
            self.lower.resume_reading()

    def give_up(self) -> None:
        """End the link: the other side keeps us busy for nothing."""
        if self._work is not None:
            self._work.forget(self)
        if not self.lower.is_closing():
            self.link.abort("nothing that came for a long time was a block that could be used")
            self._pump()

    def arrived(self) -> None:
        """The link has been handed something: see what came of it."""
        if not self._announced and self.link.opened:
            self._announce()
        self._hand_up()
        self._pump()

    def probe(self) -> None:
        """Ask the other side for a sign of life."""
        self.link.probe()
        self._schedule()

    def reduce_mtu(self) -> None:
        """The system has refused a datagram for its length."""
        self.link.reduce_mtu(self._loop.time())

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, and the link with it."""
        if self._timer is not None:
            self._timer.cancel()
        if self._work is not None:
            self._work.forget(self)
        self._closing = True
        if exc is None and (why := self._problem or self.link.closed):
            exc = LinkError(why)
        if self._announced:
            self.upper.connection_lost(exc)
        elif not self._opened.done():
            self._opened.set_exception(exc or LinkError("the link was closed before it was open"))

    def pause_writing(self) -> None:
        """The transport below has enough to send."""
        self._lower_full = True

    def resume_writing(self) -> None:
        """It has room again."""
        self._lower_full = False
        self._pump()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes; they go out at the end of this turn of the loop."""
        if self.is_closing():
            return
        self.link.send(bytes(data))
        if not self._upper_paused and self.link.buffered > HIGH_WATER:
            self._upper_paused = True
            self.upper.pause_writing()
        self._schedule()

    def close(self) -> None:
        """Close, once the other side has everything that was written."""
        if not self._closing:
            self._closing = True
            self._schedule()

    def abort(self) -> None:
        """Close at once. Over datagrams the other side is told, if it hears it, as TCP tells by RST."""
        if self.link.mtu is not None and self.link.opened and not self.lower.is_closing():
            self.link.close()
            self._send()
        self.lower.abort()

    def is_closing(self) -> bool:
        """Whether it is closed, or about to be."""
        return self._closing or self.lower.is_closing()

    def pause_reading(self) -> None:
        """Hand no more bytes up. Acknowledgements are still read."""
        self._reading = False

    def resume_reading(self) -> None:
        """Hand bytes up again."""
        self._reading = True
        self._loop.call_soon(self._resume)

    def _resume(self) -> None:
        self._hand_up()
        self._pump()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._pump)

    def _hand_up(self) -> None:
        if self._reading and (data := self.link.received(self._loop.time())):
            self.upper.data_received(data)

    def _tick(self) -> None:
        self._timer = None
        self.link.tick(self._loop.time())
        self._pump()

    def _pump(self) -> None:
        """Send what the link wants sent, and set its timer."""
        self._scheduled = False
        link, lower = self.link, self.lower
        if self._is_over or lower.is_closing():
            return
        if not self._lower_full:
            self._send()
        if link.closed:
            self._end()
            return
        if self._upper_paused and link.buffered < LOW_WATER:
            self._upper_paused = False
            self.upper.resume_writing()
        if self._closing and not (link.buffered and link.opened):
            if link.opened:
                link.close()
                self._send()
            self._end()
            return
        if not self._lower_full:  # until there is room, time changes nothing
            self._arm(link.next_timer())

    def _end(self) -> None:
        """Close the transport, once; a write after its end would be an error."""
        self._is_over = True
        if self._timer is not None:
            self._timer.cancel()
        half_close(self.lower)

    def _send(self) -> None:
        blocks = self.link.blocks_to_send(self._loop.time())
        if self.link.mtu is None:
            blocks = [b"".join(blocks)] if blocks else []
        for data in blocks:
            self.lower.write(data)

    def _arm(self, due: float | None) -> None:
        """Have `_tick` called at some time; a timer that is early enough is left alone."""
        if due is None or (self._timer is not None and self._due <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._due = due
        self._timer = self._loop.call_at(due, self._tick)
