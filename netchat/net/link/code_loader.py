"""Background loading of the codes that clients name in OPEN.

A code that is not in the link's table costs up to a second of CPU time and some megabytes, and any
client can request one before logging in.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import NamedTuple
from weakref import WeakValueDictionary

from netchat.chat.fair_shares import Shares
from netchat.link.code_spec import check_form
from netchat.link.code_table import (
    CODES,
    BlockCode,
    CodeSource,
    check_spec,
    known_code,
    warm_up_redundancy,
)
from netchat.link.incremental_redundancy import RedundancyCode
from netchat.net.link.short_collections import short_collections
from netchat.wording import many

__all__ = ["MAX_IN_USE", "CodeLoader"]

#: Maximum number of codes outside the table that are in use or being built. One address group can
#: have half of them, the next one half of the rest, and so on.
MAX_IN_USE = 16

#: Number of recently built codes and rejected specs to remember. A client repeats its request after
#: half a second.
_RECENT = 8

#: Ratio of rest to work of the building thread, which competes with the event loop for the GIL.
_REST = 4


def _load_redundancy() -> None:
    with short_collections():
        warm_up_redundancy()


class _Outcome(NamedTuple):
    share: str
    spec: str
    result: BlockCode | ValueError


class CodeLoader:
    """Source of codes for the server's links, which shares them fairly among address groups.

    A code counts against the group that requested it first. Groups take turns in having a code built.

    Args:
        loop: Event loop of the server.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._in_use: WeakValueDictionary[str, BlockCode] = WeakValueDictionary()
        self._shares: dict[str, str] = {}  # address group of each spec in use or being built
        self._recent: list[_Outcome] = []
        self._waiting: list[str] = []
        self._building = ""
        self._turns: dict[str, int] = {}  # number of the last turn of each group that waits
        self._turn = 0
        self._thread = ThreadPoolExecutor(1, "codes")
        self._redundancy: Future[None] | None = None

    def source(self, share: str) -> CodeSource:
        """Return the source of codes for an address group; see `netchat.link.code_table`."""
        return partial(self._code, share)

    def _code(self, share: str, spec: str) -> BlockCode | None:
        """Return the code of a spec; None if it is not built yet.

        Raises:
            ValueError: A link cannot use the code, or too many others are in use.
        """
        found = known_code(spec) or self._in_use.get(spec)
        if isinstance(found, RedundancyCode) and not self._has_redundancy():
            return None
        if found is not None:
            return found
        check_form(spec)
        for outcome in self._recent:
            if outcome.spec == spec and isinstance(outcome.result, ValueError):
                raise outcome.result
        if spec not in self._waiting and spec != self._building:
            self._check_share(share)
            self._shares[spec] = share
            self._waiting.append(spec)
            self._build_next()
        return None

    def _has_redundancy(self) -> bool:
        """Return whether the codes with incremental redundancy are loaded; start to load them."""
        if self._redundancy is None:
            self._redundancy = self._thread.submit(_load_redundancy)
        if self._redundancy.done() and self._redundancy.exception():  # no memory, for example
            self._redundancy = None
            return False
        return self._redundancy.done()

    def close(self) -> None:
        """Cancel pending builds."""
        self._waiting.clear()
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _check_share(self, share: str) -> None:
        """Refuse one more code to an address group that has its share of them."""
        while not (shares := self._used()).allows(share):
            is_full = shares.total >= MAX_IN_USE
            if not self._forget(None if is_full else share):
                who = "the server's links" if is_full else "links from your address"
                count = shares.total if is_full else shares.counts[share]
                raise ValueError(
                    f"{who} already use {many(count, 'other code')}; "
                    f"use adaptive or one of {', '.join(CODES.values())}"
                )

    def _used(self) -> Shares:
        """Return how many codes each address group has in use or being built."""
        used = {*self._in_use, *self._waiting, self._building}
        self._shares = {spec: share for spec, share in self._shares.items() if spec in used}
        shares = Shares(MAX_IN_USE, guaranteed=1, free_factor=1)
        for share in self._shares.values():
            shares.acquire(share)
        return shares

    def _forget(self, share: str | None) -> bool:
        """Forget the oldest recently built code of a group, or of any; return False without one."""
        for index, outcome in enumerate(self._recent):
            if share in (None, outcome.share) and isinstance(outcome.result, BlockCode):
                del self._recent[index], outcome  # the last references, unless a link uses it
                return True
        return False

    def _build_next(self) -> None:
        """Build the code of the group whose last turn is longest ago."""
        if self._building or not self._waiting:
            return
        self._turns = {
            share: self._turns.get(share, 0)
            for share in map(self._shares.get, self._waiting)
            if share
        }
        spec = min(self._waiting, key=lambda spec: self._turns[self._shares[spec]])
        self._waiting.remove(spec)
        self._turn += 1
        self._turns[self._shares[spec]] = self._turn
        self._building = spec
        self._thread.submit(self._build, spec)

    def _build(self, spec: str) -> None:
        begun = time.thread_time()
        result: BlockCode | ValueError
        try:
            result = BlockCode(check_spec(spec))
            result.warm_up()
        except ValueError as error:
            result = error
        except Exception as error:  # no memory, for example: the next code must be built
            result = ValueError(f"the server cannot build {spec}: {error!r}")
        worked = time.thread_time() - begun
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._built, spec, result)
        del result  # otherwise this frame keeps the code alive while the thread rests
        time.sleep(min(1.0, _REST * worked))

    def _built(self, spec: str, result: BlockCode | ValueError) -> None:
        self._building = ""
        if isinstance(result, BlockCode):
            self._in_use[spec] = result
        self._recent.append(_Outcome(self._shares[spec], spec, result))
        if len(self._recent) > _RECENT:  # forget one of the group that has most
            counts = Counter(outcome.share for outcome in self._recent)
            most = max(counts.values())
            self._recent.remove(next(o for o in self._recent if counts[o.share] == most))
        self._build_next()
