"""Link as an asyncio transport, for client and server."""

from __future__ import annotations

import asyncio
from typing import cast

from netchat.errors import LinkError
from netchat.link.link import Link
from netchat.net.half_close import half_close
from netchat.net.link.cpu_budget import ABUSE, LinkWork
from netchat.net.transport_shim import TransportShim, memory_of
from netchat.wire.reader import http_problem

__all__ = ["LinkTransport"]

#: Unacknowledged bytes at which the protocol above is paused and resumed, as for a TCP connection.
HIGH_WATER, LOW_WATER = 256 * 1024, 64 * 1024

#: Bytes of blocks that a server sends before it looks at the time again: at least one block.
_SENT_AT_ONCE = 8 * 1024


class LinkTransport(TransportShim):
    """Layer that carries a protocol's bytes over a link.

    Over datagrams, each block is written separately, and the protocol above is connected once the
    link is open. Over a stream, it is connected at once, and its writes are buffered.

    If the protocol pauses reading, the link's receive window shrinks, which pauses the peer. The
    protocol's writing is paused by unacknowledged bytes. Everything written in one turn of the event
    loop is sent together, in as few blocks as possible.

    Args:
        upper: Protocol above.
        link: New link.
        work: Scheduler of the CPU time of a server's links; None sets no limit.
        share: Address group of the peer.

    Attributes:
        link: The link.
        wasted: Seconds of CPU time since the last useful block.
        unsettled: Seconds of CPU time for a block that is not finished.
        share: Address group that this time counts against.
        forged: Part of `wasted` for datagrams that are not the link's, perhaps from a forged address.
    """

    def __init__(
        self, upper: asyncio.Protocol, link: Link, work: LinkWork | None = None, share: str = ""
    ) -> None:
        super().__init__(upper)
        self.link = link
        self.wasted = self.forged = self.unsettled = 0.0
        self.share = share
        self._high, self._low = HIGH_WATER, LOW_WATER
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
        """Open the link on a new connection."""
        self.lower = cast(asyncio.Transport, transport)
        if self.link.mtu is None:
            self._announce()
        self._pump()

    async def opened(self) -> None:
        """Wait until the link is open.

        Raises:
            OSError: The connection was lost.
            LinkError: The peer refused the link, or did not answer.
        """
        await self._opened

    def _announce(self) -> None:
        self._announced = True
        self._opened.set_result(None)
        self.upper.connection_made(self)

    def begin(self, transport: asyncio.Transport, data: bytes) -> None:
        """Take over a connection on which the first bytes of a link have arrived.

        Args:
            transport: Transport of the connection, already known to the protocol above.
            data: First bytes of the link.
        """
        self.lower, self._announced = transport, True
        transport.set_protocol(self)
        self.data_received(data)

    def data_received(self, data: bytes) -> None:
        """Process received bytes, which may be damaged."""
        if not self.link.opened and self.link.mtu is None and (problem := http_problem(data)):
            self._problem = f"the peer does not support links: {problem}"
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

    def step(self) -> tuple[bool | None, bool]:
        """Process a block, or a part of it.

        Returns:
            Whether it was useful, or None if it is not finished; and whether there is more to do.
        """
        useful = self.link.useful
        more = self.link.step(self._loop.time())
        return None if self.link.busy else self.link.useful != useful, more

    def resumed(self) -> None:
        """Continue processing received bytes in this link's turn."""
        self._waits_for_work = False
        if self._work is not None and not self._is_over and not self.lower.is_closing():
            self._take_slice(self._work)

    def _take_slice(self, work: LinkWork) -> None:
        """Process received bytes within the CPU limit, and pause reading if it is used up."""
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
        """Close the link because the peer causes too much useless work."""
        if self._work is not None:
            self._work.forget(self)
        if not self.lower.is_closing():
            self.link.abort("too much CPU time without a single useful block")
            self._pump()

    def arrived(self) -> None:
        """Handle the results of blocks that were passed to the link."""
        if not self._announced and self.link.opened:
            self._announce()
        self._hand_up()
        self._pump()

    def probe(self) -> None:
        """Send a block that the peer must answer, to check whether it is still there."""
        self.link.probe()
        self._schedule()

    def reduce_mtu(self) -> None:
        """Send short datagrams for a while, because the system has rejected a long one."""
        self.link.reduce_mtu(self._loop.time())

    def connection_lost(self, exc: Exception | None) -> None:
        """Report the lost connection to the protocol above."""
        if self._timer is not None:
            self._timer.cancel()
        if self._work is not None:
            self._work.forget(self)
            self.link.discard()
        self._closing = True
        if exc is None and (why := self._problem or self.link.closed):
            exc = LinkError(why)
        if self._announced:
            self.upper.connection_lost(exc)
        elif not self._opened.done():
            self._opened.set_exception(exc or LinkError("the link was closed before it was open"))

    def pause_writing(self) -> None:
        """Stop sending because the transport's buffer is full."""
        self._lower_full = True

    def resume_writing(self) -> None:
        """Resume sending."""
        self._lower_full = False
        self._pump()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes at the end of this turn of the event loop."""
        if self.is_closing():
            return
        self.link.send(bytes(data))
        if not self._upper_paused and self.link.buffered > self._high:
            self._upper_paused = True
            self.upper.pause_writing()
        self._schedule()

    def close(self) -> None:
        """Close the link once the peer has acknowledged all bytes."""
        if not self._closing:
            self._closing = True
            self._schedule()

    def abort(self) -> None:
        """Close at once; over datagrams, send one CLOSE, like TCP's RST."""
        if self.link.mtu is not None and self.link.opened and not self.lower.is_closing():
            self.link.close()
            self._send_step()
        self.lower.abort()

    def is_closing(self) -> bool:
        """Return whether the link is closed or closing."""
        return self._closing or self.lower.is_closing()

    def memory(self) -> tuple[int, int]:
        """Return the numbers of unacknowledged bytes, and of received bytes that were not passed up."""
        unsent, received = memory_of(self.lower)
        return unsent + self.link.buffered, received + self.link.held

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set the numbers of unacknowledged bytes at which writing pauses and resumes."""
        self._high = HIGH_WATER if high is None else high
        self._low = self._high // 4 if low is None else low

    def pause_reading(self) -> None:
        """Stop passing bytes up; acknowledgements are still processed."""
        self._reading = False

    def resume_reading(self) -> None:
        """Resume passing bytes up."""
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
        """Send the link's pending blocks and set its timer."""
        self._scheduled = False
        link, lower = self.link, self.lower
        if self._is_over or lower.is_closing():
            return
        if not self._lower_full:
            self._send()
        if link.closed:
            self._end()
            return
        if self._upper_paused and link.buffered < self._low:
            self._upper_paused = False
            self.upper.resume_writing()
        if self._closing and not (link.buffered and link.opened):
            if link.opened:
                link.close()
                self._send()
            self._end()
            return
        if not self._lower_full:  # the timer is set again in `resume_writing`
            self._arm(link.next_timer())

    def _end(self) -> None:
        """Close the transport, once; a write after its end would be an error."""
        self._is_over = True
        if self._timer is not None:
            self._timer.cancel()
        half_close(self.lower)

    def _send(self) -> None:
        """Send the link's pending blocks; on a server, within the CPU limit."""
        is_last = self.link.closed or (self._closing and not self.link.buffered)
        if self._work is None or is_last:
            self._send_step()
        else:
            self._work.send(self, lambda: self._send_step(_SENT_AT_ONCE), self._pump)

    def _send_step(self, room: int | None = None) -> bool:
        """Send some of the blocks, and return whether there may be more."""
        blocks = self.link.blocks_to_send(self._loop.time(), room)
        size = sum(map(len, blocks))
        if self.link.mtu is None:
            blocks = [b"".join(blocks)] if blocks else []
        for data in blocks:
            self.lower.write(data)
        return room is not None and size >= room and not self._lower_full

    def _arm(self, due: float | None) -> None:
        """Schedule `_tick`, unless an earlier timer is already set."""
        if due is None or (self._timer is not None and self._due <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._due = due
        self._timer = self._loop.call_at(due, self._tick)
