"""Queue that is fair between addresses, and between the visitors of one address."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

__all__ = ["FairQueue"]

_T = TypeVar("_T")


class FairQueue(Generic[_T]):
    """Round robin between addresses, and between the visitors of an address.

    A visitor that sends many jobs only waits for its own ones, and so do the visitors of an address with
    many connections.
    """

    def __init__(self) -> None:
        self._addresses: OrderedDict[str, OrderedDict[Hashable, deque[_T]]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        """Return the number of jobs."""
        return self._count

    def waiting(self, address: str, visitor: Hashable) -> int:
        """Return the number of jobs of a visitor."""
        visitors = self._addresses.get(address)
        return 0 if visitors is None else len(visitors.get(visitor, ()))

    def add(self, address: str, visitor: Hashable, job: _T) -> None:
        """Append a job of a visitor."""
        visitors = self._addresses.setdefault(address, OrderedDict())
        visitors.setdefault(visitor, deque()).append(job)
        self._count += 1

    def next(self) -> _T:
        """Remove and return the next job.

        Raises:
            LookupError: The queue is empty.
        """
        if not self._addresses:
            raise LookupError("the queue is empty")
        address, visitors = self._addresses.popitem(last=False)
        visitor, jobs = visitors.popitem(last=False)
        job = jobs.popleft()
        self._count -= 1
        if jobs:
            visitors[visitor] = jobs
        if visitors:
            self._addresses[address] = visitors
        return job

    def remove(self, address: str, visitor: Hashable, matches: Callable[[_T], bool]) -> list[_T]:
        """Remove and return the jobs of a visitor that match."""
        visitors = self._addresses.get(address)
        jobs = visitors.get(visitor) if visitors is not None else None
        if visitors is None or jobs is None:
            return []
        found = [job for job in jobs if matches(job)]
        kept = deque(job for job in jobs if not matches(job))
        self._count -= len(found)
        if kept:
            visitors[visitor] = kept
        else:
            del visitors[visitor]
            if not visitors:
                del self._addresses[address]
        return found
