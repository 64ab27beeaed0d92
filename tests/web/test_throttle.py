"""Requests of one address are paced; a class that opens the page at once does not wait."""

import asyncio
import contextlib

from netchat.web import throttle
from netchat.web.throttle import BURST, RATE, Throttle
from tests.web.serving import plain, serve_page


def test_a_class_may_open_the_page_at_once():
    paced = Throttle()
    assert not any(paced.seconds("10.0.0.1", 1000.0) for _ in range(BURST))


def test_above_that_requests_come_at_the_rate():
    paced = Throttle()
    waits = [paced.seconds("10.0.0.1", 1000.0) for _ in range(BURST + 400)]
    assert abs(waits[-1] - 400 / RATE) < 1e-6
    assert paced.seconds("10.0.0.2", 1000.0) == 0
    assert paced.seconds("10.0.0.1", 1000.0 + 1 + (BURST + 400) / RATE) == 0


def test_addresses_are_forgotten():
    paced = Throttle()
    for number in range(throttle.MOST + 1):
        paced.seconds(f"10.0.{number // 256}.{number % 256}", 1000.0)
    paced.seconds("10.1.0.0", 1000.0 + BURST / RATE + 1)
    assert len(paced._due) == 1


async def test_the_site_waits_before_it_answers(monkeypatch):
    monkeypatch.setattr(throttle, "BURST", 2)
    monkeypatch.setattr(throttle, "RATE", 0.1)
    async with serve_page() as (_, port), plain(port) as (reader, writer):
        writer.write(f"GET /info.json HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode() * 3)
        answers = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                while line := await reader.readline():
                    answers += b"HTTP/1.1 200" in line
        assert answers == 2
