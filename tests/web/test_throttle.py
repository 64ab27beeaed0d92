"""Tests of the rate limit per address; a whole class may open the page at once."""

import asyncio

import pytest

from netchat.web import throttle
from netchat.web.throttle import BURST, RATE, Throttle
from tests.web.serving import plain, serve_page


def test_a_class_may_open_the_page_at_once():
    limiter = Throttle()
    assert not any(limiter.seconds("10.0.0.1", 1000.0) for _ in range(BURST))


def test_requests_above_the_burst_are_delayed_to_the_rate():
    limiter = Throttle()
    waits = [limiter.seconds("10.0.0.1", 1000.0) for _ in range(BURST + 400)]
    assert abs(waits[-1] - 400 / RATE) < 1e-6
    assert limiter.seconds("10.0.0.2", 1000.0) == 0
    assert limiter.seconds("10.0.0.1", 1000.0 + 1 + (BURST + 400) / RATE) == 0


def test_memory_is_bounded_and_idle_addresses_are_removed():
    limiter = Throttle()
    for number in range(throttle.MAX_ADDRESSES + 100):
        limiter.seconds(f"10.0.{number // 256}.{number % 256}", 1000.0)
    assert len(limiter._buckets) == throttle.MAX_ADDRESSES
    limiter.seconds("10.1.0.0", 1000.0 + 1 / RATE)
    assert len(limiter._buckets) == 1


@pytest.mark.slow
async def test_the_site_delays_its_responses(monkeypatch):
    monkeypatch.setattr(throttle, "BURST", 2)
    monkeypatch.setattr(throttle, "RATE", 0.1)
    async with serve_page() as (_, port), plain(port) as (reader, writer):
        writer.write(f"GET /info.json HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode() * 3)
        async with asyncio.timeout(20):
            for _ in range(2):
                await reader.readuntil(b"HTTP/1.1 200")
        with pytest.raises(TimeoutError):  # the third one is delayed by ten seconds
            async with asyncio.timeout(0.1):
                await reader.readuntil(b"HTTP/1.1 200")


def test_delays_are_bounded_for_an_address_that_does_not_wait_for_responses():
    limiter = Throttle()
    delays = [limiter.seconds("10.0.0.1", 1000.0) for _ in range(BURST + 100_000)]
    assert delays.count(None) == 100_000 - throttle.MAX_DELAY * RATE
    assert limiter.seconds("10.0.0.1", 1000.5) <= throttle.MAX_DELAY


async def test_requests_above_the_longest_delay_are_refused(monkeypatch):
    monkeypatch.setattr(throttle, "BURST", 1)
    monkeypatch.setattr(throttle, "RATE", 0.01)
    async with serve_page() as (_, port), plain(port) as (reader, writer):
        writer.write(f"GET /info.json HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode() * 2)
        async with asyncio.timeout(20):
            assert (await reader.readuntil(b"HTTP/1.1 429 ")).startswith(b"HTTP/1.1 200 ")
            assert b"Retry-After: 10" in await reader.readuntil(b"\r\n\r\n")
