"""Coroutines that a cancelled task completes first."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

__all__ = ["uninterrupted"]


async def uninterrupted(coroutine: Coroutine[Any, Any, None]) -> None:
    """Await a coroutine; if the caller is cancelled meanwhile, complete it before, and raise its error.

    The position in the stream and the owner's state change together, or the owner would miss entries.
    """
    task = asyncio.ensure_future(coroutine)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    task.result()
    if cancelled is not None:
        raise cancelled
