"""Coroutines that a cancelled task completes first."""

from __future__ import annotations

import asyncio

import pytest

from netchat.net.cluster.uninterrupted import uninterrupted


async def test_a_cancelled_task_completes_the_coroutine_first() -> None:
    go, steps = asyncio.Event(), []

    async def work() -> None:
        steps.append("begun")
        await go.wait()
        steps.append("done")

    task = asyncio.create_task(uninterrupted(work()))
    await asyncio.sleep(0)
    for _ in range(2):
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert steps == ["begun", "done"]


@pytest.mark.parametrize("is_cancelled", [False, True])
async def test_an_error_is_raised(is_cancelled: bool) -> None:
    async def work() -> None:
        await asyncio.sleep(0)
        raise ValueError("x")

    task = asyncio.create_task(uninterrupted(work()))
    await asyncio.sleep(0)
    if is_cancelled:
        task.cancel()
    with pytest.raises(ValueError, match="x"):
        await task
