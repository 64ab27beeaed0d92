"""Connections within a process: order, backpressure, and how they end."""

from __future__ import annotations

import asyncio

from netchat.net.memory_pipe import HIGH_WATER, memory_pipe


class End(asyncio.Protocol):
    """Protocol that records what happens to it."""

    def __init__(self) -> None:
        self.data = b""
        self.log: list[str] = []

    def connection_made(self, transport):
        self.log.append("made")

    def data_received(self, data):
        self.data += data

    def connection_lost(self, exc):
        self.log.append("lost")

    def pause_writing(self):
        self.log.append("pause")

    def resume_writing(self):
        self.log.append("resume")


async def connected():
    one, two = memory_pipe(("192.0.2.1", 7))
    ends = End(), End()
    one.start(ends[0])
    two.start(ends[1])
    return one, two, *ends


async def turns(count=20):
    for _ in range(count):
        await asyncio.sleep(0)


def test_both_directions_arrive_in_order_in_a_later_turn():
    async def run():
        one, two, left, right = await connected()
        for number in range(10):
            one.write(bytes([number]))
            two.write(bytes([100 + number]))
        assert left.data == right.data == b""
        await turns()
        assert right.data == bytes(range(10))
        assert left.data == bytes(range(100, 110))
        assert one.get_extra_info("peername") == ("192.0.2.1", 7)
        assert not one.can_write_eof()

    asyncio.run(run())


def test_a_slow_reader_pauses_the_writer():
    async def run():
        one, two, left, right = await connected()
        two.pause_reading()
        assert not two.is_reading()
        for _ in range(5):
            one.write(bytes(HIGH_WATER // 4))
        await turns()
        assert left.log == ["made", "pause"]
        assert right.data == b""
        assert one.get_write_buffer_size() == 5 * (HIGH_WATER // 4)
        two.resume_reading()
        await turns()
        assert left.log == ["made", "pause", "resume"]
        assert len(right.data) == 5 * (HIGH_WATER // 4)
        assert one.get_write_buffer_size() == 0

    asyncio.run(run())


def test_limits_can_be_set():
    async def run():
        one, two, left, _ = await connected()
        one.set_write_buffer_limits(high=10)
        assert one.get_write_buffer_limits() == (2, 10)
        two.pause_reading()
        one.write(bytes(11))
        assert left.log == ["made", "pause"]

    asyncio.run(run())


def test_close_delivers_what_was_sent():
    async def run():
        one, two, left, right = await connected()
        one.write(b"last words")
        one.close()
        assert one.is_closing()
        one.write(b"too late")
        await turns()
        assert right.data == b"last words"
        assert left.log == right.log == ["made", "lost"]
        assert two.is_closing()
        two.write(b"never read")
        two.close()
        await turns()
        assert left.data == b""

    asyncio.run(run())


def test_abort_discards_it():
    async def run():
        one, _, left, right = await connected()
        one.write(b"never arrives")
        one.abort()
        await turns()
        assert right.data == b""
        assert left.log == right.log == ["made", "lost"]

    asyncio.run(run())


def test_an_end_that_does_not_read_learns_of_the_close():
    async def run():
        one, two, left, right = await connected()
        two.pause_reading()
        one.close()
        await turns()
        assert left.log == right.log == ["made", "lost"]

    asyncio.run(run())


def test_the_protocol_can_be_replaced():
    async def run():
        one, two, _, right = await connected()
        other = End()
        two.set_protocol(other)
        assert two.get_protocol() is other
        one.write(b"hello")
        await turns()
        assert (right.data, other.data) == (b"", b"hello")

    asyncio.run(run())
