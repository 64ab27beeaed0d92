"""Requests of one address are paced; a class that opens the page at once does not wait."""

import asyncio
import contextlib

from netchat.web import pace
from netchat.web.pace import BURST, RATE, Pace
from tests.web.serving import plain, serve_page


def test_a_class_may_open_the_page_at_once():
    paced = Pace()
    assert not any(paced.seconds("10.0.0.1", 1000.0) for _ in range(BURST))


def test_above_that_requests_come_at_the_rate():
    paced = Pace()
    waits = [paced.seconds("10.0.0.1", 1000.0) for _ in range(BURST + 400)]
    assert abs(waits[-1] - 400 / RATE) < 1e-6
    assert paced.seconds("10.0.0.2", 1000.0) == 0
    assert paced.seconds("10.0.0.1", 1000.0 + 1 + (BURST + 400) / RATE) == 0


def test_addresses_are_forgotten():
    paced = Pace()
    for number in range(pace.MOST + 1):
        paced.seconds(f"10.0.{number // 256}.{number % 256}", 1000.0)
    paced.seconds("10.1.0.0", 1000.0 + BURST / RATE + 1)
    assert len(paced._due) == 1


async def test_the_site_waits_before_it_answers(monkeypatch):
    monkeypatch.setattr(pace, "BURST", 2)
    monkeypatch.setattr(pace, "RATE", 0.1)
    async with serve_page() as (_, port), plain(port) as (reader, writer):
        writer.write(f"GET /info.json HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode() * 3)
        answers = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                while line := await reader.readline():
                    answers += b"HTTP/1.1 200" in line
        assert answers == 2


def test_an_address_that_does_not_wait_for_answers_cannot_make_others_wait_for_ever():
    paced = Pace()
    asked = [paced.seconds("10.0.0.1", 1000.0) for _ in range(BURST + 100_000)]
    assert asked.count(None) == 100_000 - pace.LONGEST * RATE
    assert paced.seconds("10.0.0.1", 1000.5) <= pace.LONGEST


async def test_above_the_longest_wait_a_request_is_refused(monkeypatch):
    monkeypatch.setattr(pace, "BURST", 1)
    monkeypatch.setattr(pace, "RATE", 0.01)
    async with serve_page() as (_, port), plain(port) as (reader, writer):
        writer.write(f"GET /info.json HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode() * 2)
        async with asyncio.timeout(5):
            assert (await reader.readuntil(b"HTTP/1.1 429 ")).startswith(b"HTTP/1.1 200 ")
            assert b"Retry-After: 10" in await reader.readuntil(b"\r\n\r\n")
