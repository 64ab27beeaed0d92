"""Builds the codes that clients name, in a thread and a few at a time.

A code that is not in the link's table costs up to a second of processor time and some megabytes, and
anyone may ask for one before logging in.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from weakref import WeakValueDictionary

from netchat.link.code_table import CODES, BlockCode, check_form, check_spec, known_code

__all__ = ["MOST_IN_USE", "CodeLoader"]

#: Codes outside the table that links use at the same time.
MOST_IN_USE = 16

#: Codes that wait to be built; a client repeats what finds no room.
_MOST_WAITING = 16

#: Codes that were just built, and specs that just turned out to be unusable. A client asks for its
#: code again after half a second.
_RECENT = 8

#: The building thread rests so many times as long as it has worked: it competes for the
#: interpreter with the event loop.
_REST = 4


class CodeLoader:
    """Source of codes for the server's links; see `netchat.link.code_table.CodeSource`.

    Args:
        loop: the event loop that calls it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._in_use: WeakValueDictionary[str, BlockCode] = WeakValueDictionary()
        self._recent: deque[tuple[str, BlockCode | ValueError]] = deque(maxlen=_RECENT)
        self._waiting: set[str] = set()
        self._thread = ThreadPoolExecutor(1, "codes")

    def __call__(self, spec: str) -> BlockCode | None:
        """Return the code of a spec; None if it is not built yet.

        Raises:
            ValueError: a link may not use it, or too many others are in use.
        """
        found = known_code(spec) or self._in_use.get(spec)
        if found is not None:
            return found
        check_form(spec)
        for tried, outcome in self._recent:
            if tried == spec and isinstance(outcome, ValueError):
                raise outcome
        if len(self._in_use) >= MOST_IN_USE:
            raise ValueError(
                f"the server's links use {MOST_IN_USE} other codes already; "
                f"use adaptive or one of {', '.join(CODES.values())}"
            )
        if spec not in self._waiting and len(self._waiting) < _MOST_WAITING:
            self._waiting.add(spec)
            self._thread.submit(self._build, spec)
        return None

    def close(self) -> None:
        """Build no more."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _build(self, spec: str) -> None:
        begun = time.thread_time()
        outcome: BlockCode | ValueError
        try:
            outcome = BlockCode(check_spec(spec))
            outcome.warm_up()
        except ValueError as error:
            outcome = error
        except Exception as error:  # no memory, for example: the spec must not stay in `_waiting`
            outcome = ValueError(f"the server cannot build {spec}: {error!r}")
        worked = time.thread_time() - begun
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._built, spec, outcome)
        del outcome  # else this thread's frame keeps it alive while it rests
        time.sleep(min(1.0, _REST * worked))

    def _built(self, spec: str, outcome: BlockCode | ValueError) -> None:
        self._waiting.discard(spec)
        self._recent.append((spec, outcome))
        if isinstance(outcome, BlockCode):
            self._in_use[spec] = outcome
