"""Driver of a run: it keeps an executor busy until all points are done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any, Protocol

from netchat.bench.engine.batch import BatchResult
from netchat.bench.engine.interrupt import Interrupt
from netchat.bench.engine.measurement import Measurement

__all__ = ["Executor", "drive"]


class Executor(Protocol):
    """Executor that runs batches."""

    seconds: float
    """Target duration of one call, in seconds."""

    @property
    def workers(self) -> int:
        """Number of calls in progress that keep the executor busy."""

    def start(self, count: int) -> None:
        """Start workers before there is work for them."""

    def submit(self, function: Any, /, *arguments: Any) -> Future[Any]:
        """Submit a function."""


def drive(
    measurements: Sequence[Measurement], executor: Executor, interrupt: Interrupt
) -> Iterator[Measurement]:
    """Keep the executor busy until all points are done; yield each one that got new counts.

    Raises:
        KeyboardInterrupt: There was an interrupt.
        BenchError: A code or the executor failed.
    """
    running: dict[Future[list[BatchResult]], tuple[Measurement, int]] = {}
    while True:
        while len(running) < executor.workers and (one := _next(measurements)) is not None:
            numbers = one.next_batches(executor.seconds)
            with interrupt.allowed():
                future = executor.submit(one.simulation.run_all, numbers)
            running[future] = one, numbers.start
        if not running:
            return
        # Wake up once a second so that Ctrl-C is handled on every system.
        with interrupt.allowed():
            done = wait(running, timeout=1, return_when=FIRST_COMPLETED).done
        for future in done:
            one, first = running.pop(future)
            one.add(first, future.result())
            yield one


def _next(measurements: Sequence[Measurement]) -> Measurement | None:
    """Return the measurement with the fewest calls in progress.

    The first batch of a point runs alone, because many points need no more.
    """
    waiting = [
        one for one in measurements if one.wants_more and (one.point.batches or not one.running)
    ]
    return min(waiting, key=lambda one: one.running, default=None)
