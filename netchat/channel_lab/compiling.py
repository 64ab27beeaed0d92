"""Notices when a worker process of the lab has to compile kernels."""

from __future__ import annotations

from collections.abc import Callable

from numba.core import event

import netchat.jit

__all__ = ["watch_compilation"]


class _FirstCompilation(event.Listener):
    """Calls a function when the first kernel since the last reset is compiled."""

    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call
        self.is_told = False

    def on_start(self, event: event.Event) -> None:  # noqa: ARG002 - Numba's
        if not self.is_told:
            self.is_told = True
            self._call()

    def on_end(self, event: event.Event) -> None:
        """Do nothing at the end of a compilation."""


def watch_compilation(call: Callable[[], None]) -> Callable[[], None]:
    """Call a function when kernels are compiled; the notice on standard error is left out.

    Args:
        call: Function to call, once until the next reset.

    Returns:
        A function that resets the watch.
    """

    def ignore(notice: str) -> None:
        """Leave out the notice."""

    netchat.jit.on_compile = ignore
    listener = _FirstCompilation(call)
    event.register("numba:compile", listener)  # type: ignore[no-untyped-call]

    def reset() -> None:
        listener.is_told = False

    return reset
