"""Background loading of the codes that clients name in OPEN.

A code that is not in the link's table costs up to a second of CPU time and some megabytes, and any
client can request one before logging in.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from weakref import WeakValueDictionary

from netchat.link.code_table import CODES, BlockCode, check_form, check_spec, known_code

__all__ = ["MAX_IN_USE", "CodeLoader"]

#: Maximum number of codes outside the table that links use at the same time.
MAX_IN_USE = 16

#: Maximum number of codes waiting to be built; clients repeat requests that do not fit.
_MAX_WAITING = 16

#: Number of recently built codes and rejected specs to remember. A client repeats its request after
#: half a second.
_RECENT = 8

#: Ratio of rest to work of the building thread, which competes with the event loop for the GIL.
_REST = 4


class CodeLoader:
    """Source of codes for the server's links; see `netchat.link.code_table.CodeSource`.

    Args:
        loop: Event loop of the server.
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
            ValueError: A link cannot use the code, or too many others are in use.
        """
        found = known_code(spec) or self._in_use.get(spec)
        if found is not None:
            return found
        check_form(spec)
        for tried, outcome in self._recent:
            if tried == spec and isinstance(outcome, ValueError):
                raise outcome
        if len(self._in_use) >= MAX_IN_USE:
            raise ValueError(
                f"the server's links already use {MAX_IN_USE} other codes; "
                f"use adaptive or one of {', '.join(CODES.values())}"
            )
        if spec not in self._waiting and len(self._waiting) < _MAX_WAITING:
            self._waiting.add(spec)
            self._thread.submit(self._build, spec)
        return None

    def close(self) -> None:
        """Cancel pending builds."""
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
        del outcome  # otherwise this frame keeps the code alive while the thread rests
        time.sleep(min(1.0, _REST * worked))

    def _built(self, spec: str, outcome: BlockCode | ValueError) -> None:
        self._waiting.discard(spec)
        self._recent.append((spec, outcome))
        if isinstance(outcome, BlockCode):
            self._in_use[spec] = outcome
