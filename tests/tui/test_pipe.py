"""Standard input of a client in a pipe."""

import asyncio
import os

import pytest

from netchat.tui import pipe as module
from netchat.tui.input_lines import InputLines


@pytest.fixture
def standard_input(monkeypatch):
    """Replace standard input by a pipe; return its other end."""
    theirs, ours = os.pipe()
    with open(theirs, "rb") as file, open(ours, "wb", buffering=0) as other:  # noqa: PTH123
        monkeypatch.setattr(module.sys, "stdin", file)
        yield other


async def test_all_lines_arrive_and_then_the_end(standard_input):
    standard_input.write(b"one\ntwo\nthree")
    standard_input.close()
    async with asyncio.timeout(10):
        assert [line.text async for line in module._lines_of_input()] == ["one", "two", "three"]


async def test_an_error_of_the_reading_thread_arrives_after_the_lines_before_it(
    standard_input, monkeypatch
):
    feed = InputLines.feed

    def failing(self, data, *, final=False):
        if data == b"bad\n":
            raise MemoryError("too long")
        return feed(self, data, final=final)

    monkeypatch.setattr(InputLines, "feed", failing)
    lines = module._lines_of_input()
    async with asyncio.timeout(10):
        standard_input.write(b"good\n")
        assert (await anext(lines)).text == "good"
        standard_input.write(b"bad\n")
        with pytest.raises(MemoryError, match="too long"):
            await anext(lines)
